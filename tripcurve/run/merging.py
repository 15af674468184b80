"""Merge streams of records, each nearly sorted, into one stream sorted by start, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tripcurve.errors import NotRecorded

__all__ = ["Stream", "from_here_on", "in_start_order"]


class Stream(Protocol):
    """Tables of records, read one after another.

    `earliest[i]` is a lower bound of the starts in table i and all later tables, unix ns.
    """

    earliest: list[int]

    def tables(self) -> Iterator[pa.Table]:
        """Yield each table in order, one for each entry of `earliest`."""
        ...


def from_here_on(firsts: Sequence[int]) -> list[int]:
    """Return a stream's `earliest` for the earliest start of each of its tables, unix ns."""
    return np.minimum.accumulate(np.array(firsts[::-1], np.int64))[::-1].tolist() if firsts else []


@dataclass
class _Reader:
    """One stream, and the number of its tables that have been read."""

    earliest: Sequence[int]
    rest: Iterator[pa.Table]
    at: int = 0

    @property
    def next_start(self) -> int:
        return self.earliest[self.at]

    def take(self) -> pa.Table:
        table = next(self.rest, None)
        if table is None:
            raise NotRecorded("the run's records were cut or moved while they were read; try again")
        self.at += 1
        return table


def in_start_order(streams: Sequence[Stream], rows: int) -> Iterator[pa.Table]:
    """Yield the rows of all streams sorted by start, in tables of about `rows` rows.

    A row is yielded as soon as no earlier one can follow, so that only the tables that overlap are in memory. Raises
    NotRecorded if a stream has fewer tables than entries in `earliest`.
    """
    waiting = [_Reader(stream.earliest, stream.tables()) for stream in streams if len(stream.earliest)]
    held: list[pa.Table] = []
    count, enough = 0, rows
    while waiting:
        nearest = min(waiting, key=lambda reader: reader.next_start)
        held.append(nearest.take())
        count += len(held[-1])
        waiting = [reader for reader in waiting if reader.at < len(reader.earliest)]
        if count >= enough and waiting:
            whole = _sorted(pa.concat_tables(held))
            settled = int(np.searchsorted(starts_of(whole), min(reader.next_start for reader in waiting)))
            if settled:
                yield whole.slice(0, settled)
            held = [whole.slice(settled)]
            count = len(held[0])
            enough = count + rows  # so that rows that must wait are not sorted again for every table
    if count:
        yield _sorted(pa.concat_tables(held))


def starts_of(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the starts of a table's rows, unix ns, one per row."""
    starts: npt.NDArray[np.int64] = table["start_ns"].to_numpy()
    return starts


def _sorted(table: pa.Table) -> pa.Table:
    starts = starts_of(table)
    return table if bool(np.all(starts[1:] >= starts[:-1])) else table.sort_by("start_ns")
