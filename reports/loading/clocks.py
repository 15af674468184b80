"""Puts the rows of all workers on one clock, and states how far each may still be off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tripcurve.run.info import RunInfo, WorkerClock
from tripcurve.run.record import SCHEMA

__all__ = ["Clocks", "clocks_of"]


@dataclass(frozen=True)
class Clocks:
    """By worker, in ns: `shift`, to be subtracted from its rows, and `doubt`, how far they may be off after that."""

    shift: dict[int, int]
    doubt: dict[int, int]

    @property
    def most_shift(self) -> int:
        """The most that a row moves towards the past, ns; 0 where no row does."""
        return max([*self.shift.values(), 0])

    def correct(self, table: pa.Table) -> pa.Table:
        """Return the rows on the main process's clock, in the same order."""
        if not any(self.shift.values()):
            return table
        moved = _by_worker(table, self.shift)
        for name in ("start_ns", "intended_ns"):
            at = pa.array(table[name].to_numpy() - moved, pa.int64())
            table = table.set_column(table.column_names.index(name), SCHEMA.field(name), at)
        return table

    def doubt_ns(self, table: pa.Table) -> npt.NDArray[np.int64] | None:
        """How far each row may be off, by which trips' intervals are widened, or None if all rows are on one clock."""
        return _by_worker(table, self.doubt) if any(self.doubt.values()) else None

    def notes(self) -> list[str]:
        found = []
        if any(self.shift.values()):
            most = max(abs(value) for value in self.shift.values()) / 1e6
            found.append(f"workers' clocks were up to {most:.3f} ms off the main process's: corrected by their offsets")
        if any(self.doubt.values()):
            most = max(self.doubt.values()) / 1e6
            found.append(f"workers' clocks are known to within {most:.3f} ms; the trips' half-widths include it")
        return found


def _by_worker(table: pa.Table, values: dict[int, int]) -> npt.NDArray[np.int64]:
    workers, place = np.unique(table["worker"].to_numpy(), return_inverse=True)
    return np.array([values.get(int(worker), 0) for worker in workers], dtype=np.int64)[place]


def clocks_of(info: RunInfo) -> Clocks:
    """The workers' clocks as run.json has them; rows that were corrected when they were written are not moved again."""
    shift: dict[int, int] = {}
    doubt: dict[int, int] = {}
    for index, worker in enumerate(info.workers or []):
        number = index if worker.worker is None else worker.worker
        clock = worker.clock or WorkerClock()
        shift[number] = 0 if clock.corrected else int(clock.offset_ns)
        doubt[number] = abs(int(clock.half_width_ns))
    return Clocks(shift, doubt)
