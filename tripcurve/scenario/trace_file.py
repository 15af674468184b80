"""Reads when requests were sent and how large they were from CSV, JSON lines, Parquet, or a run directory.

Only the columns of times and sizes are read. Other columns, which may contain personal data, are skipped by the reader.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from tripcurve.errors import BadInput
from tripcurve.run.layout import REQUESTS, has_records, shard_paths
from tripcurve.table_file import COMPLETIONS, PROMPTS, TIMES, Column, is_text, read_columns, unit_ns

__all__ = ["Sent", "read_sent", "to_parquet"]

MOST_TOKENS = 100_000
_KNOWN = {"time": TIMES, "prompt": PROMPTS, "completion": COMPLETIONS}
_NEEDED = {"time": "no column holds times; name it `timestamp` (dates) or `time` (seconds)"}


class Sent(NamedTuple):
    """Requests in the order of a file: arrays of shape (n,), n > 0.

    `at_ns`: ns from any instant. `prompt` and `completion`: tokens; 0: not known.
    """

    at_ns: npt.NDArray[np.int64]
    prompt: npt.NDArray[np.int32]
    completion: npt.NDArray[np.int32]


def read_sent(path: Path) -> Sent:
    """Read the requests of a file or run directory.

    Times are dates, numbers of seconds (milliseconds if the column's name ends in `ms`), or unix times in any unit.
    They need not be sorted. A missing size is not known. Raises BadInput, which names the file and the row, for a time
    that is missing, negative or not a time, for a size that is not a number of tokens, and for a file without times.
    """
    if path.is_dir():
        return _of_run(path)
    columns = read_columns(path, "trace", _KNOWN, _NEEDED)
    time = columns["time"]
    if not len(time.values):
        raise BadInput(f"trace {path}: it has no rows")
    sizes = [
        _tokens(columns[kind], path) if kind in columns else np.zeros(len(time.values), np.int32)
        for kind in ("prompt", "completion")
    ]
    return Sent(_times(time, path), *sizes)


def to_parquet(sent: Sent, length_s: float) -> bytes:
    """Return the requests of the first `length_s` seconds, and the next one, as a Parquet file for `read_sent`.

    It has times from the first request on and sizes, and nothing else.
    """
    order = np.argsort(sent.at_ns, kind="stable")
    at_ns = sent.at_ns[order] - sent.at_ns.min()
    kept = slice(int(np.searchsorted(at_ns, length_s * 1e9, "right")) + 1)
    sizes = {"prompt_tokens": sent.prompt[order][kept], "completion_tokens": sent.completion[order][kept]}
    table = pa.table({"time": pa.array(at_ns[kept], pa.timestamp("ns"))} | sizes)
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="zstd", use_dictionary=False, column_encoding="DELTA_BINARY_PACKED")
    content: bytes = file.getvalue().to_pybytes()
    return content


def _times(times: Column, path: Path) -> npt.NDArray[np.int64]:
    """Return times in ns. Raises BadInput."""
    name, column = times
    _refuse_where(pc.is_null(column), f"trace {path}", f"{name} is empty; remove the rows without a time")
    if is_text(column):
        column = _parsed(column, name, path)
    if pa.types.is_timestamp(column.type):
        try:
            found: npt.NDArray[np.int64] = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_numpy()
        except pa.ArrowException:
            raise BadInput(f"trace {path}: {name} has dates before 1678 or after 2261") from None
        return found
    try:
        seconds = column.cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        raise BadInput(f"trace {path}: {name} holds neither dates nor numbers of seconds") from None
    _refuse_where(~np.isfinite(seconds), f"trace {path}", f"{name} is not a finite number")
    _refuse_where(seconds < 0, f"trace {path}", f"{name} is negative; times are seconds from the start of the trace")
    passed = (seconds - seconds.min()) * unit_ns(name, float(seconds.min()))
    if passed.max() > 2**62:
        raise BadInput(f"trace {path}: {name} spans more than a century; times are in seconds")
    relative: npt.NDArray[np.int64] = np.rint(passed).astype(np.int64)
    return relative


def _parsed(column: pa.ChunkedArray, name: str, path: Path) -> pa.ChunkedArray:
    """Return texts as numbers, or as dates with or without a time zone. Raises BadInput with the first bad row."""
    text = pc.utf8_trim_whitespace(column)
    for kind in (pa.float64(), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            return text.cast(kind)
        except pa.ArrowException:
            continue
    kind = _kind_of(text[0])
    bad = next((row for row, value in enumerate(text) if _kind_of(value) != kind or kind is None), 0)
    where, shown = f"row {bad + 1}", repr(text[bad].as_py())[:60]
    raise BadInput(f"trace {path}: {where}: {name} {shown} is not a time; write all times as dates, or all as seconds")


def _kind_of(text: pa.Scalar) -> pa.DataType | None:
    """Return the type that a text can be read as; None: it is not a time."""
    for kind in (pa.float64(), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            text.cast(kind)
        except pa.ArrowException:
            continue
        return kind
    return None


def _tokens(tokens: Column, path: Path) -> npt.NDArray[np.int32]:
    """Return numbers of tokens, 0 where they are missing. Raises BadInput."""
    name, column = tokens
    message = f"{name} must be a whole number of tokens up to {MOST_TOKENS:,}, or empty"
    if is_text(column):
        column = pc.utf8_trim_whitespace(column)
        number = pc.match_substring_regex(column, r"^\d{1,9}(\.0*)?$")
        _refuse_where(pc.invert(pc.fill_null(number, True)), f"trace {path}", message)
    try:
        values = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy()
    except pa.ArrowException:
        raise BadInput(f"trace {path}: {message}") from None
    _refuse_where(~((values >= 0) & (values <= MOST_TOKENS) & (values == np.floor(values))), f"trace {path}", message)
    whole: npt.NDArray[np.int32] = values.astype(np.int32)
    return whole


def _refuse_where(wrong: pa.ChunkedArray | npt.NDArray[np.bool_], where: str, message: str) -> None:
    """Raise BadInput with the first row for which `wrong` is true, if there is one."""
    rows = np.flatnonzero(np.asarray(wrong))
    if len(rows):
        more = f" (and {len(rows) - 1:,} more)" if len(rows) > 1 else ""
        raise BadInput(f"{where}: row {rows[0] + 1}: {message}{more}")


def _of_run(folder: Path) -> Sent:
    """Read the arrivals of a recorded run: its requests without probes and retries, when they were due.

    In a phase in which no request was scheduled (closed loop), all requests count, when they were sent.
    """
    if not has_records(folder):
        raise BadInput(f"trace {folder}: this folder has no records of requests; give a run directory, or a file")
    columns = ["start_ns", "intended_ns", "user", "phase", "prompt_tokens", "completion_tokens"]
    try:
        table = _rows_of(folder, columns)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise BadInput(f"trace {folder}: the records cannot be read ({type(error).__name__})") from None
    table = table.filter(pc.not_equal(table["user"].cast(pa.string()), "ProbeUser"))
    phases = table["phase"].cast(pa.string())
    scheduled = pc.not_equal(table["start_ns"], table["intended_ns"])
    paced = pc.unique(phases.filter(scheduled))
    table = table.filter(pc.or_(scheduled, pc.invert(pc.is_in(phases, value_set=paced))))
    if not len(table):
        raise BadInput(f"trace {folder}: the run has no requests, probes aside")
    sizes = [pc.fill_null(table[f"{kind}_tokens"], 0).to_numpy().astype(np.int32) for kind in ("prompt", "completion")]
    return Sent(table["intended_ns"].to_numpy(), *(np.clip(size, 0, MOST_TOKENS) for size in sizes))


def _rows_of(folder: Path, columns: list[str]) -> pa.Table:
    """Return columns of all requests, from requests.parquet or, for a run that was killed, from its shards."""
    whole = folder / REQUESTS
    if whole.exists():
        return pq.read_table(whole, columns=columns)
    parts = []
    for path in shard_paths(folder):
        with pa.OSFile(str(path)) as source:
            stream = ipc.open_stream(source)
            try:
                for batch in stream:
                    parts.append(pa.Table.from_batches([batch]).select(columns))
            except (pa.ArrowException, OSError):
                continue  # the shard of a killed run is cut off: its complete batches count
    return pa.concat_tables(parts).unify_dictionaries()
