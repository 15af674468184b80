"""Reads a run's requests from disk in pieces: in start order, on one clock, each with its origin.

Memory holds only one piece and the requests that overlap it, however long the run is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from reports.loading.clocks import Clocks
from reports.loading.origins import Unmarked, judged_by_status, no_answer_is_marked, unmarked_answers
from reports.loading.sheds import ShedStatuses, shed_statuses
from tripcurve.errors import BadInput
from tripcurve.gateways import profile_of
from tripcurve.lab import Lab
from tripcurve.run.layout import shard_paths
from tripcurve.run.merging import from_here_on, in_start_order
from tripcurve.run.record import ORIGINS, SCHEMA, SCHEMA_VERSION, are_dense_probes

__all__ = ["NO_ROWS", "PIECE_ROWS", "Records", "Source", "parquet_source", "shard_sources"]

PIECE_ROWS = 1_000_000
NO_ROWS = (
    SCHEMA.empty_table()
    .append_column("clock_doubt_ns", pa.array([], pa.int64()))
    .append_column("shed", pa.array([], pa.bool_()))
    .append_column("dense", pa.array([], pa.bool_()))
)


class Source(Protocol):
    """One file of requests. `rows`: the number of complete ones. `last_ns`: the latest start, unix ns; 0 if no rows."""

    earliest: list[int]
    rows: int
    last_ns: int

    def tables(self) -> Iterator[pa.Table]: ...

    def statuses(self) -> Iterator[pa.Table]:
        """Yield only the columns `origin` and `status`, which is much faster than reading all."""
        ...


@dataclass(frozen=True)
class Records:
    """All requests of a run.

    `sheds`: which statuses sheds have. `unmarked`: how origins are decided if no answer names its backend; None:
    answers do. `probed`: whether dense probes may be among the requests.
    """

    sources: list[Source]
    clocks: Clocks
    sheds: ShedStatuses
    unmarked: Unmarked | None
    probed: bool = False
    piece_rows: int = PIECE_ROWS

    @classmethod
    def of(cls, sources: list[Source], clocks: Clocks, lab: Lab, probed: bool, piece_rows: int = PIECE_ROWS) -> Records:
        """Return the records of these sources, in pieces of `piece_rows` rows.

        Reads the sources to find out which answers are sheds.
        """

        def tables() -> Iterator[pa.Table]:
            return (table for source in sources for table in source.tables())

        profile = profile_of(lab)
        sheds = shed_statuses(profile, (table for source in sources for table in source.statuses()))
        unmarked = unmarked_answers(tables(), lab, sheds, profile) if no_answer_is_marked(tables()) else None
        return cls(sources, clocks, sheds, unmarked, probed, piece_rows)

    @property
    def rows(self) -> int:
        """The number of rows in all sources."""
        return sum(source.rows for source in self.sources)

    @property
    def last_ns(self) -> int:
        """The latest start, unix ns, or 0 if there are no rows."""
        return max((source.last_ns for source in self.sources), default=0)

    def pieces(self) -> Iterator[pa.Table]:
        """Yield tables of about `piece_rows` rows, with one dictionary per column and without negative latencies.

        They have the columns of `SCHEMA`, `clock_doubt_ns` (see `Clocks.correct`), `shed`: whether the gateway refused
        the request because a breaker was open, and `dense`: whether it is a dense probe and not part of the traffic.
        Raises ArrowException or OSError if a file is damaged, BadInput if a column is missing or has another type.
        """
        moved = [_Moved(source, self.clocks) for source in self.sources]
        for table in in_start_order(moved, self.piece_rows):
            piece = table if self.unmarked is None else judged_by_status(table, self.unmarked)
            if (pc.min(piece["latency_us"]).as_py() or 0) < 0:  # the clock was set back during a request
                piece = piece.filter(pc.greater_equal(piece["latency_us"], 0))
            dense = are_dense_probes(piece) if self.probed else pa.array(np.zeros(len(piece), dtype=bool))
            piece = piece.append_column("shed", self.sheds.among(piece)).append_column("dense", dense)
            yield piece.unify_dictionaries().combine_chunks()

    def read(self) -> pa.Table:
        """Read all pieces into one table."""
        return pa.concat_tables([NO_ROWS, *self.pieces()]).unify_dictionaries()


class _Moved:
    """A source whose rows are moved to the main process's clock."""

    def __init__(self, source: Source, clocks: Clocks) -> None:
        self.earliest = [start - clocks.most_shift for start in source.earliest]
        self._source, self._clocks = source, clocks

    def tables(self) -> Iterator[pa.Table]:
        return map(self._clocks.correct, self._source.tables())


