"""The recorder writes one row per attempt to an Arrow stream that is readable up to the last flush.

The hot path only appends a tuple. A greenlet flushes twice a second to the file system, so a process killed with
SIGKILL loses at most the rows since the last flush.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc as ipc

from tripcurve.errors import NotRecorded, reason_of, remedy_for
from tripcurve.run.record import SCHEMA, Row

__all__ = ["FLUSH_S", "Batch", "Recorder", "RecordingFailed", "warm_up"]

FLUSH_S = 0.5
_NO_ROWS = pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in SCHEMA], schema=SCHEMA)  # no pandas


class RecordingFailed(NotRecorded):
    """Rows cannot be written any more, so the run must stop."""


class Batch(NamedTuple):
    """The rows of one flush by column, in order of completion: numbers as arrays of shape (rows,), texts as tuples.

    `rows`: the same rows whole. `record`: the same rows as they are written.
    """

    start_ns: npt.NDArray[np.int64]
    intended_ns: npt.NDArray[np.int64]
    latency_us: npt.NDArray[np.int64]
    status: npt.NDArray[np.int16]
    origin: tuple[str, ...]
    backend: tuple[str | None, ...]
    error: tuple[str | None, ...]
    user: tuple[str, ...]
    length: npt.NDArray[np.int64]
    rows: Sequence[Row] = ()
    record: pa.RecordBatch = _NO_ROWS


class _Dictionary:
    """The distinct values of one text column so far; batches refer to them by index."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._numbers: dict[str | None, int | None] = {value: n for n, value in enumerate(values)}
        self._numbers[None] = None
        self._array: pa.Array | None = None

    def encode(self, column: tuple[str | None, ...]) -> pa.DictionaryArray:
        numbers = self._numbers
        for value in set(column):
            if value not in numbers:
                numbers[value] = len(numbers) - 1
                self._array = None
        if self._array is None:
            self._array = pa.array([value for value in numbers if value is not None], pa.string())
        indices = pa.array([numbers[value] for value in column], pa.int32())
        return pa.DictionaryArray.from_arrays(indices, self._array)


def warm_up() -> None:
    """Make Arrow initialise now, because its first use would delay requests.

    To recognise objects of pandas, Arrow imports pandas at its first array, which takes up to a second. No row has any,
    so pandas is hidden from that look. `to_pandas` and the like import it again when somebody calls them.
    """
    sys.meta_path.insert(0, _NoPandas)
    try:
        for field in SCHEMA:
            pa.array([], field.type)
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """Finds modules as if pandas were not installed."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Raise ModuleNotFoundError for pandas, and leave every other module to the finders after this one."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


class Recorder:
    """Writes rows to `path` and passes each batch to the listeners.

    The constructor, `flush` and `close` raise RecordingFailed if the file cannot be written.
    """

    def __init__(self, path: Path, listeners: tuple[Callable[[Batch], object], ...] = ()) -> None:
        self.path = path
        self.rows = 0
        self._pending: list[Row] = []
        self._lengths: list[int] = []
        self._listeners = listeners
        self._texts = {f.name: _Dictionary() for f in SCHEMA if pa.types.is_dictionary(f.type)}
        try:
            self._file = pa.OSFile(str(path), "wb")
            self._stream = ipc.new_stream(self._file, SCHEMA, options=ipc.IpcWriteOptions(emit_dictionary_deltas=True))
        except OSError as error:
            raise self._failed(error) from error

    def add(self, row: Row, length: int = 0) -> None:
        """Keep a row for the next flush. `length`: bytes of the answer's body, used for Locust's statistics only."""
        self._pending.append(row)
        self._lengths.append(length)

    def flush(self) -> None:
        """Write the rows since the last flush and pass them to the listeners."""
        rows, lengths = self._pending, self._lengths
        if not rows:
            return
        self._pending, self._lengths = [], []
        columns = dict(zip(Row._fields, zip(*rows, strict=True), strict=True))
        arrays = [self._array(field, columns[field.name]) for field in SCHEMA]
        record = pa.record_batch(arrays, schema=SCHEMA)
        try:
            self._stream.write_batch(record)
        except OSError as error:
            raise self._failed(error) from error
        self.rows += len(rows)
        batch = _batch(columns, lengths, rows, record)
        for listener in self._listeners:
            listener(batch)

    def _array(self, field: pa.Field, column: tuple[Any, ...]) -> pa.Array:
        texts = self._texts.get(field.name)
        return pa.array(column, field.type) if texts is None else texts.encode(column)

    def close(self) -> None:
        """Flush and end the stream."""
        try:
            self.flush()
            self._stream.close()
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> RecordingFailed:
        return RecordingFailed(
            f"{self.path}: cannot record requests: {reason_of(error)}; the {self.rows:,} recorded before are safe. "
            f"{remedy_for(error, self.path.parent)}"
        )


def _batch(
    columns: Mapping[str, tuple[Any, ...]], lengths: list[int], rows: list[Row], record: pa.RecordBatch
) -> Batch:
    return Batch(
        start_ns=np.array(columns["start_ns"], np.int64),
        intended_ns=np.array(columns["intended_ns"], np.int64),
        latency_us=np.array(columns["latency_us"], np.int64),
        status=np.array(columns["status"], np.int16),
        origin=columns["origin"],
        backend=columns["backend"],
        error=columns["error"],
        user=columns["user"],
        length=np.array(lengths, np.int64),
        rows=rows,
        record=record,
    )
