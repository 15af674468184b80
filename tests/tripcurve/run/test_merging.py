"""Streams nearly in order become one that is, and little is held on the way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.errors import TripcurveError
from tripcurve.run.merging import from_here_on, in_start_order


class Held:
    """A stream of tables in memory, which counts those that were taken."""

    def __init__(self, tables: list[list[int]]) -> None:
        self.rows = [rows for rows in tables if rows]
        self.earliest = from_here_on([min(rows) for rows in self.rows])
        self.taken = 0

    def tables(self) -> Iterator[pa.Table]:
        for rows in self.rows:
            self.taken += 1
            yield pa.table({"start_ns": rows})


STARTS = st.lists(st.lists(st.integers(0, 50), max_size=5), max_size=8)


@given(streams=st.lists(STARTS, max_size=4), rows=st.integers(1, 20))
def test_every_row_comes_once_and_in_order(streams: list[list[list[int]]], rows: int) -> None:
    merged = [table["start_ns"].to_pylist() for table in in_start_order([Held(tables) for tables in streams], rows)]
    assert list(chain(*merged)) == sorted(start for tables in streams for part in tables for start in part)
    assert all(merged)


def test_no_more_is_read_than_the_next_table_needs() -> None:
    streams = [Held([[at, at + 1] for at in range(begin, 1000, 4)]) for begin in (0, 2)]
    first = next(in_start_order(streams, 10))
    assert len(first) >= 8
    assert sum(stream.taken for stream in streams) <= 6


def test_a_stream_that_ends_early_is_reported() -> None:
    stream = Held([[1], [2], [3]])
    stream.earliest.append(4)
    with pytest.raises(TripcurveError, match="cut or moved"):
        list(in_start_order([stream], 1))
