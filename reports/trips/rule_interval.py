"""Bounds a rule's interval from how far apart the failures were that tripped the breaker, and those that did not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from reports.trips.evidence import Evidence
from reports.trips.failures import Failures
from reports.trips.instants import NEVER, NS, Instants, Interval
from reports.trips.trip import Measured, Trip

__all__ = ["interval_bounds", "may_count_in_a_row"]


def interval_bounds(
    trips: list[Trip], failures: Failures, count: int, zero_ns: int, end_ns: int
) -> tuple[float, float | None]:
    """Return two bounds in seconds: the interval is longer than the first and at most the second (None: unbounded).

    It is longer than the time in which the last `count` failures before a trip came, and at most the time in which
    `count` failures in a row came without a trip. `end_ns`: the end of the run, unix ns.
    """
    longer, up_to = 0, NEVER
    for trip, later in pairwise([None, *trips, None]):
        began = None if trip is None else _instant(trip.reset_s, zero_ns) or Interval(0, NEVER)
        until = Interval(end_ns, end_ns) if later is None else _instant(later.tripped_s, zero_ns)
        if until is None:
            continue
        early, late, sure = failures.between(began, until)
        if later is not None and len(late) >= count:
            # Of arrivals known as intervals, the n-th last came no later than the n-th latest end.
            longer = max(longer, until.low_ns - int(np.sort(np.minimum(late, until.high_ns))[-count]))
        up_to = min(up_to, _closest(early[sure], late[sure], count))
    return longer / NS, None if up_to == NEVER else up_to / NS


def may_count_in_a_row(trips: list[Trip], evidence: Evidence, count: int) -> bool:
    """Return whether at every trip the last `count` failures may have come without a success in between.

    If so, a success may reset the breaker's count, as where consecutive errors count. Then
    failures that did not trip it do not bound its interval.
    """
    answers, zero_ns = evidence.answers, evidence.zero_ns
    good = answers.good & answers.by_backend
    early, late = answers.arrived_from[good] - evidence.doubt_ns, answers.end[good] + evidence.doubt_ns
    for earlier, trip in pairwise([None, *trips]):
        tripped = None if trip is None else _instant(trip.tripped_s, zero_ns)
        if tripped is None:
            continue
        began = None if earlier is None else _instant(earlier.reset_s, zero_ns) or Interval(0, NEVER)
        arrived = np.sort(np.minimum(evidence.failures.between(began, tripped)[1], tripped.high_ns))
        if len(arrived) >= count and np.any((early > arrived[-count]) & (late < tripped.low_ns)):
            return False
    return True


def _closest(early: Instants, late: Instants, count: int) -> int:
    """Return the least time that certainly spans `count` failures in a row, ns, or NEVER if there were fewer."""
    if len(early) < count:
        return NEVER
    early, late = np.sort(early), np.sort(late)
    return int((late[count - 1 :] - early[: len(early) - count + 1]).min())


def _instant(measured: Measured | None, zero_ns: int) -> Interval | None:
    if measured is None:
        return None
    return Interval(zero_ns + round(measured.low * NS), zero_ns + round(measured.high * NS))
