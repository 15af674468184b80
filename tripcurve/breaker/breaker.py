"""The circuit breaker of one backend on one gateway unit: a pure state machine.

Time comes in as an argument (seconds, one monotonic clock), events go out as return values. `window` counts, `failure`
decides which results are failures, and this module trips and resets.

The edges, unless an option of `local:` changes them:

* a failure counts at the instant it is recorded; the window is `(now - interval, now]`;
* the breaker trips at the instant at which its condition is reached, and is open during
  `[tripped, tripped + duration)`: a request at the deadline is admitted, and a trip of zero
  length sheds nothing;
* it closes at the deadline, with empty counters, even if no call is made then: the event
  has the deadline and, separately, the instant at which a later call noticed it;
* an answer that arrives while the breaker is open, from a request admitted before, changes nothing;
  one that arrives after the reset counts like any other;
* `percentage` is evaluated on every answer, so that a success can trip the breaker by completing
  the least volume.

A rule that `BreakerRule` would refuse can still be run, because the option `rule_bounds` can allow it: with both
conditions only the count is used, with neither the breaker never trips, and a negative duration counts as 0.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from tripcurve.breaker.failure import FailureTest, Outcome
from tripcurve.breaker.half_open import Probes
from tripcurve.breaker.window import window_for
from tripcurve.errors import TripcurveError
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["Breaker", "Closed", "ImpossibleTransition", "Opened", "Outcome", "State", "Ticket"]


class State(Enum):
    """The state of a breaker. HALF_OPEN occurs only with the option `half_open_probes`."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


_TRANSITIONS = {
    State.CLOSED: {State.OPEN},
    State.OPEN: {State.CLOSED, State.HALF_OPEN},
    State.HALF_OPEN: {State.OPEN, State.CLOSED},
}


class ImpossibleTransition(TripcurveError):
    """A state change that the breaker does not have: a mistake in this program, which no traffic can cause."""


class Opened(NamedTuple):
    """The breaker tripped, or a failed probe opened it again. Times are in seconds on its clock."""

    at: float
    noticed_at: float
    until: float
    trip_duration_s: float
    failures: int


class Closed(NamedTuple):
    """The breaker reset.

    `at` is the exact instant and `noticed_at` that of the call that returned the event. `fired_at` is the event's time:
    `at`, or `noticed_at` if the option `closed_event` waits for a request. `trip_duration_s` is how long it was open.
    """

    at: float
    noticed_at: float
    fired_at: float
    trip_duration_s: float


Events = tuple[Opened | Closed, ...]
_NOTHING: Events = ()


class Ticket:
    """The admission of one request. Pass it to `record` with the outcome."""

    __slots__ = ("probe",)

    def __init__(self, probe: int | None) -> None:
        self.probe = probe
        """The number of the half-open round whose probe this is; None for an ordinary request."""


_ORDINARY = Ticket(None)


