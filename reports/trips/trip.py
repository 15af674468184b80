"""Finds trips in the record of requests, as a client could know them.

A breaker's state shows only where a request touched it. So a trip and a reset are intervals:
each bound is an instant at which some request proves the state, and nothing is assumed
between them. Definitions: docs/measures.md. One gateway unit; several are `groups`'s.

Instants are int64 unix ns throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reports.trips.chains import OPEN, Phases, Proofs, longest_chain

__all__ = ["Instants", "Interval", "OpenPeriod", "Touches", "count_sheds", "find_open_periods"]

Instants = npt.NDArray[np.int64]


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

    `tripped` is None when the trip was not observed (the run began open), `reset` when the reset was not.
    It was surely open from `open_by_ns` to `open_at_ns`. `sheds` were refused in it. With several units
    (a group), `full` is when all of them were open, None where they never surely were.
    """

    tripped: Interval | None
    reset: Interval | None
    open_by_ns: int
    open_at_ns: int
    sheds: int = 0
    full: Interval | None = None


@dataclass(frozen=True)
class Touches:
    """Every request that touched one breaker, as arrays in start order.

    answers: a backend answered, so the breaker was closed at admission, which lies within
    [start, by]: `by` is the end, less the backend's own time where the gateway tells it. `soon` is when a
    request no slower on its way than any shed was admitted; it orders touches, and bounds nothing.
    sheds: the breaker was open when it refused, within [start, end].
    alike: how many requests each stands for, itself and those like it that were left out after it.
    """

    answer_start: Instants
    answer_soon: Instants
    answer_by: Instants
    shed_start: Instants
    shed_end: Instants
    answer_alike: Instants
    shed_alike: Instants


def find_open_periods(touches: Touches) -> list[OpenPeriod]:
    """The open periods of one breaker on one unit, in order: as few as the touches allow."""
    if not len(touches.shed_start):
        return []
    near = _near_changes(touches)
    phases = longest_chain(Proofs(near.answer_start, near.answer_soon), Proofs(near.shed_start, near.shed_end))
    periods = [_period(phases, index, near) for index in range(len(phases.known_by)) if phases.state(index) == OPEN]
    return count_sheds(periods, touches.shed_start, touches.shed_alike)


def _period(phases: Phases, index: int, touches: Touches) -> OpenPeriod:
    open_by, open_at = phases.known_by[index], phases.known_at[index]
    tripped = Interval(phases.known_at[index - 1], open_by) if index else None
    reset = None
    if index + 1 < len(phases.known_by):
        after = int(np.searchsorted(touches.answer_start, open_by, side="right"))
        reset = Interval(open_at, int(touches.answer_by[after:].min()))
    return OpenPeriod(tripped, reset, open_by, open_at)


def count_sheds(periods: list[OpenPeriod], shed_start: Instants, alike: Instants) -> list[OpenPeriod]:
    """The same periods, each with its sheds: those nearer to it than to its neighbours. `alike`: how many each is."""
    cuts = [(one.open_at_ns + other.open_by_ns) / 2 for one, other in pairwise(periods)]
    edges = [0, *np.searchsorted(shed_start, cuts).tolist(), len(shed_start)]
    sums = np.concatenate(([0], np.cumsum(alike)))[edges].tolist()
    return [replace(one, sheds=after - before) for one, (before, after) in zip(periods, pairwise(sums), strict=True)]


def _near_changes(touches: Touches) -> Touches:
    """The touches that can bear on a change: those in flight near one, and the next beyond.

    In a long run of answers, or of sheds, what lies deep inside proves only what its neighbours prove.
    """
    flights = [touches.answer_soon - touches.answer_start, touches.shed_end - touches.shed_start]
    longest = max((int(flight.max()) for flight in flights if len(flight)), default=0)
    answers = _near(touches.answer_start, touches.shed_start, 2 * longest)
    sheds = _near(touches.shed_start, touches.answer_start, 2 * longest)
    return Touches(
        touches.answer_start[answers],
        touches.answer_soon[answers],
        touches.answer_by[answers],
        touches.shed_start[sheds],
        touches.shed_end[sheds],
        touches.answer_alike[answers],
        touches.shed_alike[sheds],
    )


def _near(own: Instants, others: Instants, reach: int) -> npt.NDArray[np.bool_]:
    """Which of `own` start within `reach` of a change to `others`, or are the next start beyond it."""
    if len(own) < 1000 or not len(others):
        return np.ones(len(own), dtype=bool)
    position = np.searchsorted(others, own)
    run = np.flatnonzero(np.diff(position)) + 1
    begins, ends = np.concatenate(([0], run)), np.concatenate((run, [len(own)])) - 1
    keep = np.zeros(len(own), dtype=bool)
    # Within each run between two of the others: what is near its own ends.
    low = np.searchsorted(own, own[begins] + 2 * reach, side="right")
    high = np.searchsorted(own, own[ends] - 2 * reach, side="left")
    edge = np.zeros(len(own) + 1, dtype=np.int64)
    np.add.at(edge, begins, 1)
    np.add.at(edge, np.minimum(low, ends) + 1, -1)
    np.add.at(edge, np.maximum(high - 1, begins), 1)
    np.add.at(edge, ends + 1, -1)
    keep[np.cumsum(edge[:-1]) > 0] = True
    return keep
