"""Estimates the main process's clock from messages that ask it for the time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from time import monotonic_ns

from locustfiles.pacing.clock import Clock

__all__ = ["ClockOffset", "Estimate"]

KEPT = 16
MOST_SAMPLES = 4096
"""When there are more, only the narrower of each two is kept."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Add `offset_ns` to this process's monotonic ns to get the main process's unix ns, ± `half_width_ns`."""

    offset_ns: int
    half_width_ns: int


class ClockOffset:
    """Keeps the narrowest of the last answers: the true offset is within half of an answer's round-trip time."""

    def __init__(self) -> None:
        self._estimates: deque[Estimate] = deque(maxlen=KEPT)
        self._history: list[tuple[int, Estimate]] = []

    def add(self, asked_ns: int, told_ns: int, heard_ns: int) -> None:
        """Add one answer: asked and heard at these monotonic ns; `told_ns` is the main process's unix ns in it."""
        middle = (asked_ns + heard_ns) // 2
        estimate = Estimate(told_ns - middle, (heard_ns - asked_ns + 1) // 2)
        self._estimates.append(estimate)
        self._history.append((middle, estimate))
        if len(self._history) > MOST_SAMPLES:
            pairs = zip(self._history[::2], self._history[1::2], strict=False)
            self._history = [min(pair, key=lambda one: one[1].half_width_ns) for pair in pairs]

    def samples(self, applied_ns: int) -> list[tuple[int, int, int]]:
        """Return all answers so far for `WorkerClock.samples`. `applied_ns`: the offset used for the rows."""
        return [(middle + applied_ns, applied_ns - one.offset_ns, one.half_width_ns) for middle, one in self._history]

    @property
    def best(self) -> Estimate | None:
        """Return the estimate with the smallest half-width, or None before the first answer."""
        return min(self._estimates, key=lambda one: one.half_width_ns, default=None)

    def clock(self) -> Clock | None:
        """Return the main process's clock as estimated here, or None before the first answer."""
        best, now = self.best, monotonic_ns()
        return None if best is None else Clock(now + best.offset_ns, now, None)
