"""Joins the workers' shards into one table sorted by start, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from tripcurve.records import SCHEMA

__all__ = ["join_shards"]

GROUP_ROWS = 131_072


def join_shards(folder: Path) -> int:
    """Write `requests.parquet` from `requests-*.arrows`; the number of rows.

    Rows stand in a shard in the order they ended. A first pass learns, for each batch, the earliest
    start still to come; so a row can be written once nothing earlier can follow, and no more is held than overlaps.
    """
    shards = [_Shard(path) for path in sorted(folder.glob("requests-*.arrows"))]
    written = 0
    part = folder / "requests.parquet.part"
    with pq.ParquetWriter(part, SCHEMA, compression="zstd") as writer:
        for table in _grouped(_sorted_runs(shards)):
            writer.write_table(table, row_group_size=GROUP_ROWS)
            written += len(table)
    part.replace(folder / "requests.parquet")
    return written


class _Shard:
    """One worker's stream, with the earliest start from each batch on. A cut-off tail ends it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        firsts = [pc.min(batch.column("start_ns")).as_py() for batch in self._batches() if len(batch)]
        self._from_here = np.minimum.accumulate(np.array(firsts[::-1], np.int64))[::-1].tolist()
        self._rest = (batch for batch in self._batches() if len(batch))
        self._at = 0

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(self._path)) as source:
            try:
                yield from ipc.open_stream(source)
            except (pa.ArrowException, OSError):
                return  # a worker that was killed: what came before is whole

    @property
    def earliest(self) -> int | None:
        """The earliest start not yet taken; None at the end."""
        return self._from_here[self._at] if self._at < len(self._from_here) else None

    def take(self) -> pa.RecordBatch:
        self._at += 1
        return next(self._rest)


def _sorted_runs(shards: list[_Shard]) -> Iterator[pa.Table]:
    held = SCHEMA.empty_table()
    while True:
        open_shards = [shard for shard in shards if shard.earliest is not None]
        if not open_shards:
            yield held.sort_by("start_ns")
            return
        nearest = min(open_shards, key=lambda shard: shard.earliest or 0)
        held = pa.concat_tables([held, pa.Table.from_batches([nearest.take()]).cast(SCHEMA)])
        if len(held) >= GROUP_ROWS:
            limits = [shard.earliest for shard in shards if shard.earliest is not None]
            settled = pc.less(held["start_ns"], min(limits)) if limits else pa.array([True] * len(held))
            yield held.filter(settled).sort_by("start_ns")
            held = held.filter(pc.invert(settled))


def _grouped(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows with dictionaries made one, which a row group needs."""
    for table in tables:
        if len(table):
            yield table.unify_dictionaries().combine_chunks()
