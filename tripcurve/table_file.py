"""Reads columns of recorded traffic from CSV with a header, JSON lines, or Parquet.

Other columns, which may contain personal data, are skipped by the reader.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import orjson
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tripcurve.errors import BadInput, reason_of

__all__ = ["COMPLETIONS", "PROMPTS", "SUFFIXES", "TIMES", "Column", "is_text", "plain", "read_columns", "unit_ns"]

# Names of columns, as `plain` spells them, the preferred ones first. The first of times and tokens are those of Azure's
# public traces [AZURE-TRACES]; others are those of API Management's logs, of BurstGPT, and of common exports.
TIMES = (
    *("timestamp", "timegenerated", "time", "times", "timems", "timestampms", "seconds", "datetime"),
    *("start", "started", "starttime", "starts", "startms", "startus", "startns"),
    *("arrivaltime", "arrival", "arrivals", "arrivalms"),
)
PROMPTS = ("contexttokens", "prompttokens", "inputtokens", "requesttokens", "tokensin", "inputlength")
COMPLETIONS = ("generatedtokens", "completiontokens", "outputtokens", "responsetokens", "tokensout", "outputlength")

LARGEST_BYTES = 2_000_000_000
LONGEST_HEADER = 100_000
JSON_LINES = (".jsonl", ".ndjson", ".json")
SUFFIXES = (".csv", ".parquet", *JSON_LINES)
_LINES = 100_000
"""JSON lines that are kept as objects at a time."""


class Column(NamedTuple):
    """One column of a file: its name there and its values.

    Values of CSV and JSON lines are text, those of Parquet have the file's type. A value that is missing is null.
    """

    name: str
    values: pa.ChunkedArray


def read_columns(
    path: Path,
    what: str,
    known: Mapping[str, Collection[str]],
    needed: Mapping[str, str],
    torn: list[int] | None = None,
) -> dict[str, Column]:
    """Return the columns of a file by their meaning, in the order of `known`, and read no other column.

    `what`: begins each message, such as "trace". `known`: for each meaning the names of its column, as `plain` spells
    them, the preferred one first. `needed`: for a meaning that must be there, the message for a file without it.
    `torn` None: a line that is not a whole row is refused. Else a line of CSV without a value for each column is left
    out, and `torn` gets an entry for it; a line of JSON that is no object becomes a row of nulls. Raises BadInput with
    one line of text.
    """
    reader = _READERS.get(path.suffix.lower())
    if not path.is_file():
        raise BadInput(f"{what} {path}: there is no such file or run directory")
    if reader is None:
        raise BadInput(f"{what} {path}: give a file named .csv, .jsonl or .parquet, or a run directory")
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadInput(f"{what} {path}: larger than {LARGEST_BYTES:,} bytes; give a shorter part of it")
        names, columns = reader(path, lambda names: _chosen(names, known, needed, f"{what} {path}"), torn)
    except OSError as error:
        raise BadInput(f"{what} {path}: cannot be read: {reason_of(error)}") from None
    except (pa.ArrowException, csv.Error, ValueError) as error:
        reason = re.sub(r"(got \d+):.*", r"\1", str(error).partition("\n")[0])  # Arrow shows the whole row after this
        raise BadInput(f"{what} {path}: not a readable {path.suffix[1:].lower()} file: {reason}") from None
    return {meaning: Column(name, columns[name]) for meaning, name in names.items()}


def plain(name: str) -> str:
    """Return a column's name in lower case with letters and digits only, without the time zone that Azure adds."""
    return re.sub(r"[^a-z0-9]", "", name.partition(" [")[0].lower())


def is_text(values: pa.ChunkedArray) -> bool:
    """Return whether values are text."""
    return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))


def unit_ns(name: str, size: float) -> float:
    """Return the unit of numbers in a column of times, ns. `size`: of a typical one.

    The unit is in the name (`time_ms`), or follows from the size if it is a unix time of this century. Else it is a
    second.
    """
    named = {"ms": 1e6, "us": 1e3, "ns": 1.0}.get(plain(name)[-2:])
    if named is not None:
        return named
    return next((unit for least, unit in ((1e17, 1.0), (1e14, 1e3), (1e11, 1e6)) if size >= least), 1e9)


_Names = dict[str, str]
"""The columns of a file by their meaning."""
_Choice = Callable[[Sequence[str]], _Names]
"""Returns which of a file's columns to read. Raises BadInput."""


def _chosen(
    names: Sequence[str], known: Mapping[str, Collection[str]], needed: Mapping[str, str], where: str
) -> _Names:
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(plain(name), name)
    chosen = {}
    for meaning, wanted in known.items():
        found = next((first[each] for each in wanted if each in first), None)
        if found is not None:
            chosen[meaning] = found
    for meaning, message in needed.items():
        if meaning not in chosen:
            raise BadInput(f"{where}: {message}")
    twice = next((name for name in chosen.values() if list(names).count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{where}: two columns are named {twice!r}")
    return chosen


def _read_csv(path: Path, choose: _Choice, torn: list[int] | None) -> tuple[_Names, pa.Table]:
    with path.open("rb") as file:
        header = file.readline(LONGEST_HEADER).decode("utf-8-sig")
    delimiter = ";" if ";" in header and "," not in header else ","
    names = choose(next(csv.reader([header], delimiter=delimiter), []))

    def skip(row: pa_csv.InvalidRow) -> str:
        if torn is not None:
            torn.append(row.actual_columns)
        return "skip"

    parsing = pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    if torn is not None:
        parsing.invalid_row_handler = skip
    columns = list(names.values())
    types = dict.fromkeys(columns, pa.string())
    options = pa_csv.ConvertOptions(column_types=types, include_columns=columns, strings_can_be_null=True)
    with pa.OSFile(str(path)) as file:
        text = pa.transcoding_input_stream(file, "utf-8-sig", "utf-8")  # else bytes that are no text break `skip`
        return names, pa_csv.read_csv(text, parse_options=parsing, convert_options=options)


def _read_json_lines(path: Path, choose: _Choice, torn: list[int] | None) -> tuple[_Names, pa.Table]:
    with path.open("rb") as file:
        records = _records(file, strict=torn is None)
        first = next(records, {})
        names = choose(list(first))
        columns = list(names.values())
        schema = pa.schema([(name, pa.string()) for name in columns])
        parts = [_texts([first], schema)]
        while some := list(islice(records, _LINES)):
            parts.append(_texts(some, schema))
    return names, pa.concat_tables(parts)


def _records(lines: Iterable[bytes], *, strict: bool) -> Iterator[dict[str, object]]:
    """Yield the object of each line that is not blank; for a line that is no object, an empty one unless strict."""
    begun = False
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            if strict or not begun:
                raise ValueError(f'line {number}: each line must be an object, such as {{"time": 0.5}}')
            record = {}
        begun = True
        yield record


def _texts(records: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    """Return fields of JSON objects as text, and null where they are missing."""
    arrays = []
    for name in schema.names:
        values = (record.get(name) for record in records)
        arrays.append(pa.array([None if value is None else str(value) for value in values], pa.string()))
    return pa.Table.from_arrays(arrays, schema=schema)


def _read_parquet(path: Path, choose: _Choice, torn: list[int] | None) -> tuple[_Names, pa.Table]:
    names = choose(pq.read_schema(path).names)
    return names, pq.read_table(path, columns=list(names.values()))


_READERS = {".csv": _read_csv, ".parquet": _read_parquet, **dict.fromkeys(JSON_LINES, _read_json_lines)}
