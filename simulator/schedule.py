"""The schedule of one kind of requests: a constant rate or a ramp, or instants that are listed one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from simulator.words import Floats
from tripcurve.scenario import Phase, Ramp, Scenario

__all__ = ["Listed", "Schedule", "Steady", "load_schedule", "probe_schedule"]


class Schedule(Protocol):
    """When requests are due. `total`: how many are."""

    @property
    def total(self) -> float: ...

    def instants(self, due: Floats) -> Floats:
        """Return when these numbers of requests have been due, seconds from the run's start, in the shape of `due`."""
        ...

    def instant(self, due: float) -> float:
        """Return when `due` requests have been due, seconds from the run's start."""
        ...

    def due(self, instant: float) -> float:
        """Return how many requests have been due by an instant: 0 before the first, `total` after the last."""
        ...


class Steady(NamedTuple):
    """`total` requests from `begin_s` on, at `first + slope * t` requests per second, t seconds after `begin_s`."""

    begin_s: float
    first: float
    slope: float
    total: float

    def instants(self, due: Floats) -> Floats:
        if self.slope == 0:
            return self.begin_s + due / self.first
        root = self.first + np.sqrt(np.maximum(self.first * self.first + 2 * self.slope * due, 0.0))
        return self.begin_s + np.where(due > 0, 2 * due / np.where(root > 0, root, 1.0), 0.0)

    def instant(self, due: float) -> float:
        return float(self.instants(np.array([due]))[0])

    def due(self, instant: float) -> float:
        elapsed = instant - self.begin_s
        if elapsed <= 0:
            return 0.0
        if self.slope < 0:
            elapsed = min(elapsed, -self.first / self.slope)
        return min(self.first * elapsed + self.slope * elapsed * elapsed / 2, self.total)


@dataclass(frozen=True)
class Listed:
    """Request `k` is due at `times[k]`, seconds from the run's start: an ascending array, not empty."""

    times: Floats

    @property
    def total(self) -> float:
        return float(len(self.times))

    def instants(self, due: Floats) -> Floats:
        found: Floats = self.times[np.minimum(due.astype(np.int64), len(self.times) - 1)]
        return found

    def instant(self, due: float) -> float:
        return float(self.times[min(int(due), len(self.times) - 1)])

    def due(self, instant: float) -> float:
        return float(np.searchsorted(self.times, instant, "right"))


def load_schedule(phase: Phase, begin_s: float) -> Steady | None:
    """Return the schedule of a phase's load, or None in closed loop."""
    if phase.rate is None:
        return None
    first, last = (phase.rate.start, phase.rate.end) if isinstance(phase.rate, Ramp) else (phase.rate, phase.rate)
    slope = (last - first) / phase.duration_s
    return Steady(begin_s, first, slope, (first + last) / 2 * phase.duration_s)


def probe_schedule(scenario: Scenario, begin_s: float, end_s: float) -> Steady | None:
    """Return the schedule of the probes in a phase, or None if it has no probes.

    The probes of all users are evenly spaced over the whole run; the first comes half a period after its start.
    """
    rate = scenario.users.get("ProbeUser", 0) * scenario.probe.rate
    if rate <= 0:
        return None
    before = max(math.ceil(begin_s * rate - 0.5), 0)
    within = max(math.ceil(end_s * rate - 0.5), 0) - before
    return Steady((before + 0.5) / rate, rate, 0.0, float(within)) if within > 0 else None
