"""Finds the open periods of a gateway with several units, each of which has a breaker of its own.

No response says which unit sent it, so a backend's units are treated as one group. A shed proves that some unit is
open, and an answer that some unit is closed. Only a long series of equal outcomes proves something about all units: so
long that the probability that a unit got none of the requests is at most one in a million. The group is open from its
first unit's trip to its last unit's reset.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from reports.trips.answers import Answers, failed_answers
from reports.trips.instants import NS, Instants, Interval
from reports.trips.periods import OpenPeriod, Touches
from tripcurve.lab.rule import BreakerRule

__all__ = ["find_group_periods", "mixed_bounds", "mixed_share", "surely_all"]

DOUBT = 1e-6


def surely_all(units: int) -> int:
    """Return how many random requests in a row reach every unit, but for a probability of at most DOUBT."""
    return 1 if units == 1 else math.ceil(math.log(DOUBT / units) / math.log(1 - 1 / units))


def find_group_periods(
    touches: Touches, answers: Answers, rule: BreakerRule | None, units: int, doubt_ns: int
) -> list[OpenPeriod]:
    """Return the periods in which some unit was open, in order. `doubt_ns`: the most that a worker's clock is off."""
    if not len(touches.shed_start):
        return []
    many = surely_all(units)
    position = np.searchsorted(touches.answer_start, touches.shed_start)
    # How many answers, up to each, ended a row that shows all units closed.
    rows = np.concatenate(([0], np.cumsum(_end_of_row(touches, touches.answer_start, many))))
    first_ends = np.minimum(position[:-1] + many - 1, position[1:])
    cuts = np.flatnonzero(rows[position[1:]] > rows[first_ends]) + 1
    firsts = np.concatenate(([0], cuts))
    lasts = np.concatenate((cuts, [len(position)])) - 1
    failures = _possible_trips(answers, rule, doubt_ns)
    return [
        _group_period(touches, failures, int(first), int(last), many) for first, last in zip(firsts, lasts, strict=True)
    ]


def _group_period(touches: Touches, failures: Instants, first: int, last: int, many: int) -> OpenPeriod:
    sheds = slice(first, last + 1)
    open_by, open_at = int(touches.shed_end[sheds].min()), int(touches.shed_start[sheds].max())
    tripped, reset = _first_trip(touches, failures, open_by, many), _last_reset(touches, open_at, many)
    full = _full(touches, first, last, many)
    return OpenPeriod(tripped, reset, open_by, max(open_at, open_by), int(touches.shed_alike[sheds].sum()), full)


def _end_of_row(touches: Touches, start: Instants, many: int) -> npt.NDArray[np.bool_]:
    """Return which of some answers or sheds, ascending, end a row of `many` that nothing in doubt interrupts.

    A request in doubt may have had the other outcome, so a row across it does not show the state of all units.
    """
    ends = np.zeros(len(start), dtype=bool)
    doubts = np.searchsorted(touches.doubt_start, start)
    ends[many - 1 :] = doubts[many - 1 :] == doubts[: max(len(start) - many + 1, 0)]
    return ends


def _possible_trips(answers: Answers, rule: BreakerRule | None, doubt_ns: int) -> Instants:
    """Return the earliest instants, ascending, at which a failure can have tripped a unit."""
    failed = failed_answers(answers, rule)
    early = np.sort(answers.arrived_from[failed]) - doubt_ns
    if rule is None or rule.count is None or rule.count == 1:
        return early
    longest = rule.interval * 1.01 * NS + 2 * doubt_ns
    together = early[rule.count - 1 :] - early[: max(len(early) - rule.count + 1, 0)] <= longest
    return early[rule.count - 1 :][together]


def _first_trip(touches: Touches, failures: Instants, open_by: int, many: int) -> Interval | None:
    """Return the first unit's trip: after all units were closed and enough failures came, before a shed ended."""
    started = int(np.searchsorted(touches.answer_start, open_by))
    # Answers admitted after the first shed's end do not count towards those before the trip.
    before = np.flatnonzero(touches.answer_soon[max(started - 50 * many, 0) : started] < open_by)
    start = touches.answer_start[max(started - 50 * many, 0) :][before]
    ends = np.flatnonzero(_end_of_row(touches, start, many))
    if not len(ends):
        return None
    closed_from = int(start[ends[-1] - many + 1])
    possible = failures[np.searchsorted(failures, closed_from) : np.searchsorted(failures, open_by, side="right")]
    return Interval(int(possible[0]) if len(possible) else closed_from, open_by)


def _last_reset(touches: Touches, open_at: int, many: int) -> Interval | None:
    """Return the last unit's reset: after the last shed, before the answers that show all units closed."""
    after = int(np.searchsorted(touches.answer_start, open_at, side="right"))
    ends = np.flatnonzero(_end_of_row(touches, touches.answer_start[after : after + 50 * many], many))
    if not len(ends):
        return None
    row = slice(after + int(ends[0]) - many + 1, after + int(ends[0]) + 1)
    return Interval(open_at, int(touches.answer_by[row].max()))


def _full(touches: Touches, first: int, last: int, many: int) -> Interval | None:
    """Return when all units were open, or None: within the first long enough series of sheds without an answer."""
    sheds = touches.shed_start[first : last + 1]
    position = np.searchsorted(touches.answer_start, sheds) + np.searchsorted(touches.doubt_start, sheds)
    begins = np.concatenate(([0], np.flatnonzero(np.diff(position)) + 1))
    lengths = np.diff(np.concatenate((begins, [len(position)])))
    long_enough = np.flatnonzero(lengths >= many)
    if not len(long_enough):
        return None
    begin = first + int(begins[long_enough[0]])
    known_by = int(touches.shed_end[begin : begin + many].max())
    answered = int(np.searchsorted(touches.answer_start, touches.shed_start[begin]))
    low = int(touches.answer_start[answered - 1]) if answered else int(touches.shed_start[begin])
    return Interval(min(low, known_by), known_by)


def mixed_share(touches: Touches, low_ns: float, high_ns: float) -> float | None:
    """Return the share of sheds among the requests between two instants, or None if there were no requests."""
    counts: list[int] = []
    for start, alike in ((touches.shed_start, touches.shed_alike), (touches.answer_start, touches.answer_alike)):
        low, high = np.searchsorted(start, [low_ns, high_ns])
        counts.append(int(alike[low:high].sum()))
    return counts[0] / sum(counts) if sum(counts) else None


def mixed_bounds(touches: Touches, low_ns: int, full: Interval) -> tuple[float, float]:
    """Return the least and largest `mixed_share` over the instants in `full` at which the last unit may have opened."""
    ends = np.concatenate((touches.shed_start, touches.answer_start, [full.low_ns, full.high_ns]))
    ends = np.unique(ends[(ends >= full.low_ns) & (ends <= full.high_ns)])
    shares = [share for end in (*ends, full.high_ns + 1) if (share := mixed_share(touches, low_ns, end)) is not None]
    return min(shares), max(shares)
