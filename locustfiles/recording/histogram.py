"""A histogram of times with bins about 1 % wide, so memory stays constant however long the run is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Histogram"]

# One more bin on each side counts the times below and above.
_EDGES_NS = np.geomspace(1e3, 1e12, 2001)


class Histogram:
    """Counts times by size, from 1 µs to 1000 s.

    `counts`: those of `to_list`; None: start empty.
    """

    def __init__(self, counts: list[int] | None = None) -> None:
        self._counts = np.zeros(len(_EDGES_NS) + 1, np.int64) if counts is None else np.array(counts, np.int64)

    def add(self, times_ns: npt.ArrayLike) -> None:
        """Count times in nanoseconds, an array of shape (n,)."""
        self._counts += np.bincount(np.searchsorted(_EDGES_NS, times_ns), minlength=len(self._counts))

    def merge(self, other: Histogram) -> None:
        """Add the counts of another histogram."""
        self._counts += other._counts

    def to_list(self) -> list[int]:
        """Return the counts of all bins as plain data, to send to another process."""
        return [int(count) for count in self._counts]

    @property
    def total(self) -> int:
        """The number of times counted."""
        return int(self._counts.sum())

    def quantile_ms(self, share: float) -> float | None:
        """Return an upper bound of a quantile in ms, or None if nothing was counted. `share`: 0.99 for the p99."""
        if self.total == 0:
            return None
        index = int(np.searchsorted(np.cumsum(self._counts), share * self.total))
        return float(_EDGES_NS[min(index, len(_EDGES_NS) - 1)] / 1e6)
