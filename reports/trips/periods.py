"""Finds the open periods of one breaker from the requests that touched it.

A breaker's state is known only at the moments at which it handled a request, so a trip and a reset are intervals. Each
bound is an instant at which some request proves the state; nothing is assumed in between. docs/measures.md has the
definitions. This module is for a gateway of one unit; `units` is for several.

Instants are int64 unix ns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reports.trips.chains import OPEN, Phases, Proofs, longest_chain
from reports.trips.instants import NEVER, Instants, Interval

__all__ = ["OpenPeriod", "Touches", "count_sheds", "find_open_periods"]


@dataclass(frozen=True, slots=True)
class OpenPeriod:
    """One period in which the breaker was open, as observed from outside.

    `tripped` is None if the trip was not observed (the run began open), and `reset` if the reset was not. The breaker
    was certainly open from `open_by_ns` to `open_at_ns`. `sheds` counts the requests of the traffic refused in it.
    `full`: when all of several units were open; None: that never certainly happened, or there is one unit.
    """

    tripped: Interval | None
    reset: Interval | None
    open_by_ns: int
    open_at_ns: int
    sheds: int = 0
    full: Interval | None = None

    @property
    def instants(self) -> tuple[Interval | None, Interval | None, Interval | None]:
        """The trip, the reset, and when all units were open."""
        return self.tripped, self.reset, self.full

    @property
    def count_begins(self) -> Interval:
        """When the count began anew after this period: at its reset or, if unknown, after it was last seen open."""
        return Interval(self.open_at_ns, NEVER) if self.reset is None else self.reset


@dataclass(frozen=True)
class Touches:
    """Every request that touched one breaker, as arrays of shape (n,) in start order, instants in unix ns.

    An answer of a backend proves that the breaker was closed at its admission, which is within [start, by]. `by` is the
    end minus the gateway's wait for the backend, if reported. `soon` is the latest admission if the request took no
    longer on its way than the slowest shed; it orders touches but bounds no instant. A shed proves that the breaker was
    open at some instant within [start, end]. `alike`: how many requests of the traffic the row represents: itself,
    unless it is a dense probe, and those left out after it. `doubt_start`: starts of requests that prove nothing, as
    either the backend or the gateway may have answered. `timed`: whether the latest admissions are close enough to the
    true ones to tell when requests were admitted on average.
    """

    answer_start: Instants
    answer_soon: Instants
    answer_by: Instants
    shed_start: Instants
    shed_end: Instants
    answer_alike: Instants
    shed_alike: Instants
    doubt_start: Instants
    timed: bool = False

    @property
    def of_traffic(self) -> Touches:
        """The touches without dense probes."""
        answers, sheds = self.answer_alike > 0, self.shed_alike > 0
        if answers.all() and sheds.all():
            return self
        return Touches(
            self.answer_start[answers],
            self.answer_soon[answers],
            self.answer_by[answers],
            self.shed_start[sheds],
            self.shed_end[sheds],
            self.answer_alike[answers],
            self.shed_alike[sheds],
            self.doubt_start,
        )


def find_open_periods(touches: Touches) -> list[OpenPeriod]:
    """Return the open periods of one breaker on one unit, in order: as few as the touches allow."""
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
        first = after + int(touches.answer_by[after:].argmin())
        reset = Interval(open_at, int(touches.answer_by[first]))
        if touches.timed:
            reset = replace(reset, expected_ns=_between(touches, open_at, first))
    return OpenPeriod(tripped, reset, open_by, open_at)


def _between(touches: Touches, shed_start: int, answer: int) -> int:
    """Return the middle between the average instants at which the breaker saw a shed and an answer, by its index.

    Each request met the breaker halfway between its start and the latest instant that is possible, on average: its
    latency is spent on the way there as on the way back.
    """
    shed_end = int(touches.shed_end[np.searchsorted(touches.shed_start, shed_start, side="right") - 1])
    refused, admitted = shed_start + shed_end, int(touches.answer_start[answer] + touches.answer_by[answer])
    return (refused + admitted) // 4


def count_sheds(periods: list[OpenPeriod], shed_start: Instants, alike: Instants) -> list[OpenPeriod]:
    """Return the periods, each with the number of sheds that are nearer to it than to its neighbours.

    `alike`: how many requests of the traffic each shed represents.
    """
    cuts = [(one.open_at_ns + other.open_by_ns) / 2 for one, other in pairwise(periods)]
    edges = [0, *np.searchsorted(shed_start, cuts).tolist(), len(shed_start)]
    sums = np.concatenate(([0], np.cumsum(alike)))[edges].tolist()
    return [replace(one, sheds=after - before) for one, (before, after) in zip(periods, pairwise(sums), strict=True)]


def _near_changes(touches: Touches) -> Touches:
    """Return the touches that matter for a change of state: those under way near one, and the next beyond.

    In the middle of a long series of answers, or of sheds, a touch proves only what its neighbours prove.
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
        touches.doubt_start,
        touches.timed,
    )


def _near(own: Instants, others: Instants, reach: int) -> npt.NDArray[np.bool_]:
    """Return which of `own` start within `reach` of a change to `others`, or are the next start beyond it."""
    if len(own) < 1000 or not len(others):
        return np.ones(len(own), dtype=bool)
    position = np.searchsorted(others, own)
    run = np.flatnonzero(np.diff(position)) + 1
    begins, ends = np.concatenate(([0], run)), np.concatenate((run, [len(own)])) - 1
    keep = np.zeros(len(own), dtype=bool)
    # In each series between two of `others`, keep those near its ends.
    low = np.searchsorted(own, own[begins] + 2 * reach, side="right")
    high = np.searchsorted(own, own[ends] - 2 * reach, side="left")
    edge = np.zeros(len(own) + 1, dtype=np.int64)
    np.add.at(edge, begins, 1)
    np.add.at(edge, np.minimum(low, ends) + 1, -1)
    np.add.at(edge, np.maximum(high - 1, begins), 1)
    np.add.at(edge, ends + 1, -1)
    keep[np.cumsum(edge[:-1]) > 0] = True
    return keep
