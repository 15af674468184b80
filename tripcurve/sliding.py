"""The sliding window that breakers, quotas and rate limits share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["SlidingLog", "SlidingSum"]

T = TypeVar("T")


class SlidingLog(Generic[T]):
    """The entries of `(now - period_s, now]`, without those exactly `period_s` old.

    Times are seconds on one monotonic clock and never go back.
    """

    __slots__ = ("entries", "period_s")

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.entries: deque[tuple[float, T]] = deque()

    def advance(self, now: float) -> None:
        """Drop the entries that have left the window at `now`."""
        entries, gone = self.entries, now - self.period_s
        while entries and entries[0][0] <= gone:
            self.dropped(entries.popleft()[1])

    def dropped(self, entry: T) -> None:
        """Called with each entry that has left. Subclasses keep their totals here."""
        raise NotImplementedError


class SlidingSum(SlidingLog[float]):
    """A window of amounts, with their sum."""

    __slots__ = ("_total",)

    def __init__(self, period_s: float) -> None:
        super().__init__(period_s)
        self._total = 0.0

    def dropped(self, entry: float) -> None:
        self._total -= entry

    def total(self, now: float) -> float:
        """Return the sum at `now`, which is exactly 0 for an empty window, whatever the rounding errors before."""
        self.advance(now)
        return self._total if self.entries else 0.0

    def add(self, now: float, amount: float) -> None:
        """Count `amount` at `now`."""
        self.entries.append((now, amount))
        self._total += amount

    def wait(self, now: float, fits: Callable[[float], bool]) -> float | None:
        """Return the seconds until `fits(sum)` is true, 0 if it is; None if it is false even for an empty window."""
        left = self.total(now)
        if fits(left):
            return 0.0
        for at, amount in self.entries:
            left -= amount
            if fits(left):
                return at + self.period_s - now
        return None
