"""Collects a run's arrivals phase by phase, in pieces: their number, their lateness and the gaps between them.

An arrival is a request that the scenario's schedule asked for. Retries, closed-loop requests and probes are none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reports.statistics.latencies import Latencies
from tripcurve.scenario import Phase, Ramp, Scenario

__all__ = ["GAP_BINS", "Arrivals", "PhaseArrivals"]

GAP_BINS = 4096
"""Gaps are counted in so many bins, which are equally likely if the arrivals are a Poisson process."""
HELD_NS = 10_000_000_000
"""How long arrivals wait for others that were due earlier. A user sends an arrival at most 5 s late or drops it."""

Instants = npt.NDArray[np.int64]


class PhaseArrivals:
    """The arrivals of one phase, which began at `begin_ns`, unix ns. Memory does not grow with their number.

    A gap is the time between two arrivals, times the rate configured in its middle. So its mean is 1, also on a ramp.
    """

    def __init__(self, phase: Phase, begin_ns: int) -> None:
        self.phase = phase
        rate = phase.rate if phase.rate is not None else 0.0
        self._first, last = (rate.start, rate.end) if isinstance(rate, Ramp) else (rate, rate)
        self._slope = (last - self._first) / phase.duration_s
        self._begin_ns = begin_ns
        self._waiting: Instants = np.empty(0, np.int64)
        self._last: Instants = np.empty(0, np.int64)
        self.sent = 0
        self.unplanned = 0
        """Requests of users other than probes that have no place in the schedule."""
        self.lateness = Latencies()
        """How much later than due the arrivals were sent, µs."""
        self.gaps = 0
        self.gap_sum = self.gap_squares = 0.0
        self.gap_bins: Instants = np.zeros(GAP_BINS, np.int64)
        self.clock_doubt_ns = 0
        """How wrong the arrivals' instants may be, because a worker's clock is not known exactly."""

    def expected(self, seconds: float) -> float:
        """Return how many arrivals the configured rate asks for in the first so many seconds of the phase."""
        return (self._first + self._slope * seconds / 2) * seconds

    def add(self, due: Instants, start: Instants) -> None:
        """Add arrivals: when they were due and when they were sent, unix ns, both of shape (n,)."""
        self.sent += len(due)
        self.lateness += Latencies.of(np.maximum(start - due, 0) // 1000)
        self._waiting = np.sort(np.concatenate((self._waiting, due)))

    def settle(self, until_ns: int | None) -> None:
        """Count the gaps between arrivals that were due by an instant, unix ns. None: of all arrivals."""
        count = len(self._waiting) if until_ns is None else int(np.searchsorted(self._waiting, until_ns, "right"))
        if not count:
            return
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        if len(self._last):
            ready = ready[ready >= self._last[0]]  # one sent after HELD_NS has no place among the gaps
        due = np.concatenate((self._last, ready))
        self._last = due[-1:]
        between = np.diff(due)
        rate: float | npt.NDArray[np.float64] = self._first
        if self._slope:
            rate = self._first + self._slope * (due[:-1] - self._begin_ns + between / 2) / 1e9
        self._count(between * (rate / 1e9))

    def _count(self, gaps: npt.NDArray[np.float64]) -> None:
        self.gaps += len(gaps)
        self.gap_sum += float(gaps.sum())
        self.gap_squares += float((gaps * gaps).sum())
        bins = np.clip(-np.expm1(-gaps) * GAP_BINS, 0, GAP_BINS - 1).astype(np.int64)
        self.gap_bins += np.bincount(bins, minlength=GAP_BINS)


class Arrivals:
    """The arrivals of a run that began at `start_ns`, unix ns, by the name of their phase."""

    def __init__(self, scenario: Scenario, start_ns: int) -> None:
        self.phases: dict[str, PhaseArrivals] = {}
        begin_s = 0.0
        for phase in scenario.phases:
            self.phases[phase.name] = PhaseArrivals(phase, start_ns + round(begin_s * 1e9))
            begin_s += phase.duration_s

    def add(self, piece: pa.Table) -> None:
        """Add the next requests, in order of start and with one dictionary per column, without dense probes."""
        if not len(piece):
            return
        start, due = (piece[name].to_numpy() for name in ("start_ns", "intended_ns"))
        doubt, users = piece["clock_doubt_ns"].to_numpy(), piece["user"].chunk(0)
        classes = users.dictionary.to_pylist()
        load = np.ones(len(piece), bool)
        if "ProbeUser" in classes:
            load = users.indices.to_numpy() != classes.index("ProbeUser")
        planned = load & (start != due)
        phases = piece["phase"].chunk(0)
        codes = phases.indices.to_numpy()
        names = phases.dictionary.to_pylist()
        for code in np.flatnonzero(np.bincount(codes)).tolist():
            known = self.phases.get(names[code])
            if known is None:
                continue
            own = codes == code
            known.unplanned += int(np.count_nonzero(own & load & ~planned))
            own &= planned
            if own.any():
                known.add(due[own], start[own])
                known.clock_doubt_ns = max(known.clock_doubt_ns, int(doubt[own].max()))
        for each in self.phases.values():
            each.settle(int(start[-1]) - HELD_NS)

    def finish(self) -> None:
        """Count the gaps of the last arrivals. Call this after the last `add`."""
        for each in self.phases.values():
            each.settle(None)
