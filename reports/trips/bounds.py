"""Bounds each measure: the least and the most that the evidence allows.

The trip, the reset and each failure's arrival at the gateway are known as intervals. Each bound uses the least
favourable end of each interval. docs/measures.md defines the measures.
"""

from __future__ import annotations

import numpy as np

from reports.trips.answers import Answers, Mask
from reports.trips.instants import NS, Instants, Interval
from reports.trips.trip import Measured

__all__ = ["Counted", "count_bounds", "open_bounds", "recovery_bounds", "wait_bounds"]

Counted = tuple[Instants, Instants, Mask]
"""The result of `Failures.counted`: earliest arrivals, latest arrivals (unix ns), and which certainly counted."""


def count_bounds(counted: Counted, tripped: Interval, *, by_failure: bool) -> tuple[int, int]:
    """Return the fewest and the most failures that the breaker can have counted at a trip.

    `by_failure`: a failure in the record caused the trip, so one more was counted than those that certainly came
    before.
    """
    early, late, sure = counted
    if by_failure:
        return int(np.sum(sure & (late < tripped.low_ns))) + 1, len(early)
    return int(np.sum(sure)), len(early)


def wait_bounds(tripped: Interval, counted: Counted) -> tuple[float, float]:
    """Return the least and the most seconds from the first counted failure to the trip."""
    early, late, sure = counted
    least = max(0, tripped.low_ns - int(late[sure].min())) if sure.any() else 0
    most = max(0, tripped.high_ns - int(early.min()))
    return least / NS, most / NS


def open_bounds(tripped: Measured, reset: Measured) -> tuple[float, float]:
    """Return the least and the most seconds for which the breaker was open."""
    return max(0.0, reset.low - tripped.high), reset.high - tripped.low


def recovery_bounds(reset: Interval, answers: Answers, later: Interval | None, doubt_ns: int) -> tuple[float, float]:
    """Return the least and the most seconds from the reset to the traffic's first 2xx of a request admitted after it.

    A request sent after the reset was certainly admitted after it. A request still on its way to the gateway at the
    reset can have been answered sooner. `later`: the next trip; None: there is none. There must be such a 2xx.
    """
    until = len(answers.start) if later is None else int(np.searchsorted(answers.start, later.high_ns))
    began = int(np.searchsorted(answers.start, reset.low_ns))
    flight = int((answers.end - answers.start)[began:until].max(initial=0))
    early = int(np.searchsorted(answers.start, reset.low_ns - flight))
    part = slice(early, until)
    good = (answers.by_backend & answers.traffic)[part] & (answers.status[part] >= 200) & (answers.status[part] < 300)
    start, end = answers.start[part][good], answers.end[part][good]
    admitted_by = end - answers.waited[part][good]
    least = int(end[admitted_by >= reset.low_ns].min()) - reset.high_ns
    sent = start >= reset.low_ns
    soonest = np.minimum.accumulate(end[sent][::-1])[::-1]
    since = np.concatenate(([reset.low_ns], start[sent][:-1]))
    most = int((soonest - since)[since <= reset.high_ns].max())
    return max(0, least - doubt_ns) / NS, (most + doubt_ns) / NS
