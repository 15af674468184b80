"""Collects a sample of single requests to draw, piece by piece."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

__all__ = ["MOST_POINTS", "Sample"]

MOST_POINTS = 2000
SLOWEST = 200
_COLUMNS = ["start_ns", "intended_ns", "latency_us", "phase"]


class Sample:
    """At most MOST_POINTS of `rows` requests: an even selection, and the slowest."""

    def __init__(self, rows: int) -> None:
        few = rows <= MOST_POINTS
        self._wanted = np.arange(rows) if few else np.linspace(0, rows - 1, MOST_POINTS - SLOWEST).astype(np.int64)
        self._slowest = 0 if few else SLOWEST
        self._seen = 0
        self._even: list[pd.DataFrame] = []
        self._slow: list[pd.DataFrame] = []

    def add(self, piece: pa.Table, outcome: npt.NDArray[np.int64], latency_us: npt.NDArray[np.int64]) -> None:
        """Add the next requests, with their outcomes (indexes into OUTCOMES) and latencies in µs, shape (rows,)."""
        low, high = np.searchsorted(self._wanted, [self._seen, self._seen + len(piece)])
        self._even.append(self._taken(piece, outcome, self._wanted[low:high] - self._seen))
        if self._slowest:
            slow = np.argpartition(latency_us, -min(SLOWEST, len(piece)))[-SLOWEST:]
            both = pd.concat([*self._slow, self._taken(piece, outcome, slow)])
            self._slow = [both.nlargest(SLOWEST, "latency_us")]
        self._seen += len(piece)

    def _taken(self, piece: pa.Table, outcome: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> pd.DataFrame:
        """Return the rows at these places of the piece, indexed by their place in the run."""
        frame = piece.select(_COLUMNS).take(places).to_pandas()
        frame = frame.assign(phase=frame["phase"].astype(object), outcome=outcome[places])
        taken: pd.DataFrame = frame.set_index(places + self._seen)
        return taken

    @property
    def frame(self) -> pd.DataFrame:
        """The sample in start order: start_ns, intended_ns, latency_us, phase and outcome (an index into OUTCOMES)."""
        parts = self._even + self._slow
        whole = pd.concat(parts) if parts else pd.DataFrame(columns=[*_COLUMNS, "outcome"])
        once: pd.DataFrame = whole[~whole.index.duplicated()].sort_index()
        return once
