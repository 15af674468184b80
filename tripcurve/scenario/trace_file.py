"""Reads when requests were sent and how large they were from CSV, JSON lines, Parquet, or a run directory.

Only the columns of times and sizes are read. Other columns, which may contain personal data, are skipped by the reader.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.ipc as ipc
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from tripcurve.errors import BadInput
from tripcurve.run.layout import REQUESTS, has_records, shard_paths

__all__ = ["Sent", "read_sent", "to_parquet"]

# Names of columns, as `_plain` spells them, the preferred ones first. The first of each is that of Azure's public
# traces [AZURE-TRACES]; others are those of API Management's logs, of BurstGPT, and of common exports.
TIMES = (
    *("timestamp", "timegenerated", "time", "times", "timems", "timestampms", "seconds", "starttime"),
    *("arrivaltime", "arrival", "arrivals", "arrivalms"),
)
PROMPTS = ("contexttokens", "prompttokens", "inputtokens", "requesttokens", "inputlength")
COMPLETIONS = ("generatedtokens", "completiontokens", "outputtokens", "responsetokens", "outputlength")
MOST_TOKENS = 100_000
_UNITS = ((1e17, 1.0), (1e14, 1e3), (1e11, 1e6), (0.0, 1e9))
"""Numbers from here on are unix times of this unit, ns; in seconds they would be thousands of years."""
_BLOCK = 16 << 20
"""Bytes of JSON lines that are parsed together; no line may be longer."""


class Sent(NamedTuple):
    """Requests in the order of a file: arrays of shape (n,), n > 0.

    `at_ns`: ns from any instant. `prompt` and `completion`: tokens; 0: not known.
    """

    at_ns: npt.NDArray[np.int64]
    prompt: npt.NDArray[np.int32]
    completion: npt.NDArray[np.int32]


class _Columns(NamedTuple):
    """The names of the columns that are read. None: the file has no such column."""

    time: str
    prompt: str | None
    completion: str | None

    @property
    def names(self) -> list[str]:
        return [name for name in self if name is not None]


def read_sent(path: Path) -> Sent:
    """Read the requests of a file or run directory.

    Times are dates, numbers of seconds (milliseconds if the column's name ends in `ms`), or unix times in any unit.
    They need not be sorted. A missing size is not known. Raises BadInput, which names the file and the row, for a time
    that is missing, negative or not a time, for a size that is not a number of tokens, and for a file without times.
    """
    if path.is_dir():
        return _of_run(path)
    reader = _READERS.get(path.suffix.lower())
    if not path.is_file():
        raise BadInput(f"trace {path}: there is no such file or run directory")
    if reader is None:
        raise BadInput(f"trace {path}: give a file named .csv, .jsonl or .parquet, or a run directory")
    try:
        table, columns = reader(path)
    except (pa.ArrowException, UnicodeDecodeError, csv.Error, ValueError) as error:
        reason = re.sub(r"(got \d+):.*", r"\1", str(error).partition("\n")[0])  # Arrow shows the whole row after this
        raise BadInput(f"trace {path}: not a readable {path.suffix[1:]} file: {reason}") from None
    except OSError as error:
        raise BadInput(f"trace {path}: cannot be read: {error.strerror or error}") from None
    if not len(table):
        raise BadInput(f"trace {path}: it has no rows")
    unknown = np.zeros(len(table), np.int32)
    sizes = [
        unknown if name is None else _tokens(table[name], name, path) for name in (columns.prompt, columns.completion)
    ]
    return Sent(_times(table[columns.time], columns.time, path), *sizes)


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


def _read_csv(path: Path) -> tuple[pa.Table, _Columns]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        columns = _chosen(next(csv.reader(file), []), path)
    kinds = dict.fromkeys(columns.names, pa.string())
    options = pa_csv.ConvertOptions(column_types=kinds, include_columns=columns.names, strings_can_be_null=True)
    parsing = pa_csv.ParseOptions(newlines_in_values=True)
    return pa_csv.read_csv(path, parse_options=parsing, convert_options=options), columns


def _read_json(path: Path) -> tuple[pa.Table, _Columns]:
    with path.open("rb") as file:
        first = json.loads(next((line for line in file if line.strip()), b"{}"))
    if not isinstance(first, dict):
        raise ValueError('each line must be an object, such as {"time": 0.5}')
    columns = _chosen(list(first), path)
    time = pa.string() if isinstance(first[columns.time], str) else pa.float64()
    schema = pa.schema([(name, time if name == columns.time else pa.float64()) for name in columns.names])
    parsing = pa_json.ParseOptions(schema, unexpected_field_behavior="ignore")
    return pa_json.read_json(path, pa_json.ReadOptions(block_size=_BLOCK), parsing), columns


def _read_parquet(path: Path) -> tuple[pa.Table, _Columns]:
    columns = _chosen(pq.read_schema(path).names, path)
    return pq.read_table(path, columns=columns.names), columns


_READERS: dict[str, Callable[[Path], tuple[pa.Table, _Columns]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".json": _read_json,
    ".parquet": _read_parquet,
}


def _chosen(names: Sequence[str], path: Path) -> _Columns:
    """Return the columns to read. Raises BadInput if none holds times, or if two of those to read have one name."""
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(_plain(name), name)
    time, *sizes = (
        next((known[each] for each in wanted if each in known), None) for wanted in (TIMES, PROMPTS, COMPLETIONS)
    )
    if time is None:
        raise BadInput(f"trace {path}: no column holds times; name it `timestamp` (dates) or `time` (seconds)")
    chosen = _Columns(time, *sizes)
    twice = next((name for name in chosen.names if list(names).count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"trace {path}: two columns are named {twice!r}")
    return chosen


def _plain(name: str) -> str:
    """Return a column's name in lower case and without anything but letters and digits."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _times(column: pa.ChunkedArray, name: str, path: Path) -> npt.NDArray[np.int64]:
    """Return times in ns. Raises BadInput."""
    _refuse_where(pc.is_null(column), f"trace {path}", f"{name} is empty; remove the rows without a time")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
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
    unit_ns = 1e6 if _plain(name).endswith("ms") else next(ns for least, ns in _UNITS if seconds.min() >= least)
    passed = (seconds - seconds.min()) * unit_ns
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


def _tokens(column: pa.ChunkedArray, name: str, path: Path) -> npt.NDArray[np.int32]:
    """Return numbers of tokens, 0 where they are missing. Raises BadInput."""
    message = f"{name} must be a whole number of tokens up to {MOST_TOKENS:,}, or empty"
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
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
