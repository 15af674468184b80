"""Estimates the main process's clock from questions and answers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from time import monotonic_ns

from locustfiles.pacing.clock import Clock

__all__ = ["ClockOffset", "Estimate"]

KEPT = 16
MOST_SAMPLES = 4096
"""Beyond this, the narrower of each two is kept."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """`offset_ns` makes monotonic ns here into the main process's unix ns, give or take `half_width_ns`."""

    offset_ns: int
    half_width_ns: int


class ClockOffset:
    """The narrowest of the last answers: whatever the way back and forth took, the truth lies within half of it."""

    def __init__(self) -> None:
        self._estimates: deque[Estimate] = deque(maxlen=KEPT)
        self._history: list[tuple[int, Estimate]] = []

    def add(self, asked_ns: int, told_ns: int, heard_ns: int) -> None:
        """One answer: asked and heard on the monotonic clock here, told in unix ns there."""
        middle = (asked_ns + heard_ns) // 2
        estimate = Estimate(told_ns - middle, (heard_ns - asked_ns + 1) // 2)
        self._estimates.append(estimate)
        self._history.append((middle, estimate))
        if len(self._history) > MOST_SAMPLES:
            pairs = zip(self._history[::2], self._history[1::2], strict=False)
            self._history = [min(pair, key=lambda one: one[1].half_width_ns) for pair in pairs]

    def samples(self, applied_ns: int) -> list[tuple[int, int, int]]:
        """All answers so far, for `WorkerClock.samples`, of rows written with this offset."""
        return [(middle + applied_ns, applied_ns - one.offset_ns, one.half_width_ns) for middle, one in self._history]

    @property
    def best(self) -> Estimate | None:
        return min(self._estimates, key=lambda one: one.half_width_ns, default=None)

    def clock(self) -> Clock | None:
        """The main process's clock as seen here; None before the first answer."""
        best, now = self.best, monotonic_ns()
        return None if best is None else Clock(now + best.offset_ns, now, None)
