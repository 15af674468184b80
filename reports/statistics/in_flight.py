"""Counts the requests under way over time, piece by piece, and checks rates by Little's law.

Little's law [LITTLE61]: in a steady state, the mean number of requests under way is their rate times their mean
latency. So that number over the latency is the rate, found without counting arrivals. It differs from the counted rate
if requests pile up, or if times in the record are wrong.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from reports.statistics.latencies import Latencies
from tripcurve.run.summary import LittlesLaw

__all__ = ["InFlight", "littles_law"]

Seconds = npt.NDArray[np.float64]

TOLERANCE = 0.05
"""Two methods agree if their rates differ by less than this fraction, and by what the step's two ends explain."""
MOST_OF_ENDS = 0.2
"""The most that the two ends of a step may explain: with longer latencies, requests that pile up would go unnoticed."""


class InFlight:
    """Collects when requests were due and answered, in bins of `width_s`. Its memory grows with the bins only."""

    def __init__(self, width_s: float) -> None:
        self._width_s = width_s
        self._due, self._answered = np.zeros((0, 2)), np.zeros((0, 2))

    def add(self, due_s: Seconds, answered_s: Seconds) -> None:
        """Add requests by the seconds from the run's start at which they were due and answered, shape (n,)."""
        self._due = self._with(self._due, due_s)
        self._answered = self._with(self._answered, answered_s)

    def _with(self, counts: Seconds, at_s: Seconds) -> Seconds:
        """Add the number of instants in each bin, and their sum, to `counts`, shape (bins, 2), which may grow."""
        if not len(at_s):
            return counts
        bins = (at_s / self._width_s).astype(np.int64)
        first, end = int(bins.min()), int(bins.max()) + 1
        if end > len(counts):
            counts = np.pad(counts, ((0, max(end, 2 * len(counts)) - len(counts)), (0, 0)))
        counts[first:end, 0] += np.bincount(bins - first)
        counts[first:end, 1] += np.bincount(bins - first, weights=at_s)
        return counts

    def mean(self, begin_s: float, end_s: float) -> float | None:
        """Return the mean number of requests under way in a window, or None if it contains no whole bin.

        Only whole bins of the window count, for which the mean is exact.
        """
        first, last = math.ceil(begin_s / self._width_s - 1e-9), math.floor(end_s / self._width_s + 1e-9)
        if last <= first:
            return None
        return (self._area(last) - self._area(first)) / ((last - first) * self._width_s)

    def _area(self, edge: int) -> float:
        """Return the request-seconds under way until the end of the first `edge` bins."""
        until = edge * self._width_s
        due, answered = (counts[:edge].sum(axis=0) for counts in (self._due, self._answered))
        return float(due[0] * until - due[1] - (answered[0] * until - answered[1]))


def littles_law(in_flight: float | None, latencies: Latencies, offered_s: float, seconds: float) -> LittlesLaw | None:
    """Return the rate by Little's law beside the counted one, or None if it cannot be computed.

    `in_flight`: mean number under way. `latencies`: of all its requests, from when they were due. `seconds`: how long
    the step lasted. Requests under way at its two ends explain a difference of mean latency over duration, at most
    MOST_OF_ENDS.
    """
    if in_flight is None or not len(latencies):
        return None
    mean_s = float(latencies.values @ latencies.counts) / len(latencies) / 1e6
    if mean_s <= 0 or offered_s <= 0:
        return None
    differs = in_flight / mean_s / offered_s - 1
    return LittlesLaw(
        in_flight=in_flight,
        mean_ms=mean_s * 1000,
        rate_s=in_flight / mean_s,
        differs_share=differs,
        agrees=abs(differs) <= TOLERANCE + min(mean_s / seconds, MOST_OF_ENDS),
    )
