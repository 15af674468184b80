"""Frames behind the charts: a run in, small tidy frames out, whatever the run's length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.loading.run import Run
from reports.render.words import legible
from reports.statistics.tally import BIN_S, OUTCOMES, bin_width_s
from reports.trips.analysis import Analysis
from reports.trips.instants import NS
from reports.trips.trip import Measured

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

MOST_SPANS = 300
QUANTILES = ("median", "p99")
SIDES = ("backend", "gateway")


def _counts(run: Run, width_s: float) -> npt.NDArray[np.int64]:
    """Requests of each outcome in each bin of a width, which is a whole multiple of the finest."""
    fine = run.tally.outcomes
    each = round(width_s / BIN_S)
    padded = np.pad(fine, ((0, -len(fine) % each), (0, 0)))
    return np.asarray(padded.reshape(-1, each, len(OUTCOMES)).sum(axis=1))


def outcomes_over_time(run: Run, duration_s: float) -> pd.DataFrame:
    """Columns time_s (bin start), end_s, outcome, count, rate (per second, by start), low and high (stacked rates)."""
    width = bin_width_s(duration_s)
    counts = _counts(run, width)
    bins, kinds = np.nonzero(counts)
    frame = pd.DataFrame({"bin": bins, "outcome": np.array(OUTCOMES)[kinds], "count": counts[bins, kinds]})
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
    counts = _counts(run, width)
    throttled, shed = (counts[:, OUTCOMES.index(name)] for name in ("429 backend", "503 shed"))
    begins = np.arange(len(counts)) * width
    frame = pd.DataFrame({"time_s": begins, "end_s": begins + width, "throttled": throttled, "shed": shed})
    frame = frame[frame["throttled"] + frame["shed"] > 0].reset_index(drop=True)
    frame["ratio"] = frame["shed"] / frame["throttled"].where(frame["throttled"] > 0)
    frame["absorption"] = frame["shed"] / (frame["shed"] + frame["throttled"])
    return frame


def latency_sample(run: Run) -> pd.DataFrame:
    """At most MOST_POINTS requests, evenly spread, the slowest kept: time_s, latency_ms, wire_ms, outcome, phase.

    `latency_ms` counts from the intended start, `wire_ms` from the moment of sending.
    """
    sample = run.tally.sample.frame
    start, intended = (sample[name].to_numpy(dtype=np.int64) for name in ("start_ns", "intended_ns"))
    wire_ms = np.maximum(sample["latency_us"].to_numpy(dtype=np.float64) / 1000, 0.001)
    late_ms = np.maximum(start - intended, 0) / 1e6
    return pd.DataFrame(
        {
            "time_s": np.round((start - run.start_ns) / NS, 4),
            "latency_ms": np.round(wire_ms + late_ms, 3),
            "wire_ms": wire_ms,
            "outcome": np.array(OUTCOMES)[sample["outcome"].to_numpy(dtype=np.int64)],
            "phase": [legible(phase) for phase in sample["phase"]],
        }
    )


def latency_lines(run: Run) -> pd.DataFrame:
    """Columns time_s (middle of a bin), origin, quantile, latency_ms from the intended start, n.

    Counting from the intended start keeps a stall from hiding the requests that waited behind it. A bin without
    answers has null, which breaks the line.
    """
    lines = run.tally.lines
    frame = lines.frame().melt(["bin", "side", "n"], list(QUANTILES), "quantile", "latency_us")
    frame = frame.sort_values(["side", "bin"], kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "time_s": (frame["bin"] + 0.5) * lines.width_s,
            "origin": [SIDES[side] for side in frame["side"]],
            "quantile": frame["quantile"],
            "latency_ms": (frame["latency_us"].astype(float) / 1000).clip(lower=0.001),
            "n": frame["n"],
        }
    )


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
    """Columns backend, tripped_s and reset_s of each measured open period, null where not seen; and start_s, end_s.

    These two are where to draw it: what was not seen, as far off as the neighbouring period or the run's end allows.
    """
    nothing = Measured(np.nan, np.nan)
    rows = [
        (legible(trip.backend or "any"), *((at or nothing).estimate for at in (trip.tripped_s, trip.reset_s)))
        for trip in analysis.trips
    ]
    spans = pd.DataFrame(rows, columns=["backend", "tripped_s", "reset_s"])
    own = spans.groupby("backend")
    before = own["reset_s"].shift().fillna(own["tripped_s"].shift()).fillna(0.0)
    after = own["tripped_s"].shift(-1).fillna(own["reset_s"].shift(-1)).fillna(duration_s)
    return spans.assign(start_s=spans["tripped_s"].fillna(before), end_s=spans["reset_s"].fillna(after))


def breaker_spans(run: Run, analysis: Analysis, duration_s: float) -> pd.DataFrame:
    """What the breaker track draws: `open_spans` with middle_s, trips, and a label, which tells no length unless both
    ends were seen.

    More than MOST_SPANS periods are drawn together where their gaps are too narrow to see.
    """
    spans = open_spans(analysis, duration_s).assign(trips=1)
    if len(spans) > MOST_SPANS:
        spans = _merged(spans, duration_s / MOST_SPANS)
    length = spans["end_s"] - spans["start_s"]
    spans["middle_s"] = spans["start_s"] + length / 2
    seen = spans[["tripped_s", "reset_s"]].notna().all(axis=1)
    spans["label"] = [
        "" if wide < 0.035 * duration_s else "open" if wide < 0.075 * duration_s or not whole else f"open {wide:.2f} s"
        for wide, whole in zip(length, seen, strict=True)
    ]
    return spans


def _merged(spans: pd.DataFrame, gap_s: float) -> pd.DataFrame:
    """Neighbouring spans of one backend as one, where less than `gap_s` lies between them."""
    ordered = spans.sort_values(["backend", "start_s"])
    ends = ordered.groupby("backend")["end_s"].cummax().groupby(ordered["backend"]).shift()
    group = (~(ordered["start_s"] - ends < gap_s)).cumsum()
    ends_of = {name: (name, how) for how, names in _ENDS.items() for name in names}
    return ordered.groupby(group).agg(backend=("backend", "first"), **ends_of, trips=("trips", "sum"))


_ENDS = {"min": ("tripped_s", "start_s"), "max": ("reset_s", "end_s")}


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
    lines = latency_lines(run).dropna()
    latency = lines.pivot_table(index=["time_s", "origin", "n"], columns="quantile", values="latency_ms", aggfunc="max")
    latency = latency.reindex(columns=list(QUANTILES)).rename_axis(columns=None).reset_index()
    ratio = ratio_over_time(run, duration_s).drop(columns="end_s")
    spans = open_spans(analysis, duration_s)[["backend", "tripped_s", "reset_s"]]
    spans = spans.rename(columns={"tripped_s": "tripped, s", "reset_s": "reset, s"})
    return {
        "breaker": spans,
        "timeline": timeline.rename(columns={"time_s": "from, s"}),
        "latency": latency.rename(columns={"time_s": "at, s", "median": "median, ms", "p99": "p99, ms"}),
        "ratio": ratio.rename(columns={"time_s": "from, s", "ratio": "503 for each 429", "absorption": "shed share"}),
    }
