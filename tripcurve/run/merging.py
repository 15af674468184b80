"""Joins streams of records, each nearly in order, into one that is sorted by start, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tripcurve.errors import TripcurveError

__all__ = ["Stream", "from_here_on", "in_start_order"]


class Stream(Protocol):
    """Tables of records, read one after another.

    `earliest[i]`: no row of table i, nor of any after it, started before this, unix ns.
    """

    earliest: list[int]

    def tables(self) -> Iterator[pa.Table]:
        """Each table in turn, as many as `earliest` has entries."""
        ...


def from_here_on(firsts: Sequence[int]) -> list[int]:
    """What a stream's `earliest` is, from the earliest start of each of its tables."""
    return np.minimum.accumulate(np.array(firsts[::-1], np.int64))[::-1].tolist() if firsts else []


@dataclass
class _Reader:
    """One stream, and how far it has been read."""

    earliest: Sequence[int]
    rest: Iterator[pa.Table]
    at: int = 0

    @property
    def next_start(self) -> int:
        return self.earliest[self.at]

    def take(self) -> pa.Table:
        table = next(self.rest, None)
        if table is None:
            raise TripcurveError("the run's records were cut or moved while they were read; try again")
        self.at += 1
        return table


def in_start_order(streams: Sequence[Stream], rows: int) -> Iterator[pa.Table]:
    """The rows of all streams by start, in tables of about `rows`; no more is held than that and what overlaps.

    A row is let go once nothing earlier can follow. Raises TripcurveError where a stream ends before its time.
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
            enough = count + rows  # what overlaps is not sorted anew for every table
    if count:
        yield _sorted(pa.concat_tables(held))


def starts_of(table: pa.Table) -> npt.NDArray[np.int64]:
    """The starts of a table's rows, unix ns."""
    starts: npt.NDArray[np.int64] = table["start_ns"].to_numpy()
    return starts


def _sorted(table: pa.Table) -> pa.Table:
    starts = starts_of(table)
    return table if bool(np.all(starts[1:] >= starts[:-1])) else table.sort_by("start_ns")
