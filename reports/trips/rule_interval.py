"""Bounds the interval of a rule by how far apart the failures were that tripped together, and that did not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from reports.trips.failures import Failures
from reports.trips.instants import NEVER, NS, Instants, Interval
from reports.trips.trip import Measured, Trip

__all__ = ["interval_bounds"]


def interval_bounds(
    trips: list[Trip], failures: Failures, count: int, zero_ns: int, end_ns: int
) -> tuple[float, float | None]:
    """Return two bounds in seconds: the interval is longer than the first, and no longer than the second.

    It is longer than the time over which the last `count` failures before some trip came, and no longer than the time
    over which as many failures in a row came without a trip. The second is None where nothing bounds it from above.
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


def _closest(early: Instants, late: Instants, count: int) -> int:
    """The least time that surely spans `count` failures in a row; NEVER where there were not as many."""
    if len(early) < count:
        return NEVER
    early, late = np.sort(early), np.sort(late)
    return int((late[count - 1 :] - early[: len(early) - count + 1]).min())


def _instant(measured: Measured | None, zero_ns: int) -> Interval | None:
    if measured is None:
        return None
    low, high = (round((measured.estimate + sign * measured.half_width) * NS) for sign in (-1, 1))
    return Interval(zero_ns + low, zero_ns + high)
