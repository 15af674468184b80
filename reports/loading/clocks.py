"""Puts the rows of all workers on one clock, and states how far each may still be off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tripcurve.run.info import RunInfo, WorkerClock
from tripcurve.run.record import SCHEMA

__all__ = ["Clocks", "Offset", "clocks_of"]

Instants = npt.NDArray[np.int64]
FASTEST = 500e-6
"""Clocks drift apart by less than this. Two samples that differ by more show a step between them."""


class Offset:
    """How far one worker's rows are ahead of the main process's clock, through the run.

    Between two samples it is taken to go straight from one to the other. The truth is anywhere between both, each give
    or take its half-width, so that a step in between is covered too.
    """

    def __init__(self, clock: WorkerClock) -> None:
        alone = (0, 0 if clock.corrected else int(clock.offset_ns), abs(int(clock.half_width_ns)))
        samples = np.array(sorted(clock.samples) or [alone], dtype=np.int64)
        self._at, self._offset, half = samples.T
        self._low, self._high = self._offset - half, self._offset + half

    @property
    def most(self) -> int:
        """The farthest that a row is ahead, ns."""
        return int(self._offset.max())

    @property
    def known(self) -> bool:
        """Whether the rows are on the main process's clock already, without doubt."""
        return not self._low.any() and not self._high.any()

    @property
    def steady(self) -> bool:
        """Whether no two samples show a step, so that rows of this worker are in the order in which they happened."""
        apart = np.maximum(self._low[1:] - self._high[:-1], self._low[:-1] - self._high[1:])
        return bool(np.all(apart <= np.diff(self._at) * FASTEST))

    def at(self, instants: Instants) -> tuple[Instants, Instants]:
        """How far rows that have these instants are ahead, and how far that may be off, ns."""
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
        """The most that a row moves towards the past, ns; 0 where no row does."""
        return max([*(offset.most for offset in self._offsets.values()), 0])

    @property
    def in_doubt(self) -> bool:
        """Whether some worker's clock is not known exactly."""
        return bool(self._offsets)

    def steady(self, worker: int) -> bool:
        """Whether the rows of a worker are in order among themselves."""
        return worker not in self._offsets or self._offsets[worker].steady

    def correct(self, table: pa.Table) -> pa.Table:
        """Return the rows on the main process's clock, in the same order, with how far each may be off.

        The column is `clock_doubt_ns`; trips' intervals are widened by it.
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
        """Sentences on the rows that were corrected until now."""
        found = []
        if self._most_moved:
            most = self._most_moved / 1e6
            found.append(f"workers' clocks were up to {most:.3f} ms off the main process's: corrected by their offsets")
        if self._most_doubt:
            most = self._most_doubt / 1e6
            found.append(f"workers' clocks are known to within {most:.3f} ms; the trips' half-widths include it")
        return found


def clocks_of(info: RunInfo) -> Clocks:
    """The workers' clocks as run.json has them; rows that were corrected when they were written are not moved again."""
    return Clocks(
        {
            index if worker.worker is None else worker.worker: Offset(worker.clock or WorkerClock())
            for index, worker in enumerate(info.workers or [])
        }
    )
