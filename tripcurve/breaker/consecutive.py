"""Envoy's outlier detection by consecutive failures, for one host of a cluster: a pure state machine [ENVOY-SRC].

The rule, as Envoy's source has it:

* `count` failures in a row eject the host, at the instant of the last. Every other answer sets it to 0. A
  request that got no answer is a failure;
* an ejected host returns at the first sweep at which it has been out for `base_s` times its multiplier, but at most for
  `max_s`. Sweeps are `interval_s` apart, whatever happens;
* each ejection raises the multiplier by one, while that could still lengthen the time. Each sweep at which the host is
  not ejected lowers it by one, from the sweep after its return on;
* a host that returns has a count of 0, so answers that arrive while it is ejected change nothing;
* if too much of the cluster is ejected, the host stays, and its count starts again.

At one instant, the sweep comes before answers and requests. Success rates, failure percentages and active health checks
are not modelled, and the jitter of ejection times is 0, as it is by default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tripcurve.breaker.breaker import Events, Ticket
from tripcurve.breaker.failure import Outcome
from tripcurve.breaker.machine import Timed

__all__ = ["SERVER_FAILURES", "Consecutive", "Ejection"]

SERVER_FAILURES = frozenset(range(500, 600))


@dataclass(frozen=True)
class Ejection:
    """The settings of outlier detection. Times are in seconds; `failing`: the statuses that count as failures."""

    count: int
    base_s: float
    interval_s: float
    max_s: float = 300.0
    failing: frozenset[int] = SERVER_FAILURES


class Consecutive(Timed):
    """The ejections of one host in one Envoy process, whose workers share its count. Not thread-safe."""

    def __init__(
        self, settings: Ejection, first_sweep_s: float = 0.0, may_eject: Callable[[float], bool] = lambda _now: True
    ) -> None:
        """Start with a host that was never ejected.

        `first_sweep_s`: the instant of a sweep; there is one every interval before and after it. `may_eject`: return
        whether one more host of the cluster may be ejected at an instant.
        """
        super().__init__()
        self._settings = settings
        self._first_sweep_s = first_sweep_s
        self._may_eject = may_eject
        self._failures = self._multiplier = 0
        self._returned = 0  # the number of the sweep at which the host last returned

    def record(self, ticket: Ticket, now: float, outcome: Outcome) -> Events:
        """Count the outcome of an admitted request and return the events up to `now`."""
        events = self.advance(now)
        unknown = outcome.status is None and outcome.error_reason is None
        if unknown or self.open_until is not None:
            return events
        failed = outcome.error_reason is not None or outcome.status in self._settings.failing
        self._failures = self._failures + 1 if failed else 0
        if self._failures < self._settings.count:
            return events
        self._failures = 0
        return events + self._eject(now) if self._may_eject(now) else events

    def _closed(self, at: float) -> None:
        self._failures = 0
        self._returned = self._sweep_from(at)

    def _eject(self, now: float) -> Events:
        settings = self._settings
        if self._multiplier:
            self._multiplier = max(self._multiplier - (self._sweep_until(now) - self._returned), 0)
        if self._multiplier * settings.base_s < settings.max_s + settings.base_s:
            self._multiplier += 1
        duration = min(self._multiplier * settings.base_s, settings.max_s)
        until = self._sweep_at(self._sweep_from(now + duration))
        return self._open(now, until, duration, settings.count)

    def _sweep_at(self, number: int) -> float:
        return self._first_sweep_s + number * self._settings.interval_s

    def _sweep_from(self, instant: float) -> int:
        """Return the number of the first sweep at `instant` or later."""
        number = math.ceil((instant - self._first_sweep_s) / self._settings.interval_s)
        while self._sweep_at(number - 1) >= instant:
            number -= 1
        while self._sweep_at(number) < instant:
            number += 1
        return number

    def _sweep_until(self, instant: float) -> int:
        """Return the number of the last sweep at `instant` or before."""
        number = self._sweep_from(instant)
        return number if self._sweep_at(number) == instant else number - 1
