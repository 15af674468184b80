"""Latencies gathered in pieces: exact quantiles of any number of requests, overall and over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Latencies", "Lines"]

Microseconds = npt.NDArray[np.int64]


@dataclass
class Latencies:
    """How often each latency occurred. `values`: us, rising; grows with distinct latencies, not with requests."""

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
        values, counts = np.unique(latency_us, return_counts=True)
        return cls(values.astype(np.int64), counts)

    def at(self, ranks: npt.ArrayLike) -> Microseconds:
        """The latencies at places, counted from 0, in the order of all of them."""
        return self.values[np.searchsorted(np.cumsum(self.counts), ranks, side="right")]

    def quantile(self, shares: npt.ArrayLike) -> Microseconds:
        """Each a latency that occurred: the next higher one. There must be one at least."""
        return self.at(np.ceil(np.asarray(shares) * (len(self) - 1)).astype(np.int64))


class Lines:
    """Quantiles of each time bin, by which side answered. Takes rows in start order, holds those of one bin."""

    SHARES = (0.5, 0.99)

    def __init__(self, width_s: float) -> None:
        self.width_s = width_s
        self._bins = np.empty(0, np.int64)
        self._sides = np.empty(0, np.int64)
        self._latency_us = np.empty(0, np.int64)
        self._rows: list[tuple[int, int, float, float, int]] = []

    def add(self, bins: npt.NDArray[np.int64], sides: npt.NDArray[np.int64], latency_us: Microseconds) -> None:
        """Rows of a piece: their bins, rising, and who answered: 0 a backend, 1 the gateway; others are left out."""
        own = sides < 2
        self._bins = np.concatenate((self._bins, bins[own]))
        self._sides = np.concatenate((self._sides, sides[own]))
        self._latency_us = np.concatenate((self._latency_us, latency_us[own]))
        self._settle(int(np.searchsorted(self._bins, bins[-1])))

    def _settle(self, count: int) -> None:
        """Whole bins become rows."""
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
        """Columns bin, side, median and p99 in us, n; every bin from a side's first to its last, n 0 where empty."""
        self._settle(len(self._bins))
        rows = pd.DataFrame(self._rows, columns=["bin", "side", "median", "p99", "n"])
        filled = [
            own.set_index("bin").reindex(pd.RangeIndex(own["bin"].min(), own["bin"].max() + 1, name="bin"))
            for _, own in rows.groupby("side")
        ]
        whole = [part.assign(side=part["side"].ffill(), n=part["n"].fillna(0)).reset_index() for part in filled]
        return pd.concat([rows.head(0), *whole], ignore_index=True).astype({"side": int, "n": int})
