"""The transitions of one unit's breaker, found without looking at the requests between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from simulator.fast.answers import Answers, Feed, merged
from simulator.fast.windows import window_for
from simulator.sources import Source
from simulator.words import Floats
from tripcurve.lab import BreakerRule, LocalOptions

__all__ = ["Trip", "trips_of"]

_NONE = Answers(np.empty(0), np.empty(0), np.empty(0, bool), np.empty(0))


class Trip(NamedTuple):
    """An open period `[at, until)` of a breaker, in seconds from the run's start."""

    at: float
    until: float
    open_s: float
    failures: int


def trips_of(
    sources: list[Source], unit: int, rule: BreakerRule, options: LocalOptions, times: Floats
) -> Iterator[Trip]:
    """Yield the trips of one unit's breaker, in the order of time. `times`: the backend's answer times by rank."""
    feed = Feed(sources, unit, rule, options, times, everything=rule.count is None)
    window = window_for(rule, options)
    pending, opened = _NONE, Trip(-np.inf, -np.inf, 0.0, 0)
    while True:
        ready = int(np.searchsorted(pending.arrived, feed.horizon, "left"))
        hit = window.find(_part(pending, 0, ready))
        if hit is not None:
            at, open_s = float(pending.arrived[hit.place]), float(pending.open_s[hit.place])
            opened = Trip(at, at + open_s, open_s, hit.failures)
            yield opened
            pending = _without(_part(pending, hit.place + 1, None), opened)
            feed.skip(opened.until)
            continue
        pending = _part(pending, ready, None)
        if feed.horizon == np.inf:
            return
        pending = merged(pending, _without(feed.draw(), opened))


def _part(answers: Answers, first: int, last: int | None) -> Answers:
    return Answers(*(column[first:last] for column in answers))


def _without(answers: Answers, opened: Trip) -> Answers:
    """Leave out the answers that a trip sheds, and those that arrive during it from requests admitted before."""
    shed = (answers.admitted >= opened.at) & (answers.admitted < opened.until)
    late = (answers.arrived >= opened.at) & (answers.arrived < opened.until)
    kept = ~(shed | late)
    return Answers(*(column[kept] for column in answers))
