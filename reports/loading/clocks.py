"""Puts the rows of all workers on one clock, and computes how far each may still be off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tripcurve.run.info import RunInfo, WorkerClock
from tripcurve.run.record import SCHEMA

__all__ = ["Clocks", "Offset", "clocks_of"]

Instants = npt.NDArray[np.int64]
FASTEST = 500e-6
"""Clocks drift apart by at most this fraction. Two samples that differ by more show a step of a clock in between."""


class Offset:
    """How far one worker's rows are ahead of the main process's clock, over time.

    Between two samples the offset is interpolated linearly. Its doubt reaches over both samples' intervals, so that it
    covers a step between them.
    """

    def __init__(self, clock: WorkerClock) -> None:
        alone = (0, 0 if clock.corrected else int(clock.offset_ns), abs(int(clock.half_width_ns)))
        samples = np.array(sorted(clock.samples) or [alone], dtype=np.int64)
        self._at, self._offset, half = samples.T
        self._low, self._high = self._offset - half, self._offset + half

    @property
    def most(self) -> int:
        """The largest offset, ns."""
        return int(self._offset.max())

    @property
    def known(self) -> bool:
        """Whether the rows are exactly on the main process's clock already."""
        return not self._low.any() and not self._high.any()

    @property
    def steady(self) -> bool:
        """Whether no two samples show a step. If so, this worker's rows are in their true order."""
        apart = np.maximum(self._low[1:] - self._high[:-1], self._low[:-1] - self._high[1:])
        return bool(np.all(apart <= np.diff(self._at) * FASTEST))

    def at(self, instants: Instants) -> tuple[Instants, Instants]:
        """Return how far rows with these instants are ahead, and how wrong that may be, both in ns of shape (n,)."""
        ahead = np.interp(instants, self._at, self._offset).astype(np.int64)
        after = np.searchsorted(self._at, instants, side="right")
        pair = np.clip([after - 1, after], 0, len(self._at) - 1)
        low, high = self._low[pair].min(axis=0), self._high[pair].max(axis=0)
        return ahead, np.maximum(high - ahead, ahead - low)


class Clocks:
    """The offset of each worker that run.json names."""

    def __init__(self, offsets: dict[int, Offset]) -> None:
        self._offsets = {worker: offset for worker, offset in offsets.items() if not offset.known}
        self._most_moved, self._most_doubt = 0, 0

    @property
    def most_shift(self) -> int:
        """The most that `correct` moves a row towards the past, ns; 0 if it moves none."""
        return max([*(offset.most for offset in self._offsets.values()), 0])

    @property
    def in_doubt(self) -> bool:
        """Whether any worker's clock is not known exactly."""
        return bool(self._offsets)

    def steady(self, worker: int) -> bool:
        """Return whether the rows of a worker are in their true order, however far its clock is off."""
        return worker not in self._offsets or self._offsets[worker].steady

    def correct(self, table: pa.Table) -> pa.Table:
        """Return the rows on the main process's clock, in the same order, with a column `clock_doubt_ns`.

        The column is how far each row's instants may be off; the intervals of trips are widened by it.
        """
        start, worker = table["start_ns"].to_numpy(), table["worker"].to_numpy()
        ahead, doubt = np.zeros(len(table), np.int64), np.zeros(len(table), np.int64)
        for number, offset in self._offsets.items():
            own = np.flatnonzero(worker == number)
            if len(own):
                ahead[own], doubt[own] = offset.at(start[own])
        self._most_moved = max(self._most_moved, int(np.abs(ahead).max(initial=0)))
        self._most_doubt = max(self._most_doubt, int(doubt.max(initial=0)))
        for name in ("start_ns", "intended_ns") if ahead.any() else ():
            at = pa.array(table[name].to_numpy() - ahead, pa.int64())
            table = table.set_column(table.column_names.index(name), SCHEMA.field(name), at)
        return table.append_column("clock_doubt_ns", pa.array(doubt))

    def notes(self) -> list[str]:
        """Return sentences for the report about the rows corrected so far."""
        found = []
        if self._most_moved:
            most = self._most_moved / 1e6
            found.append(f"workers' clocks were up to {most:.3f} ms off the main process's: corrected by their offsets")
        if self._most_doubt:
            most = self._most_doubt / 1e6
            found.append(f"workers' clocks are known to within {most:.3f} ms; the trips' half-widths include it")
        return found


def clocks_of(info: RunInfo) -> Clocks:
    """Return the workers' clocks from run.json. Rows that the worker corrected itself are not moved again."""
    return Clocks(
        {
            index if worker.worker is None else worker.worker: Offset(worker.clock or WorkerClock())
            for index, worker in enumerate(info.workers or [])
        }
    )
