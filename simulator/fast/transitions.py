"""Finds the transitions of one unit's breaker without drawing the requests between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from simulator.fast.answers import Answers, Feed, merged
from simulator.fast.windows import window_for
from simulator.sources import Source
from simulator.words import Floats
from tripcurve.lab import BreakerRule, LocalOptions

__all__ = ["Trip", "Walk"]

_NONE = Answers(np.empty(0), np.empty(0), np.empty(0, bool), np.empty(0))


class Trip(NamedTuple):
    """An open period `[at, until)` of a breaker, in seconds from the run's start."""

    at: float
    until: float
    open_s: float
    failures: int


class Walk:
    """Follows one unit's breaker through a run. `times`: the backend's answer times by rank, s."""

    def __init__(
        self, sources: list[Source], unit: int, rule: BreakerRule, options: LocalOptions, times: Floats
    ) -> None:
        self._feed = Feed(sources, unit, rule, options, times, everything=rule.count is None)
        self._window = window_for(rule, options)
        self._opened = Trip(-np.inf, -np.inf, 0.0, 0)
        self.failures = 0
        """Answers so far that the rule counts as failures, in any state of the breaker."""

    def trips(self) -> Iterator[Trip]:
        """Yield the breaker's trips in order of time."""
        feed, pending = self._feed, _NONE
        while True:
            ready = int(np.searchsorted(pending.arrived, feed.horizon, "left"))
            hit = self._window.find(_part(pending, 0, ready))
            if hit is not None:
                at, open_s = float(pending.arrived[hit.place]), float(pending.open_s[hit.place])
                self._opened = Trip(at, at + open_s, open_s, hit.failures)
                yield self._opened
                pending = self._without_shed(_part(pending, hit.place + 1, None))
                feed.skip(self._opened.until)
                continue
            pending = _part(pending, ready, None)
            if feed.horizon == np.inf:
                return
            drawn = feed.draw()
            self.failures += int(drawn.failed.sum())
            pending = merged(pending, self._without_shed(drawn))

    def _without_shed(self, answers: Answers) -> Answers:
        """Drop answers to requests that the last trip sheds, and late answers that arrive while it is open."""
        opened = self._opened
        shed = (answers.admitted >= opened.at) & (answers.admitted < opened.until)
        late = (answers.arrived >= opened.at) & (answers.arrived < opened.until)
        self.failures -= int((answers.failed & shed).sum())
        kept = ~(shed | late)
        return Answers(*(column[kept] for column in answers))


def _part(answers: Answers, first: int, last: int | None) -> Answers:
    return Answers(*(column[first:last] for column in answers))
