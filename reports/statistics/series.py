"""Computes the data of the charts: small tidy DataFrames, however long the run is."""

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
    """Return the requests of each outcome in each bin, shape (bins, outcomes). `width_s`: a multiple of BIN_S."""
    fine = run.tally.outcomes
    each = round(width_s / BIN_S)
    padded = np.pad(fine, ((0, -len(fine) % each), (0, 0)))
    return np.asarray(padded.reshape(-1, each, len(OUTCOMES)).sum(axis=1))


def outcomes_over_time(run: Run, duration_s: float) -> pd.DataFrame:
    """Return columns time_s (bin start), end_s, outcome, count, rate (starts per second), low, high (stacked rates)."""
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
    """Return columns time_s, end_s, throttled, shed, ratio (sheds per throttle) and absorption.

    `ratio` is null if nothing was throttled. `absorption` is the share of sheds in the two. There is a row for each
    bin, at least a second long, that has either.
    """
    width = max(1.0, bin_width_s(duration_s))
    counts = _counts(run, width)
    throttled, shed = (counts[:, OUTCOMES.index(name)] for name in ("429 backend", "shed"))
    begins = np.arange(len(counts)) * width
    frame = pd.DataFrame({"time_s": begins, "end_s": begins + width, "throttled": throttled, "shed": shed})
    frame = frame[frame["throttled"] + frame["shed"] > 0].reset_index(drop=True)
    frame["ratio"] = frame["shed"] / frame["throttled"].where(frame["throttled"] > 0)
    frame["absorption"] = frame["shed"] / (frame["shed"] + frame["throttled"])
    return frame


def latency_sample(run: Run) -> pd.DataFrame:
    """Return columns time_s, latency_ms, wire_ms, outcome and phase of at most MOST_POINTS requests (see `Sample`).

    `latency_ms` is from the intended start, `wire_ms` from sending.
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
    """Return columns time_s (middle of a bin), origin, quantile, latency_ms (from the intended start) and n.

    Latency from the intended start includes the wait of requests that a stall delayed. A bin without answers is null,
    which breaks the line.
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
    """Return columns phase, start_s, end_s and middle_s of the scenario's phases, cut at the run's end."""
    rows, begin = [], 0.0
    for phase in run.scenario.phases:
        if begin < duration_s:
            end = min(begin + phase.duration_s, duration_s)
            rows.append({"phase": legible(phase.name), "start_s": begin, "end_s": end, "middle_s": (begin + end) / 2})
        begin += phase.duration_s
    return pd.DataFrame(rows, columns=["phase", "start_s", "end_s", "middle_s"])


def open_spans(analysis: Analysis, duration_s: float) -> pd.DataFrame:
    """Return columns backend, tripped_s and reset_s (null if not observed), start_s and end_s of each open period.

    The last two are where to draw it: an end that was not observed reaches to the neighbouring period or the run's end.
    """
    nothing = Measured(np.nan, np.nan, np.nan)
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
    """Return `open_spans` with middle_s, trips and a label. The label has a length only if both ends were observed.

    If there are more than MOST_SPANS periods, those with gaps too narrow to see are merged; `trips` counts them.
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
    """Merge neighbouring spans of one backend that are less than `gap_s` apart."""
    ordered = spans.sort_values(["backend", "start_s"])
    ends = ordered.groupby("backend")["end_s"].cummax().groupby(ordered["backend"]).shift()
    group = (~(ordered["start_s"] - ends < gap_s)).cumsum()
    ends_of = {name: (name, how) for how, names in _ENDS.items() for name in names}
    return ordered.groupby(group).agg(backend=("backend", "first"), **ends_of, trips=("trips", "sum"))


_ENDS = {"min": ("tripped_s", "start_s"), "max": ("reset_s", "end_s")}


def truth_marks(analysis: Analysis) -> pd.DataFrame:
    """Return columns backend, at_s and what (opened or closed): the gateway's record of the first MOST_SPANS trips."""
    rows = [
        {"backend": legible(trip.backend), "at_s": at, "what": what}
        for trip in (analysis.truth or [])[:MOST_SPANS]
        for at, what in ((trip.tripped_s, "opened"), (trip.reset_s, "closed"))
        if at is not None
    ]
    return pd.DataFrame(rows, columns=["backend", "at_s", "what"])


def tables(run: Run, analysis: Analysis, duration_s: float) -> dict[str, pd.DataFrame]:
    """Return the data of each chart as a table for readers, by the chart's name, with columns headed in words."""
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
        "ratio": ratio.rename(columns={"time_s": "from, s", "ratio": "sheds for each 429", "absorption": "shed share"}),
    }