def parquet_source(path: Path) -> Source:
    """Open a requests.parquet.

    Raises ArrowException or OSError if it is damaged, BadInput if it is not a record of requests.
    """
    return _Parquet(path)


def shard_sources(folder: Path, notes: list[str]) -> list[Source]:
    """Open the workers' shards and note each that was cut short. Raises BadInput if one is not a record of requests."""
    return [_Shard(path, notes) for path in shard_paths(folder)]


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path) as file:
            _checked(file.schema_arrow.empty_table(), path)
            self.rows = file.metadata.num_rows
            self._groups = [index for index in range(file.num_row_groups) if file.metadata.row_group(index).num_rows]
            spans = [_span(file, index, path) for index in self._groups]
        self.earliest = from_here_on([first for first, _ in spans])
        self.last_ns = max((last for _, last in spans), default=0)

    def tables(self) -> Iterator[pa.Table]:
        with _opened(self._path) as file:
            for index in self._groups:
                yield _checked(file.read_row_group(index), self._path)

    def statuses(self) -> Iterator[pa.Table]:
        with _opened(self._path) as file:
            for index in self._groups:
                yield file.read_row_group(index, columns=["origin", "status"])


def _opened(path: Path) -> pq.ParquetFile:
    """Open a file with checksums verified, so that a damaged page raises an error."""
    return pq.ParquetFile(path, page_checksum_verification=True)


def _span(file: pq.ParquetFile, index: int, path: Path) -> tuple[int, int]:
    """Return the earliest and latest start in a row group, from its statistics or, if it has none, from its rows."""
    at = file.schema_arrow.names.index("start_ns")
    column = file.metadata.row_group(index).column(at)
    if file.schema_arrow.field(at).type == pa.int64() and column.is_stats_set and column.statistics.has_min_max:
        return column.statistics.min, column.statistics.max
    return _ends(_checked(file.read_row_group(index), path)["start_ns"])


def _ends(starts: pa.ChunkedArray) -> tuple[int, int]:
    both = pc.min_max(starts).as_py()
    return both["min"], both["max"]


class _Shard:
    """A shard's complete batches, up to the truncated end that a killed run leaves."""

    def __init__(self, path: Path, notes: list[str]) -> None:
        self._path = path
        self._cut_off: str | None = None
        self.rows, self.last_ns = 0, 0
        firsts = []
        for table in self.tables():
            first, last = _ends(table["start_ns"])
            firsts.append(first)
            self.rows += len(table)
            self.last_ns = max(self.last_ns, last)
        self.earliest = from_here_on(firsts)
        if self._cut_off is not None:
            notes.append(f"{path.name} ends early ({self._cut_off}); {self.rows} rows were complete")

    def tables(self) -> Iterator[pa.Table]:
        try:
            with pa.memory_map(str(self._path)) as source:
                stream = ipc.open_stream(source)
                _checked(stream.schema.empty_table(), self._path)
                for batch in stream:
                    batch.validate(full=True)  # without this, using a damaged index or offset crashes the process
                    if len(batch):
                        yield _checked(pa.Table.from_batches([batch]), self._path)
        except (pa.ArrowException, OSError) as error:
            self._cut_off = type(error).__name__

    def statuses(self) -> Iterator[pa.Table]:
        return (table.select(["origin", "status"]) for table in self.tables())


def _checked(table: pa.Table, path: Path) -> pa.Table:
    version = (table.schema.metadata or {}).get(b"tripcurve.schema", b"1").decode("ascii", "replace")
    if version != str(SCHEMA_VERSION):
        raise BadInput(f"{path}: written in record version {version}; this Tripcurve reads version {SCHEMA_VERSION}")
    missing = [name for name in SCHEMA.names if name not in table.column_names and name != "backend_us"]
    if missing:
        raise BadInput(f"{path}: the column {missing[0]!r} is missing; this is not a record of requests")
    twice = [name for name in SCHEMA.names if table.column_names.count(name) > 1]
    if twice:
        raise BadInput(f"{path}: there are two columns {twice[0]!r}; this is not a record of requests")
    if "backend_us" not in table.column_names:
        table = table.append_column("backend_us", pa.nulls(len(table), pa.int32()))
    try:
        table = table.select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowException, ValueError) as error:
        raise BadInput(f"{path}: a column does not have the type that a record of requests has: {error}") from None
    origins = {word for chunk in table["origin"].chunks for word in chunk.dictionary.to_pylist()}
    if not origins <= set(ORIGINS):
        raise BadInput(
            f"{path}: the column 'origin' has values other than {', '.join(ORIGINS)}; this is not a record of requests"
        )
    return table
