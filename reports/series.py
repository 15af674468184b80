"""Frames behind the charts: a run in, small tidy frames out, whatever the run's length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.analysis import Analysis
from reports.load import Run
from reports.measures import NS
from reports.population import succeeded
from reports.words import legible

__all__ = [
    "OUTCOMES",
    "breaker_spans",
    "latency_lines",
    "latency_sample",
    "open_spans",
    "outcomes_over_time",
    "phase_spans",
    "ratio_over_time",
    "tables",
    "truth_marks",
]

OUTCOMES = ("2xx", "429 backend", "503 shed", "other error", "no response")
MOST_BINS = 100
MOST_POINTS = 2000
MOST_SPANS = 300
LINES = {"median": 0.5, "p99": 0.99}


def outcome_codes(frame: pd.DataFrame) -> npt.NDArray[np.int8]:
    """What each request came to, as an index into OUTCOMES."""
    status, gateway = frame["status"].to_numpy(), (frame["origin"] == "gateway").to_numpy()
    code = np.full(len(frame), OUTCOMES.index("other error"), dtype=np.int8)
    code[succeeded(frame).to_numpy()] = OUTCOMES.index("2xx")
    code[(status == 429) & ~gateway] = OUTCOMES.index("429 backend")
    code[(status == 503) & gateway] = OUTCOMES.index("503 shed")
    code[status == 0] = OUTCOMES.index("no response")
    return code


def bin_width_s(duration_s: float) -> float:
    """Width of a time bin: a round number of seconds that keeps the bins few."""
    for width in (0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600):
        if duration_s / width <= MOST_BINS:
            return width
    return duration_s / MOST_BINS


def _bins(run: Run, width_s: float) -> npt.NDArray[np.int64]:
    """The time bin of each request, by its start; what began before the run's zero falls into the first."""
    passed: npt.NDArray[np.int64] = run.requests["start_ns"].to_numpy() - run.start_ns
    return np.asarray(np.maximum(passed // round(width_s * NS), 0), dtype=np.int64)


def outcomes_over_time(run: Run, duration_s: float) -> pd.DataFrame:
    """Columns time_s (bin start), end_s, outcome, count, rate (per second, by start), low and high (stacked rates)."""
    width = bin_width_s(duration_s)
    kinds = len(OUTCOMES)
    counts = np.bincount(_bins(run, width) * kinds + outcome_codes(run.requests))
    cells = np.flatnonzero(counts)
    frame = pd.DataFrame({"bin": cells // kinds, "outcome": np.array(OUTCOMES)[cells % kinds], "count": counts[cells]})
    frame["time_s"], frame["end_s"] = frame["bin"] * width, (frame["bin"] + 1) * width
    frame["rate"] = frame["count"] / width
    frame["high"] = frame.groupby("bin")["rate"].cumsum()
    frame["low"] = frame["high"] - frame["rate"]
    return frame.drop(columns="bin")


def ratio_over_time(run: Run, duration_s: float) -> pd.DataFrame:
    """Columns time_s, end_s, throttled, shed, ratio (sheds for each throttle; null without throttles) and absorption.

    Absorption is the shed share of the two. One row for each bin, of a second at least, that has either.
    """
    width = max(1.0, bin_width_s(duration_s))
    code, second = outcome_codes(run.requests), _bins(run, width)
    throttled, shed = (second[code == OUTCOMES.index(name)] for name in ("429 backend", "503 shed"))
    size = int(second.max(initial=-1)) + 1
    frame = pd.DataFrame(
        {"throttled": np.bincount(throttled, minlength=size), "shed": np.bincount(shed, minlength=size)}
    )
    frame.insert(0, "time_s", np.arange(size) * width)
    frame.insert(1, "end_s", frame["time_s"] + width)
    frame = frame[frame["throttled"] + frame["shed"] > 0].reset_index(drop=True)
    frame["ratio"] = frame["shed"] / frame["throttled"].where(frame["throttled"] > 0)
    frame["absorption"] = frame["shed"] / (frame["shed"] + frame["throttled"])
    return frame


def latency_sample(run: Run) -> pd.DataFrame:
    """At most MOST_POINTS requests, evenly spread, the slowest kept: time_s, latency_ms, wire_ms, outcome, phase.

    `latency_ms` counts from the intended start, `wire_ms` from the moment of sending.
    """
    frame = run.requests
    keep = np.arange(len(frame))
    if len(frame) > MOST_POINTS:
        latency = frame["latency_us"].to_numpy()
        slowest = np.argpartition(latency, -MOST_POINTS // 10)[-MOST_POINTS // 10 :]
        even = np.linspace(0, len(frame) - 1, MOST_POINTS - len(slowest)).astype(np.int64)
        keep = np.unique(np.concatenate((even, slowest)))
    sample = frame.iloc[keep]
    wire_ms = np.maximum(sample["latency_us"].to_numpy() / 1000, 0.001)
    late_ms = np.maximum(sample["start_ns"].to_numpy() - sample["intended_ns"].to_numpy(), 0) / 1e6
    return pd.DataFrame(
        {
            "time_s": np.round((sample["start_ns"].to_numpy() - run.start_ns) / NS, 4),
            "latency_ms": np.round(wire_ms + late_ms, 3),
            "wire_ms": wire_ms,
            "outcome": np.array(OUTCOMES)[outcome_codes(sample)],
            "phase": [legible(phase) for phase in sample["phase"]],
        }
    )


def latency_lines(run: Run, duration_s: float) -> pd.DataFrame:
    """Columns time_s (middle of a bin), origin, quantile, latency_ms from the intended start, n.

    Counting from the intended start keeps a stall from hiding the requests that waited behind it.
    """
    width = max(1.0, bin_width_s(duration_s))
    frame = run.requests
    bins = _bins(run, width)
    rows: list[dict[str, object]] = []
    for origin in ("backend", "gateway"):
        own = np.flatnonzero((frame["origin"] == origin).to_numpy())
        late_us = (frame["start_ns"].to_numpy()[own] - frame["intended_ns"].to_numpy()[own]) // 1000
        latency_ms = (frame["latency_us"].to_numpy()[own] + np.maximum(late_us, 0)) / 1000
        if not len(own):
            continue
        # Rows come in start order, so bins are slices; an empty one breaks the line.
        seconds = np.arange(bins[own[0]], bins[own[-1]] + 1)
        parts = np.split(latency_ms, np.searchsorted(bins[own], seconds[1:]))
        rows += [
            row
            for second, part in zip(seconds, parts, strict=True)
            for row in _line((second + 0.5) * width, origin, part)
        ]
    return pd.DataFrame(rows, columns=["time_s", "origin", "quantile", "latency_ms", "n"])


def _line(time_s: float, origin: str, latency_ms: npt.NDArray[np.float64]) -> list[dict[str, object]]:
    """A row for each quantile of one bin; null where nothing was answered."""
    values = [None] * len(LINES)
    if len(latency_ms):
        values = np.maximum(np.quantile(latency_ms, list(LINES.values()), method="higher"), 0.001).tolist()
    common = {"time_s": time_s, "origin": origin, "n": len(latency_ms)}
    return [{**common, "quantile": name, "latency_ms": value} for name, value in zip(LINES, values, strict=True)]


def phase_spans(run: Run, duration_s: float) -> pd.DataFrame:
    """Columns phase, start_s, end_s as the scenario has them, cut at the run's end."""
    rows, begin = [], 0.0
    for phase in run.scenario.phases:
        if begin < duration_s:
            end = min(begin + phase.duration_s, duration_s)
            rows.append({"phase": legible(phase.name), "start_s": begin, "end_s": end, "middle_s": (begin + end) / 2})
        begin += phase.duration_s
    return pd.DataFrame(rows, columns=["phase", "start_s", "end_s", "middle_s"])


def open_spans(analysis: Analysis, duration_s: float) -> pd.DataFrame:
    """Columns backend, start_s, end_s of each measured open period; an end not observed is the run's own."""
    rows = [
        {
            "backend": legible(trip.backend or "any"),
            "start_s": 0.0 if trip.tripped_s is None else trip.tripped_s.estimate,
            "end_s": duration_s if trip.reset_s is None else trip.reset_s.estimate,
        }
        for trip in analysis.trips
    ]
    return pd.DataFrame(rows, columns=["backend", "start_s", "end_s"])


def breaker_spans(run: Run, analysis: Analysis, duration_s: float) -> pd.DataFrame:
    """What the breaker track draws: backend, start_s, end_s, middle_s, trips, label.

    More than MOST_SPANS periods are drawn together where their gaps are too narrow to see.
    """
    spans = open_spans(analysis, duration_s).assign(trips=1)
    if len(spans) > MOST_SPANS:
        spans = _merged(spans, duration_s / MOST_SPANS)
    length = spans["end_s"] - spans["start_s"]
    spans["middle_s"] = spans["start_s"] + length / 2
    spans["label"] = [
        "" if wide < 0.035 * duration_s else "open" if wide < 0.075 * duration_s else f"open {wide:.2f} s"
        for wide in length
    ]
    return spans


def _merged(spans: pd.DataFrame, gap_s: float) -> pd.DataFrame:
    """Neighbouring spans of one backend as one, where less than `gap_s` lies between them."""
    ordered = spans.sort_values(["backend", "start_s"])
    ends = ordered.groupby("backend")["end_s"].cummax().groupby(ordered["backend"]).shift()
    group = (~(ordered["start_s"] - ends < gap_s)).cumsum()
    return ordered.groupby(group).agg(
        backend=("backend", "first"), start_s=("start_s", "min"), end_s=("end_s", "max"), trips=("trips", "sum")
    )


def truth_marks(analysis: Analysis) -> pd.DataFrame:
    """Columns backend, at_s, what: the gateway's own instants, at most two for each of MOST_SPANS trips."""
    rows = [
        {"backend": legible(trip.backend), "at_s": at, "what": what}
        for trip in (analysis.truth or [])[:MOST_SPANS]
        for at, what in ((trip.tripped_s, "opened"), (trip.reset_s, "closed"))
        if at is not None
    ]
    return pd.DataFrame(rows, columns=["backend", "at_s", "what"])


def tables(run: Run, analysis: Analysis, duration_s: float) -> dict[str, pd.DataFrame]:
    """The data behind each chart as a table for people, by the chart's name, columns headed in words."""
    outcomes = outcomes_over_time(run, duration_s)
    present = [name for name in OUTCOMES if name in set(outcomes["outcome"])]
    timeline = outcomes.pivot_table(index="time_s", columns="outcome", values="count", fill_value=0, aggfunc="sum")
    timeline = timeline.reindex(columns=present).astype(int).rename_axis(columns=None).reset_index()
    lines = latency_lines(run, duration_s).dropna()
    latency = lines.pivot_table(index=["time_s", "origin", "n"], columns="quantile", values="latency_ms", aggfunc="max")
    latency = latency.reindex(columns=list(LINES)).rename_axis(columns=None).reset_index()
    ratio = ratio_over_time(run, duration_s).drop(columns="end_s")
    spans = open_spans(analysis, duration_s).rename(columns={"start_s": "tripped, s", "end_s": "reset, s"})
    return {
        "breaker": spans,
        "timeline": timeline.rename(columns={"time_s": "from, s"}),
        "latency": latency.rename(columns={"time_s": "at, s", "median": "median, ms", "p99": "p99, ms"}),
        "ratio": ratio.rename(columns={"time_s": "from, s", "ratio": "503 for each 429", "absorption": "shed share"}),
    }
