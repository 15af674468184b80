"""Collects latencies piece by piece, for exact quantiles of any number of requests, overall and over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Latencies", "Lines"]

Microseconds = npt.NDArray[np.int64]


@dataclass
class Latencies:
    """How often each latency occurred. Its size grows with the number of distinct latencies, not of requests.

    `values`: distinct latencies, µs, ascending, shape (n,). `counts`: how often each occurred, shape (n,).
    """

    values: Microseconds = field(default_factory=lambda: np.empty(0, np.int64))
    counts: Microseconds = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return int(self.counts.sum())

    def __add__(self, other: Latencies) -> Latencies:
        values = np.concatenate((self.values, other.values))
        if not len(values):
            return self
        order = np.argsort(values, kind="stable")
        values, counts = values[order], np.concatenate((self.counts, other.counts))[order]
        firsts = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
        return Latencies(values[firsts], np.add.reduceat(counts, firsts))

    @classmethod
    def of(cls, latency_us: npt.NDArray[np.integer]) -> Latencies:
        """Return the latencies in an array of shape (n,), in us and in any order."""
        if len(latency_us) and latency_us.min() >= 0 and latency_us.max() < 4 * len(latency_us):
            bins = np.bincount(latency_us)  # several times as fast as sorting them
            found = np.flatnonzero(bins)
            return cls(found, bins[found])
        values, counts = np.unique(latency_us, return_counts=True)
        return cls(values.astype(np.int64), counts)

    def at(self, ranks: npt.ArrayLike) -> Microseconds:
        """Return the latencies with these ranks, counted from 0 in ascending order, µs, in the shape of `ranks`."""
        return self.values[np.searchsorted(np.cumsum(self.counts), ranks, side="right")]

    def quantile(self, shares: npt.ArrayLike) -> Microseconds:
        """Return quantiles in µs, each rounded up to a latency that occurred. There must be at least one latency."""
        return self.at(np.ceil(np.asarray(shares) * (len(self) - 1)).astype(np.int64))


class Lines:
    """Quantiles of each time bin and answering side. Takes rows in start order and keeps only those of one bin."""

    SHARES = (0.5, 0.99)

    def __init__(self, width_s: float) -> None:
        self.width_s = width_s
        self._bins = np.empty(0, np.int64)
        self._sides = np.empty(0, np.int64)
        self._latency_us = np.empty(0, np.int64)
        self._rows: list[tuple[int, int, float, float, int]] = []

    def add(self, bins: npt.NDArray[np.int64], sides: npt.NDArray[np.int64], latency_us: Microseconds) -> None:
        """Add the rows of a piece, as arrays of shape (n,): their bins, ascending, sides and latencies.

        A side is 0 for a backend and 1 for the gateway; rows with other sides are left out.
        """
        own = sides < 2
        self._bins = np.concatenate((self._bins, bins[own]))
        self._sides = np.concatenate((self._sides, sides[own]))
        self._latency_us = np.concatenate((self._latency_us, latency_us[own]))
        self._settle(int(np.searchsorted(self._bins, bins[-1])))

    def _settle(self, count: int) -> None:
        """Turn the first `count` rows, which are complete bins, into quantiles."""
        bins, sides, latency = self._bins[:count], self._sides[:count], self._latency_us[:count]
        self._bins, self._sides, self._latency_us = self._bins[count:], self._sides[count:], self._latency_us[count:]
        for side in (0, 1):
            own = sides == side
            cuts = np.flatnonzero(np.diff(bins[own])) + 1
            for number, part in zip(np.split(bins[own], cuts), np.split(latency[own], cuts), strict=True):
                if not len(part):
                    continue
                middle, slow = np.quantile(part, self.SHARES, method="higher").tolist()
                self._rows.append((int(number[0]), side, middle, slow, len(part)))

    def frame(self) -> pd.DataFrame:
        """Return columns bin, side, median and p99 (µs) and n, for every bin from a side's first to its last.

        An empty bin has n 0 and no quantiles.
        """
        self._settle(len(self._bins))
        rows = pd.DataFrame(self._rows, columns=["bin", "side", "median", "p99", "n"])
        filled = [
            own.set_index("bin").reindex(pd.RangeIndex(own["bin"].min(), own["bin"].max() + 1, name="bin"))
            for _, own in rows.groupby("side")
        ]
        whole = [part.assign(side=part["side"].ffill(), n=part["n"].fillna(0)).reset_index() for part in filled]
        return pd.concat([rows.head(0), *whole], ignore_index=True).astype({"side": int, "n": int})
