"""Counting windows of a breaker: how many failures, among how many answers, lately."""

from __future__ import annotations

import math
from typing import Protocol

from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule
from tripcurve.sliding import SlidingLog

__all__ = ["FixedWindow", "SlidingWindow", "Window", "window_for"]


class Window(Protocol):
    """Counts answers. Times are seconds on the breaker's clock and never go back."""

    failures: int
    answers: int

    def add(self, now: float, failed: bool, retry_after_s: float | None) -> None:
        """Count one answer at `now`, after letting go of what has left the window."""

    def clear(self) -> None:
        """Forget everything."""

    def largest_retry_after(self) -> float | None:
        """The largest Retry-After among the answers in the window; None when none had one."""


class SlidingWindow(SlidingLog[tuple[bool, float | None]]):
    """The answers of `(now - interval, now]`: whether each failed, and its Retry-After."""

    __slots__ = ("answers", "failures")

    def __init__(self, interval_s: float) -> None:
        super().__init__(interval_s)
        self.failures = 0
        self.answers = 0

    def dropped(self, entry: tuple[bool, float | None]) -> None:
        self.failures -= entry[0]
        self.answers -= 1

    def add(self, now: float, failed: bool, retry_after_s: float | None) -> None:
        self.advance(now)
        self.entries.append((now, (failed, retry_after_s)))
        self.failures += failed
        self.answers += 1

    def clear(self) -> None:
        self.entries.clear()
        self.failures = self.answers = 0

    def largest_retry_after(self) -> float | None:
        return max((hint for _, (_, hint) in self.entries if hint is not None), default=None)


class FixedWindow:
    """Buckets `[start, start + interval)`, forgotten whole.

    They start at multiples of the interval on the breaker's own clock, or with the first
    failure, in which case answers before it are not counted.
    """

    __slots__ = ("_end", "_interval", "_largest", "_on_clock", "answers", "failures")

    def __init__(self, interval_s: float, on_clock: bool) -> None:
        self._interval = interval_s
        self._on_clock = on_clock
        self._end: float | None = None
        self._largest: float | None = None
        self.failures = 0
        self.answers = 0

    def add(self, now: float, failed: bool, retry_after_s: float | None) -> None:
        if self._end is None or now >= self._end:
            self.clear()
            if not failed and not self._on_clock:
                return
            self._end = self._start_of(now) + self._interval
        self.failures += failed
        self.answers += 1
        if retry_after_s is not None and (self._largest is None or retry_after_s > self._largest):
            self._largest = retry_after_s

    def _start_of(self, now: float) -> float:
        aligned = self._on_clock and self._interval > 0
        return math.floor(now / self._interval) * self._interval if aligned else now

    def clear(self) -> None:
        self.failures = self.answers = 0
        self._end = self._largest = None

    def largest_retry_after(self) -> float | None:
        return self._largest


def window_for(rule: BreakerRule, options: LocalOptions) -> Window:
    """An empty window of the kind the options ask for."""
    if options.breaker_window == "sliding":
        return SlidingWindow(rule.interval)
    return FixedWindow(rule.interval, on_clock=options.breaker_window == "fixed_clock")
