"""Reads a production log for `tripcurve capacity`: times, statuses, latencies and tokens, and no other column.

CSV with a header, JSON lines, or Parquet. Prompts, addresses and users in other columns are not kept.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from reports.loading.traffic import Codes, Floats, Traffic
from reports.statistics.tally import OUTCOMES
from tripcurve.errors import BadInput, reason_of

__all__ = ["COLUMNS", "TrafficLog", "is_traffic_log", "read_traffic_log"]

LARGEST_BYTES = 2_000_000_000
LONGEST_HEADER = 100_000
LATEST_S = 2e11
"""Later times, in the year 8307, are mistakes."""
JSON_LINES = (".jsonl", ".ndjson", ".json")
SUFFIXES = (".csv", ".parquet", *JSON_LINES)

COLUMNS: dict[str, dict[str, float]] = {
    "time": {
        **dict.fromkeys(("time", "timestamp", "timegenerated", "start", "started", "datetime"), 0.0),
        **{"time_s": 1.0, "start_s": 1.0, "time_ms": 1e-3, "start_ms": 1e-3, "start_us": 1e-6, "start_ns": 1e-9},
    },
    "status": dict.fromkeys(("status", "status_code", "statuscode", "responsecode", "http_status"), 1.0),
    "latency": {
        **dict.fromkeys(("latency_ms", "duration_ms", "elapsed_ms", "totaltime", "total_time_ms"), 1.0),
        **dict.fromkeys(("latency_s", "duration_s", "request_time"), 1e3),
        **dict.fromkeys(("latency_us", "duration_us"), 1e-3),
    },
    "prompt tokens": dict.fromkeys(("prompt_tokens", "input_tokens", "tokens_in", "prompttokens"), 1.0),
    "completion tokens": dict.fromkeys(("completion_tokens", "output_tokens", "tokens_out", "completiontokens"), 1.0),
}
"""The names, in lower case, by which each column is found, with the factor to seconds (time) or ms (latency).

0: a time is text in ISO 8601, or a number whose unit (s, ms, us or ns since 1970) follows from its size.
"""


@dataclass(frozen=True)
class TrafficLog:
    """A log. `start_s`: unix seconds of its first request; None: its times do not count from 1970.

    `columns`: the columns that were read. `notes`: sentences about rows that were left out.
    """

    name: str
    traffic: Traffic
    start_s: float | None
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def is_traffic_log(path: Path) -> bool:
    """Return whether a path is a file with a suffix that `read_traffic_log` reads."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def read_traffic_log(path: Path, sheds: Collection[int] = ()) -> TrafficLog:
    """Read a log. `sheds`: statuses with which an open breaker answers.

    Raises BadInput if the file cannot be read, has no column of times or statuses, or has no usable row.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadInput(f"{path} is larger than {LARGEST_BYTES:,} bytes; give the log of a shorter time")
        columns, frame, torn = _read(path)
    except (OSError, pa.ArrowException, csv.Error, UnicodeDecodeError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else " ".join(str(error).split())[:200]
        raise BadInput(f"{path} cannot be read as {path.suffix.lstrip('.').lower()}: {reason}") from None
    values = {what: _numbers(frame[name]) * _factor(what, name) for what, name in columns.items() if what != "time"}
    at_s, status = _times(frame[columns["time"]], _factor("time", columns["time"])), values["status"]
    unknown = np.full(len(frame), np.nan)
    latency_ms = values.get("latency", unknown)
    bad = ~((at_s >= 0) & (at_s < LATEST_S)) | ~((status >= 0) & (status <= 999)) | (latency_ms < 0)
    notes = _left_out(path, bad)
    if torn:
        notes += (f"{torn:,} lines are left out: they do not have a value for each column",)
    keep = ~bad
    codes, due_s = status[keep].astype(np.int64), at_s[keep]
    traffic = Traffic(
        due_s=due_s - due_s.min(),
        latency_ms=latency_ms[keep],
        outcome=_outcomes(codes, sheds),
        status=codes,
        tokens_in=_tokens(values.get("prompt tokens", unknown)[keep]),
        tokens_out=_tokens(values.get("completion tokens", unknown)[keep]),
        late_ms=unknown[keep],
        outside_ms=unknown[keep],
    )
    first = float(due_s.min())
    return TrafficLog(_plain_name(path), traffic, first if first > 1e8 else None, tuple(columns.values()), notes)


def _left_out(path: Path, bad: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    why = "have a time, status or latency that is missing, negative or no number"
    if bad.all():
        raise BadInput(f"{path} has no usable row: all {len(bad):,} rows {why}")
    return (f"{int(bad.sum()):,} of {len(bad):,} rows are left out: they {why}",) if bad.any() else ()


def _plain_name(path: Path) -> str:
    """Return the file's name without its suffix, with everything but letters, digits, `_`, `.` and `-` as `_`."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:60] or "log"


def _factor(what: str, name: str) -> float:
    return COLUMNS[what][_bare(name)]


