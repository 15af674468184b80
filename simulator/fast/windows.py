"""Finds the answer that trips a breaker in an array of answers, for each kind of counting window."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from simulator.fast.answers import Answers
from simulator.words import Floats
from tripcurve.lab import BreakerRule, LocalOptions

__all__ = ["Hit", "Window", "window_for"]


class Hit(NamedTuple):
    """The index of the tripping answer, and the failures in the window at that instant."""

    place: int
    failures: int


class Window(Protocol):
    """A counting window over successive arrays of answers in order of arrival."""

    def find(self, answers: Answers) -> Hit | None:
        """Return the first answer that trips the breaker and clear the window, or return None and keep the answers."""
        ...


class SlidingCount:
    """Trips at `count` failures within `(now - interval, now]`. Its answers must all be failures."""

    def __init__(self, count: int, interval_s: float) -> None:
        self._count, self._interval_s = count, interval_s
        self._before: Floats = np.empty(0)

    def find(self, answers: Answers) -> Hit | None:
        before, count = self._before, self._count
        times = np.concatenate([before, answers.arrived])
        if len(times) >= count:
            last = times[count - 1 :]
            reached = times[: len(last)] > last - self._interval_s
            if count == 1:
                reached = np.ones(
                    len(last), bool
                )  # the answer itself is always in the window, even if the interval is lost in rounding
            first = int(reached.argmax())
            if reached[first]:
                self._before = np.empty(0)
                return Hit(first + count - 1 - len(before), count)
        self._before = times[len(times) - min(count - 1, len(times)) :]
        return None


class FixedCount:
    """Trips at `count` failures in a bucket that begins with the first failure or, `on_clock`, at whole intervals."""

    def __init__(self, count: int, interval_s: float, on_clock: bool) -> None:
        self._count, self._interval_s, self._on_clock = count, interval_s, on_clock
        self._end, self._failures = -math.inf, 0

    def find(self, answers: Answers) -> Hit | None:
        times, place = answers.arrived, 0
        while place < len(times):
            if times[place] >= self._end:
                self._end, self._failures = self._start_of(float(times[place])) + self._interval_s, 0
            # The answer that begins a bucket is in it, even if the interval is lost in rounding.
            after = max(int(np.searchsorted(times, self._end, "left")), place + 1)
            if self._failures + after - place >= self._count:
                hit = Hit(place + self._count - self._failures - 1, self._count)
                self._end, self._failures = -math.inf, 0
                return hit
            self._failures += after - place
            place = after
        return None

    def _start_of(self, now: float) -> float:
        return math.floor(now / self._interval_s) * self._interval_s if self._on_clock else now


class SlidingShare:
    """Trips at `percentage` of failures among the answers of `(now - interval, now]`, if there are at least `least`."""

    def __init__(self, percentage: int, interval_s: float, least: int) -> None:
        self._percentage, self._interval_s, self._least = percentage, interval_s, least
        self._before: tuple[Floats, Floats] = (np.empty(0), np.empty(0))

    def find(self, answers: Answers) -> Hit | None:
        times = np.concatenate([self._before[0], answers.arrived])
        failed = np.concatenate([self._before[1], answers.failed])
        known = len(self._before[0])
        if len(times) == known:
            return None
        gone = np.searchsorted(times, times[known:] - self._interval_s, "right")
        total = np.concatenate([[0.0], np.cumsum(failed)])
        place = np.arange(known, len(times))
        # The answer itself is always in the window, even if the interval is lost in rounding.
        gone = np.minimum(gone, place)
        failures, volume = total[place + 1] - total[gone], place + 1 - gone
        reached = (volume >= self._least) & (failures * 100 >= self._percentage * volume)
        first = int(reached.argmax())
        if reached[first]:
            self._before = (np.empty(0), np.empty(0))
            return Hit(first, int(failures[first]))
        kept = int(gone[-1])
        self._before = (times[kept:], failed[kept:])
        return None


def window_for(rule: BreakerRule, options: LocalOptions) -> Window:
    """Return an empty window of the kind that the rule and the options need."""
    if rule.count is None:
        return SlidingShare(rule.percentage or 100, rule.interval, options.percentage_min_volume)
    if options.breaker_window == "sliding":
        return SlidingCount(rule.count, rule.interval)
    return FixedCount(rule.count, rule.interval, options.breaker_window == "fixed_clock")
