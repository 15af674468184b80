"""Frames behind the charts: a run in, small tidy frames out, whatever the run's length."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.analysis import Analysis
from reports.load import Run
from reports.measures import NS

__all__ = ["OUTCOMES", "latency_sample", "open_spans", "outcomes_over_time", "phase_spans", "ratio_over_time"]

OUTCOMES = ("2xx", "429 backend", "503 shed", "other error", "no response")
MOST_BINS = 150
MOST_POINTS = 4000


def outcome(frame: pd.DataFrame) -> pd.Series[str]:
    """What each request came to, as one of OUTCOMES."""
    status, gateway = frame["status"].to_numpy(), (frame["origin"] == "gateway").to_numpy()
    code = np.full(len(frame), OUTCOMES.index("other error"), dtype=np.int8)
    code[(status >= 200) & (status < 300)] = OUTCOMES.index("2xx")
    code[(status == 429) & ~gateway] = OUTCOMES.index("429 backend")
    code[(status == 503) & gateway] = OUTCOMES.index("503 shed")
    code[status == 0] = OUTCOMES.index("no response")
    names = pd.CategoricalDtype(list(OUTCOMES))
    return pd.Series(pd.Categorical.from_codes(code, dtype=names), index=frame.index)


def bin_width_s(duration_s: float) -> float:
    """Width of a time bin: a round number of seconds that keeps the bins few."""
    for width in (0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600):
        if duration_s / width <= MOST_BINS:
            return width
    return duration_s / MOST_BINS


def outcomes_over_time(run: Run, duration_s: float) -> pd.DataFrame:
    """Columns time_s (bin start), end_s, outcome, count, rate (per second, by start), low and high (stacked rates)."""
    width = bin_width_s(duration_s)
    start_s = (run.requests["start_ns"].to_numpy() - run.start_ns) / NS
    frame = pd.DataFrame({"bin": np.floor(start_s / width).astype(np.int64), "outcome": outcome(run.requests).array})
    counts = frame.groupby(["bin", "outcome"], observed=True).size().rename("count").reset_index()
    counts["time_s"], counts["end_s"] = counts["bin"] * width, (counts["bin"] + 1) * width
    counts["rate"] = counts["count"] / width
    counts["high"] = counts.groupby("bin")["rate"].cumsum()
    counts["low"] = counts["high"] - counts["rate"]
    return counts.astype({"outcome": str}).drop(columns="bin")


def ratio_over_time(run: Run, duration_s: float) -> pd.DataFrame:
    """Columns time_s, throttled, shed and absorption (shed share of the two), per bin that has either."""
    width = max(1.0, bin_width_s(duration_s))
    frame = run.requests
    second = np.floor((frame["start_ns"].to_numpy() - run.start_ns) / NS / width).astype(np.int64)
    kind = pd.DataFrame(
        {
            "bin": second,
            "throttled": ((frame["origin"] == "backend") & (frame["status"] == 429)).to_numpy(),
            "shed": ((frame["origin"] == "gateway") & (frame["status"] == 503)).to_numpy(),
        }
    )
    sums = kind.groupby("bin").sum()
    sums = sums[(sums["throttled"] + sums["shed"]) > 0].reset_index()
    sums["time_s"] = sums["bin"] * width
    sums["end_s"] = sums["time_s"] + width
    sums["absorption"] = sums["shed"] / (sums["shed"] + sums["throttled"])
    return sums


def latency_sample(run: Run) -> pd.DataFrame:
    """At most MOST_POINTS requests, evenly spread with the slowest kept: time_s, latency_ms, outcome, phase."""
    frame = run.requests
    keep = np.arange(len(frame))
    if len(frame) > MOST_POINTS:
        latency = frame["latency_us"].to_numpy()
        slowest = np.argpartition(latency, -MOST_POINTS // 10)[-MOST_POINTS // 10 :]
        even = np.linspace(0, len(frame) - 1, MOST_POINTS - len(slowest)).astype(np.int64)
        keep = np.unique(np.concatenate((even, slowest)))
    sample = frame.iloc[keep]
    return pd.DataFrame(
        {
            "time_s": (sample["start_ns"].to_numpy() - run.start_ns) / NS,
            "latency_ms": np.maximum(sample["latency_us"].to_numpy() / 1000, 0.001),
            "outcome": outcome(sample).astype(str).to_numpy(),
            "phase": sample["phase"].astype(str).to_numpy(),
        }
    )


def phase_spans(run: Run, duration_s: float) -> pd.DataFrame:
    """Columns phase, start_s, end_s as the scenario has them, cut at the run's end."""
    rows, begin = [], 0.0
    for phase in run.scenario.phases:
        if begin < duration_s:
            end = min(begin + phase.duration_s, duration_s)
            rows.append({"phase": phase.name, "start_s": begin, "end_s": end, "middle_s": (begin + end) / 2})
        begin += phase.duration_s
    return pd.DataFrame(rows, columns=["phase", "start_s", "end_s", "middle_s"])


def open_spans(analysis: Analysis, duration_s: float) -> pd.DataFrame:
    """Columns backend, start_s, end_s of each measured open period; an end not observed is the run's own."""
    rows = [
        {
            "backend": trip.backend or "",
            "start_s": 0.0 if trip.tripped_s is None else trip.tripped_s.estimate,
            "end_s": duration_s if trip.reset_s is None else trip.reset_s.estimate,
        }
        for trip in analysis.trips
    ]
    return pd.DataFrame(rows, columns=["backend", "start_s", "end_s"])