class Breaker:
    """The breaker of one rule. Each unit has its own, as in Azure. Not thread-safe."""

    def __init__(self, rule: BreakerRule, options: LocalOptions, probe_share: int | None = None) -> None:
        """Start closed. `probe_share`: failures in 100 half-open probes that open it again; None: one failure does."""
        self._state = State.CLOSED
        self._until: float | None = None
        self._opened = 0.0
        self._unfired: float | None = None  # a reset whose event waits for a request
        self._probes = Probes(options.half_open_probes, probe_share)
        self.revise(rule, options)

    def revise(self, rule: BreakerRule, options: LocalOptions) -> None:
        """Change the rule and options. Counters start empty; an open breaker stays open until its deadline."""
        self.rule = rule
        self.options = options
        self._probes.permitted = options.half_open_probes
        self._test = FailureTest(rule, options)
        self._window = window_for(rule, options)
        self._hints = rule.accept_retry_after and options.retry_after_from == "largest_in_window"
        # Statuses whose answers change nothing. Nearly every request has one, so `record` returns early for them.
        self._skips = frozenset[int]()
        if rule.count is not None and not options.success_clears and not self._hints:
            self._skips = frozenset(range(100, 1000)) - self._test.failing

    @property
    def state(self) -> State:
        """Return the state as of the last call, even if a deadline has passed since."""
        return self._state

    @property
    def open_until(self) -> float | None:
        """Return the deadline in seconds on the breaker's clock; None if closed, the past deadline if half-open."""
        return self._until

    def admits(self, now: float) -> bool:
        """Return whether a request at `now` would be admitted. Changes nothing, so that a pool can ask every member."""
        if self._state is State.CLOSED:
            return True
        if self._state is State.HALF_OPEN:
            return self._probes.admits()
        return now >= self._deadline()

    def admit(self, now: float) -> tuple[Ticket | None, Events]:
        """Return a ticket for a request at `now`, or None if it must be shed, and the events up to `now`."""
        if self._state is State.CLOSED and self._unfired is None:
            return _ORDINARY, _NOTHING
        self._expire(now)
        events = self._fire(now)
        if self._state is State.CLOSED:
            return _ORDINARY, events
        return self._probe(now), events

    def record(self, ticket: Ticket, now: float, outcome: Outcome) -> Events:
        """Count the outcome of an admitted request and return the events up to `now`. Record each ticket once."""
        if self._state is State.CLOSED:
            if outcome.status in self._skips and outcome.error_reason is None:
                return _NOTHING
            return self._record_closed(now, outcome)
        events = self.advance(now)
        if self.state is State.CLOSED:
            return events + self._record_closed(now, outcome)
        if self.state is State.HALF_OPEN and ticket.probe == self._probes.period:
            return events + self._record_probe(now, outcome)
        self._record_late(now, outcome)
        return events

    def advance(self, now: float) -> Events:
        """Close if the deadline is reached, and return the events up to `now`. May be called at any time, or never."""
        self._expire(now)
        return _NOTHING if self.options.closed_event == "at_next_request" else self._fire(now)

    # Decisions.

    def _record_closed(self, now: float, outcome: Outcome) -> Events:
        failed = self._test.judge(outcome)
        if failed is None:
            return _NOTHING
        if not failed and self.options.success_clears:
            self._window.clear()
        hint = self._retry_after(outcome) if self._hints else None
        if failed or hint is not None or self.rule.count is None:
            self._window.add(now, failed, hint)
        return self._trip(now, outcome) if self._reached(failed) else _NOTHING

    def _reached(self, failed: bool) -> bool:
        rule, window = self.rule, self._window
        if rule.count is not None:
            return failed and window.failures >= rule.count
        if rule.percentage is None or window.answers < self.options.percentage_min_volume:
            return False
        return window.failures * 100 >= rule.percentage * window.answers

    def _record_probe(self, now: float, outcome: Outcome) -> Events:
        opens = self._probes.answered(self._test.judge(outcome))
        if opens is None:
            return _NOTHING
        if not opens:
            self._close(now)
            return self._fire(now)
        for _ in range(self._probes.failed):
            self._window.add(now, True, self._retry_after(outcome))
        return self._trip(now, outcome)

    def _record_late(self, now: float, outcome: Outcome) -> None:
        if self._state is State.OPEN and self.options.late_failures == "extend" and self._test.judge(outcome):
            self._until = max(self._deadline(), now + self._duration(outcome))

    def _retry_after(self, outcome: Outcome) -> float | None:
        """Return the answer's Retry-After in seconds; None if it has none or the rule ignores it."""
        if outcome.retry_after_s is None or not self.rule.accept_retry_after:
            return None
        outside = outcome.status not in self._test.in_ranges
        return None if outside and self.options.retry_after_outside_statuses == "ignored" else outcome.retry_after_s

    def _duration(self, outcome: Outcome) -> float:
        """Return the seconds to stay open: the rule's trip duration, or the Retry-After that the rule accepts."""
        wanted = self._window.largest_retry_after() if self._hints else self._retry_after(outcome)
        if wanted is None:
            return max(self.rule.trip_duration, 0.0)
        if self.options.retry_after_cap is not None:
            wanted = min(wanted, self.options.retry_after_cap)
        shorter_replaces = self.options.retry_after_shorter == "replaces"
        return max(wanted, 0.0 if shorter_replaces else self.rule.trip_duration)

    # Transitions.

    def _move(self, to: State) -> None:
        if to not in _TRANSITIONS[self._state]:
            raise ImpossibleTransition(f"a breaker that is {self._state.value} cannot become {to.value}")
        self._state = to

    def _trip(self, now: float, outcome: Outcome) -> Events:
        events = self._fire(now)  # a reset not yet reported comes before the next trip
        duration = self._duration(outcome)
        opened = Opened(now, now, now + duration, duration, self._window.failures)
        self._move(State.OPEN)
        self._opened, self._until = now, opened.until
        if self.options.counter_after_reset == "cleared":
            self._window.clear()
        return (*events, opened)

    def _deadline(self) -> float:
        if self._until is None:
            raise ImpossibleTransition("a closed breaker has no deadline")
        return self._until

    def _expire(self, now: float) -> None:
        if self._state is not State.OPEN or now < self._deadline():
            return
        if self.options.half_open_probes:
            self._move(State.HALF_OPEN)
            self._probes.begin()
        else:
            self._close(self._deadline())

    def _close(self, at: float) -> None:
        self._move(State.CLOSED)
        self._until = None
        self._unfired = at

    def _probe(self, now: float) -> Ticket | None:
        if self._state is not State.HALF_OPEN or not self.admits(now):
            return None
        return Ticket(self._probes.send())

    def _fire(self, now: float) -> Events:
        if self._unfired is None:
            return _NOTHING
        at, self._unfired = self._unfired, None
        fired = at if self.options.closed_event == "at_deadline" else now
        return (Closed(at, now, fired, at - self._opened),)