def _bare(name: str) -> str:
    """Return a column's name in lower case, without a time zone in brackets as Azure's portal exports it."""
    return name.partition(" [")[0].strip().lower()


def _read(path: Path) -> tuple[dict[str, str], pd.DataFrame, int]:
    """Return the columns' names by their meaning, a frame of these columns alone, and how many lines were torn.

    Text stays text.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            columns = _columns(path, file.schema_arrow.names)
            return columns, file.read(columns=list(columns.values())).to_pandas(), 0
    if suffix in JSON_LINES:
        return *_read_json_lines(path), 0
    with path.open("rb") as lines:
        header = lines.readline(LONGEST_HEADER).decode("utf-8-sig")
    delimiter = ";" if ";" in header and "," not in header else ","
    columns = _columns(path, next(csv.reader([header], delimiter=delimiter), []))
    wanted = list(columns.values())
    torn: list[int] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        torn.append(row.actual_columns)
        return "skip"

    parsing = pa_csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip)
    types = pa_csv.ConvertOptions(
        include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=True
    )
    return columns, pa_csv.read_csv(path, parse_options=parsing, convert_options=types).to_pandas(), len(torn)


def _read_json_lines(path: Path) -> tuple[dict[str, str], pd.DataFrame]:
    """Read lines that are JSON objects. A line that is none becomes a row without values."""
    columns: dict[str, str] = {}
    rows: list[list[object]] = []
    with path.open(encoding="utf-8-sig") as lines:
        for line in lines:
            if not line.strip():
                continue
            record = _record(line)
            if not columns:
                if not record:
                    raise BadInput(f"{path}: each line must be a JSON object with the fields of one request")
                columns = _columns(path, list(record))
            rows.append([record.get(name) for name in columns.values()])
    if not columns:
        raise BadInput(f"{path} is empty")
    return columns, pd.DataFrame(rows, columns=list(columns.values()), dtype=object)


def _record(line: str) -> Mapping[str, object]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _columns(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the column of each meaning that the log has. Raises BadInput where one that is needed is missing."""
    found: dict[str, str] = {}
    for what, known in COLUMNS.items():
        own = sorted((name for name in names if _bare(name) in known), key=lambda name: list(known).index(_bare(name)))
        if own and list(names).count(own[0]) > 1:
            raise BadInput(f"{path} has two columns {own[0]!r}")
        if own:
            found[what] = own[0]
    for what in ("time", "status"):
        if what not in found:
            raise BadInput(
                f"{path} has no column of the {what} of each request; name it {' or '.join(list(COLUMNS[what])[:2])}"
            )
    return found


def _numbers(column: pd.Series) -> Floats:
    """Return a column as numbers; NaN where it has none."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return np.array(column.to_numpy(np.float64, na_value=np.nan))
    try:  # many times as fast, but it fails at the first value that is no number
        return np.array(pa.array(column, pa.string()).cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowException:
        plain = column.map(_number_or_text)
    return np.array(pd.to_numeric(plain, errors="coerce").to_numpy(np.float64, na_value=np.nan))


def _number_or_text(value: object) -> float | str | None:
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    return value if isinstance(value, str) else None


def _times(column: pd.Series, factor: float) -> Floats:
    """Return a column of times in seconds; NaN where it has none. `factor`: see COLUMNS."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _unix_s(pd.to_datetime(column, utc=True))
    numbers = _numbers(column)
    known = numbers[np.isfinite(numbers)]
    if 2 * len(known) < len(numbers):
        text = column.map(lambda value: value if isinstance(value, str) else None)
        return _unix_s(pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce"))
    return numbers * (factor or _unit(float(np.median(np.abs(known))) if len(known) else 0.0))


def _unix_s(instants: pd.Series) -> Floats:
    passed = instants - pd.Timestamp(0, tz="UTC")
    return np.array(passed.dt.total_seconds().to_numpy(np.float64, na_value=np.nan))


def _unit(size: float) -> float:
    """Return the factor to seconds of times since 1970 of this size: a date of this century has 10 digits in s."""
    return next((factor for limit, factor in ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6)) if size < limit), 1e-9)


def _outcomes(status: Codes, sheds: Collection[int]) -> Codes:
    """Return indexes into OUTCOMES. A 429 counts as the backend's, because a log does not say whose it was."""
    outcome = np.full(len(status), OUTCOMES.index("other error"), np.int64)
    outcome[(status >= 200) & (status < 300)] = OUTCOMES.index("2xx")
    outcome[status == 429] = OUTCOMES.index("429 backend")
    outcome[np.isin(status, [one for one in sheds if one != 429])] = OUTCOMES.index("shed")
    outcome[status == 0] = OUTCOMES.index("no response")
    return outcome


def _tokens(values: Floats) -> Floats:
    """Return numbers of tokens, with 0 where the number is missing or makes no sense."""
    known: Floats = np.where((values >= 0) & (values < 1e9), values, 0.0)
    return known
