"""LiteLLM's cooldown of one deployment, for a router whose `allowed_fails` is set: a pure state machine [LITELLM-SRC].

The rule, as version 1.110.2 has it:

* failures are counted in a bucket that begins with the first of them and lasts as long as the router's `cooldown_time`.
  Successes, and requests without an answer, change nothing;
* the deployment is cooled down when the bucket has *more than* `allowed_fails`: at the instant of that failure, and for
  its Retry-After if it has one, else for `cooldown_time`. The header has whole seconds, so others are rounded up;
* after the cooldown all requests are admitted at once. The count is not emptied by a trip: a bucket that is still
  running goes on, and one failure then cools the deployment down again;
* a failure that arrives during the cooldown is counted. It never lengthens the cooldown, but shortens it if its own
  would end earlier;
* a failure with a Retry-After of 0 is not counted at all.

A deployment that is alone in its group is never cooled down, so it needs no machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tripcurve.breaker.breaker import Events, Ticket
from tripcurve.breaker.failure import Outcome
from tripcurve.breaker.machine import Timed

__all__ = ["Cooldown", "CooldownRule"]


@dataclass(frozen=True)
class CooldownRule:
    """The router's settings. `cooldown_s`: seconds. `failing`: the statuses that it counts.

    `heeds_retry_after` False: the deployment has a cooldown time of its own, which comes first.
    """

    allowed_fails: int
    cooldown_s: float
    failing: frozenset[int]
    heeds_retry_after: bool = True


class Cooldown(Timed):
    """The cooldown of one deployment in one LiteLLM process without Redis. Not thread-safe."""

    def __init__(self, rule: CooldownRule) -> None:
        super().__init__()
        self._rule = rule
        self._fails = 0
        self._bucket_ends: float | None = None

    def record(self, ticket: Ticket, now: float, outcome: Outcome) -> Events:
        """Count the outcome of an admitted request and return the events up to `now`."""
        events = self.advance(now)
        if outcome.status not in self._rule.failing:
            return events
        duration = self._duration(outcome)
        if duration == 0:
            return events
        if self._bucket_ends is None or now >= self._bucket_ends:
            self._fails, self._bucket_ends = 0, now + self._rule.cooldown_s
        self._fails += 1
        if self._fails <= self._rule.allowed_fails:
            return events
        if self._until is not None:
            self._until = min(self._until, now + duration)
            return events
        return events + self._open(now, now + duration, duration, self._fails)

    def _duration(self, outcome: Outcome) -> float:
        if outcome.retry_after_s is None or not self._rule.heeds_retry_after:
            return self._rule.cooldown_s
        return float(math.ceil(outcome.retry_after_s))
