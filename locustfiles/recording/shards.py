"""Joins the workers' shards into one table sorted by start, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from tripcurve.run.layout import REQUESTS, shard_paths
from tripcurve.run.merging import from_here_on, in_start_order
from tripcurve.run.record import SCHEMA
from tripcurve.run.writing import replacing

__all__ = ["count_paced", "join_shards"]

GROUP_ROWS = 131_072


def join_shards(folder: Path) -> int:
    """Write `requests.parquet` from `requests-*.arrows` and return the number of rows. Raises OSError.

    A shard has its rows in the order in which they ended, so a first pass finds the earliest start still to come.
    """
    shards = [_Shard(path) for path in shard_paths(folder)]
    written = 0
    with (
        replacing(folder / REQUESTS) as part,
        pq.ParquetWriter(part, SCHEMA, compression="zstd", write_page_checksum=True) as writer,
    ):
        for table in in_start_order(shards, GROUP_ROWS):
            # A row group has one dictionary per column.
            writer.write_table(table.unify_dictionaries().combine_chunks(), row_group_size=GROUP_ROWS)
            written += len(table)
    return written


def count_paced(path: Path) -> int:
    """Return how many of a shard's rows are arrivals of the schedule, or 0 if the file does not exist.

    Rows of probes, retries and closed-loop phases are not counted.
    """
    if not path.exists():
        return 0
    return sum(_paced(table) for table in _Shard(path).tables())


def _paced(table: pa.Table) -> int:
    paced = pc.and_(pc.not_equal(table["start_ns"], table["intended_ns"]), pc.not_equal(table["user"], "ProbeUser"))
    return int(pc.sum(paced).as_py() or 0)


class _Shard:
    """One worker's stream, read up to a truncated end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.earliest = from_here_on([pc.min(table["start_ns"]).as_py() for table in self.tables()])

    def tables(self) -> Iterator[pa.Table]:
        with pa.memory_map(str(self._path)) as source:
            try:
                for batch in ipc.open_stream(source):
                    if len(batch):
                        yield pa.Table.from_batches([batch]).cast(SCHEMA)
            except (pa.ArrowException, OSError):
                return  # the worker was killed: the batches before are complete
