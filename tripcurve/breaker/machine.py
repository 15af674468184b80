"""The interface of every breaker, and the part that breakers with a fixed open time have in common.

`Breaker` is API Management's. `Consecutive` and `Cooldown` follow the rules of other gateways. A gateway asks them all
in the same way, so the simulator runs any of them.
"""

from __future__ import annotations

from typing import Protocol

from tripcurve.breaker.breaker import Closed, Events, Opened, Ticket
from tripcurve.breaker.failure import Outcome

__all__ = ["Machine", "Timed"]

_ORDINARY = Ticket(None)


class Machine(Protocol):
    """The breaker of one backend on one gateway unit. Times are in seconds on one clock, which never goes back."""

    @property
    def open_until(self) -> float | None:
        """Return the end of the open time; None if the breaker is closed."""
        ...

    def admits(self, now: float) -> bool:
        """Return whether a request at `now` would be admitted. Changes nothing."""
        ...

    def admit(self, now: float) -> tuple[Ticket | None, Events]:
        """Return a ticket for a request at `now`, or None if it must be shed, and the events up to `now`."""
        ...

    def record(self, ticket: Ticket, now: float, outcome: Outcome) -> Events:
        """Count the outcome of an admitted request and return the events up to `now`. Record each ticket once."""
        ...

    def advance(self, now: float) -> Events:
        """Close if the open time is over, and return the events up to `now`. May be called at any time, or never."""
        ...


class Timed:
    """Open during `[opened, until)`, then closed: a request at the deadline is admitted, and nothing half-opens."""

    def __init__(self) -> None:
        self._opened = 0.0
        self._until: float | None = None

    @property
    def open_until(self) -> float | None:
        """Return the end of the open time in seconds; None if closed. Unchanged until a call notices the deadline."""
        return self._until

    def admits(self, now: float) -> bool:
        """Return whether a request at `now` would be admitted. Changes nothing, so that a pool can ask every member."""
        return self._until is None or now >= self._until

    def admit(self, now: float) -> tuple[Ticket | None, Events]:
        """Return a ticket for a request at `now`, or None if it must be shed, and the events up to `now`."""
        events = self.advance(now)
        return (_ORDINARY if self._until is None else None), events

    def advance(self, now: float) -> Events:
        """Close if the deadline is reached, and return the events up to `now`."""
        if self._until is None or now < self._until:
            return ()
        at, self._until = self._until, None
        self._closed(at)
        return (Closed(at, now, at, at - self._opened),)

    def _open(self, now: float, until: float, duration_s: float, failures: int) -> Events:
        """Open during `[now, until)` and return the event. `duration_s`: the open time that the rule asks for."""
        self._opened, self._until = now, until
        return (Opened(now, now, until, duration_s, failures),)

    def _closed(self, at: float) -> None:
        """Called when the breaker has closed, with the exact instant."""
