"""Finds trips in the record of requests, as a client could know them.

A breaker's state shows only where a request touched it. So a trip and a reset are intervals:
each bound is an instant at which some request proves the state, and nothing is assumed
between them. Definitions: docs/measures.md.

Instants are int64 unix ns throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Interval", "OpenPeriod", "Touches", "find_open_periods"]

Instants = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Interval:
    """An instant known to lie within [low_ns, high_ns]."""

    low_ns: int
    high_ns: int

    @property
    def estimate_ns(self) -> float:
        return (self.low_ns + self.high_ns) / 2

    @property
    def half_width_ns(self) -> float:
        return (self.high_ns - self.low_ns) / 2


@dataclass(frozen=True, slots=True)
class OpenPeriod:
    """One stretch in which the breaker was open, as seen from outside.

    `tripped` is None when the run began open, `reset` when it ended open.
    `first` and `last` index the period's sheds in start order, both inclusive.
    """

    tripped: Interval | None
    reset: Interval | None
    first: int
    last: int


@dataclass(frozen=True)
class Touches:
    """Every request that touched one breaker, as arrays in start order.

    answers: a backend answered, so the breaker was closed at admission, which lies within
    [start, admitted_by]: admitted_by is the end, less the backend's own time where the gateway tells it.
    sheds: the gateway refused, so the breaker was open within [start, end].
    """

    answer_start: Instants
    answer_admitted_by: Instants
    answer_end: Instants
    answer_failed: npt.NDArray[np.bool_]
    shed_start: Instants
    shed_end: Instants


def find_open_periods(touches: Touches) -> list[OpenPeriod]:
    """The open periods, in order; a failed answer between two sheds parts them, for it proves a reset."""
    if not len(touches.shed_start):
        return []
    bounds = _period_bounds(touches)
    return [_period(touches, first, last) for first, last in bounds]


def _period(touches: Touches, first: int, last: int) -> OpenPeriod:
    opened_by = int(touches.shed_end[first : last + 1].min())
    still_open = int(touches.shed_start[first : last + 1].max())
    # Whoever began before the first shed was over was admitted before the reset: open outlasts a transit.
    before = int(np.searchsorted(touches.answer_start, opened_by, side="left"))
    tripped = Interval(int(touches.answer_start[before - 1]), opened_by) if before else None
    # Whoever began after it cannot have been admitted before the trip.
    after = touches.answer_admitted_by[before:]
    reset = Interval(still_open, max(int(after.min()), still_open)) if len(after) else None
    return OpenPeriod(tripped, reset, first, last)


def _period_bounds(touches: Touches) -> list[tuple[int, int]]:
    """First and last shed of each period.

    Runs of sheds with no answer's start between them are whole by construction; two neighbouring runs
    are parted when an answer between them proves that the breaker was closed there. Answers that merely
    overtook a shed on the wire (both in flight around a trip or a reset) prove nothing and part nothing.
    """
    position = np.searchsorted(touches.answer_start, touches.shed_start, side="right")
    breaks = np.flatnonzero(np.diff(position)) + 1
    starts = np.concatenate(([0], breaks))
    ends = np.concatenate((breaks, [len(position)])) - 1
    tolerance = _transit_ns(touches)
    failed = np.flatnonzero(touches.answer_failed)
    periods: list[tuple[int, int]] = []
    first, opened_by = 0, int(touches.shed_end[0])
    for index in range(len(starts)):
        run_first, run_last = int(starts[index]), int(ends[index])
        run_end = int(touches.shed_end[run_first : run_last + 1].max())
        if index and _proves_reset(
            touches,
            failed,
            int(position[run_first - 1]),
            int(position[run_first]),
            opened_by,
            run_first,
            run_end,
            tolerance,
        ):
            periods.append((first, run_first - 1))
            first, opened_by = run_first, int(touches.shed_end[run_first])
        opened_by = min(opened_by, int(touches.shed_end[run_first : run_last + 1].min()))
    return [*periods, (first, len(position) - 1)]


def _transit_ns(touches: Touches) -> int:
    """How long a request may take to reach the gateway: no longer than 99 % of sheds took there and back."""
    return int(np.quantile(touches.shed_end - touches.shed_start, 0.99))


def _proves_reset(
    touches: Touches,
    failed: npt.NDArray[np.intp],
    low: int,
    high: int,
    opened_by: int,
    run_first: int,
    run_end: int,
    tolerance: int,
) -> bool:
    """Whether a failed answer among [low, high) was admitted after the open period began and before this run.

    A second trip needs a failure after the reset, so answers that did not fail need not be asked.
    """
    among = failed[np.searchsorted(failed, low) : np.searchsorted(failed, high)]
    if not len(among):
        return False
    began = touches.answer_start[among]
    ended_before = touches.answer_end[among] <= run_end
    surely_earlier = began + tolerance <= touches.shed_start[run_first]
    return bool(np.any((began >= opened_by) & (ended_before | surely_earlier)))
