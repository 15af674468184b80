"""Times counted in bins of about one per cent: flat in memory however long the run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Histogram"]

# The first bin is everything below, the last everything above.
_EDGES_NS = np.geomspace(1e3, 1e12, 2001)


class Histogram:
    """How often a time was seen, from 1 us to 1000 s."""

    def __init__(self, counts: list[int] | None = None) -> None:
        self._counts = np.zeros(len(_EDGES_NS) + 1, np.int64) if counts is None else np.array(counts, np.int64)

    def add(self, times_ns: npt.ArrayLike) -> None:
        """Count an array of times in nanoseconds."""
        self._counts += np.bincount(np.searchsorted(_EDGES_NS, times_ns), minlength=len(self._counts))

    def merge(self, other: Histogram) -> None:
        self._counts += other._counts

    def to_list(self) -> list[int]:
        """The counts, as they travel between processes."""
        return [int(count) for count in self._counts]

    @property
    def total(self) -> int:
        """How many times were counted."""
        return int(self._counts.sum())

    def quantile_ms(self, share: float) -> float | None:
        """An upper bound of the quantile, in milliseconds; None when nothing was counted."""
        if self.total == 0:
            return None
        index = int(np.searchsorted(np.cumsum(self._counts), share * self.total))
        return float(_EDGES_NS[min(index, len(_EDGES_NS) - 1)] / 1e6)
