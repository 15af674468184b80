"""How far from the truth each measure can be: the least and the most that the evidence allows.

The trip and the reset are intervals, and so is a failure's arrival at the gateway. Each bound takes them at their
worst. The definitions are in docs/measures.md.
"""

from __future__ import annotations

import numpy as np

from reports.trips.answers import Answers, Mask
from reports.trips.instants import NS, Instants, Interval
from reports.trips.trip import Measured

__all__ = ["Counted", "count_bounds", "open_bounds", "recovery_bounds", "wait_bounds"]

Counted = tuple[Instants, Instants, Mask]
"""As `Failures.counted` returns them: earliest arrivals, latest arrivals, and which surely counted."""


def count_bounds(counted: Counted, tripped: Interval, *, by_failure: bool) -> tuple[int, int]:
    """The fewest and the most failures that had been counted at a trip.

    `by_failure`: a failure that was seen caused the trip, so it is one more than those that surely came before.
    """
    early, late, sure = counted
    if by_failure:
        return int(np.sum(sure & (late < tripped.low_ns))) + 1, len(early)
    return int(np.sum(sure)), len(early)


def wait_bounds(tripped: Interval, counted: Counted) -> tuple[float, float]:
    """The least and the most time from the first counted failure to the trip, seconds."""
    early, late, sure = counted
    least = max(0, tripped.low_ns - int(late[sure].min())) if sure.any() else 0
    most = max(0, tripped.high_ns - int(early.min()))
    return least / NS, most / NS


def open_bounds(tripped: Measured, reset: Measured, open_s: float) -> tuple[float, float]:
    """The least and the most time that the breaker was open, seconds."""
    width = tripped.half_width + reset.half_width
    return max(0.0, open_s - width), open_s + width


def recovery_bounds(reset: Interval, answers: Answers, later: Interval | None, doubt_ns: int) -> tuple[float, float]:
    """The least and the most time from the reset to the first 2xx of a request admitted after it, seconds.

    A request that was sent after the reset was surely admitted after it. One that may still have been on its way to
    the gateway at the reset can be sooner. `later`: the next trip.
    """
    until = len(answers.start) if later is None else int(np.searchsorted(answers.start, later.high_ns))
    began = int(np.searchsorted(answers.start, reset.low_ns))
    flight = int((answers.end - answers.start)[began:until].max(initial=0))
    early = int(np.searchsorted(answers.start, reset.low_ns - flight))
    part = slice(early, until)
    good = answers.by_backend[part] & (answers.status[part] >= 200) & (answers.status[part] < 300)
    start, end = answers.start[part][good], answers.end[part][good]
    admitted_by = end - answers.waited[part][good]
    least = int(end[admitted_by >= reset.low_ns].min()) - reset.high_ns
    sent = start >= reset.low_ns
    soonest = np.minimum.accumulate(end[sent][::-1])[::-1]
    since = np.concatenate(([reset.low_ns], start[sent][:-1]))
    most = int((soonest - since)[since <= reset.high_ns].max())
    return max(0, least - doubt_ns) / NS, (most + doubt_ns) / NS
