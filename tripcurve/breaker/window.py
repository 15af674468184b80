"""Counting windows of a breaker: the numbers of recent failures and answers."""

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
        """Drop the answers that have left the window at `now`, then count one. `retry_after_s` None: no such header."""

    def clear(self) -> None:
        """Forget all answers."""

    def largest_retry_after(self) -> float | None:
        """Return the largest Retry-After of the answers in the window, in seconds; None if none had one."""


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
        """Count an answer at `now`. `retry_after_s` None: the answer does not set the open time."""
        self.advance(now)
        self.entries.append((now, (failed, retry_after_s)))
        self.failures += failed
        self.answers += 1

    def clear(self) -> None:
        self.entries.clear()
        self.failures = self.answers = 0

    def largest_retry_after(self) -> float | None:
        """Return the largest Retry-After in the window, s, or None if there is none."""
        return max((hint for _, (_, hint) in self.entries if hint is not None), default=None)


class FixedWindow:
    """Buckets `[start, start + interval)`, each forgotten as a whole when it ends.

    With `on_clock`, buckets start at multiples of the interval on the breaker's clock. Otherwise a bucket starts with
    the first failure, and answers before that are not counted.
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
    """Return an empty window of the kind that the options name."""
    if options.breaker_window == "sliding":
        return SlidingWindow(rule.interval)
    return FixedWindow(rule.interval, on_clock=options.breaker_window == "fixed_clock")
