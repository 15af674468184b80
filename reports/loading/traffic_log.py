"""Reads a production log for `tripcurve capacity`: times, statuses, latencies and tokens, and no other column.

CSV with a header, JSON lines, or Parquet. Prompts, addresses and users in other columns are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reports.loading.traffic import Codes, Floats, Traffic
from reports.statistics.tally import OUTCOMES
from tripcurve.errors import BadInput
from tripcurve.table_file import COMPLETIONS, PROMPTS, SUFFIXES, TIMES, Column, is_text, plain, read_columns, unit_ns

__all__ = ["TrafficLog", "is_traffic_log", "read_traffic_log"]

LATEST_S = 2e11
"""Later times, in the year 8307, are mistakes."""
LATENCIES = {
    **dict.fromkeys(("latencyms", "durationms", "elapsedms", "totaltime", "totaltimems"), 1.0),
    **dict.fromkeys(("latencys", "durations", "requesttime"), 1e3),
    **dict.fromkeys(("latencyus", "durationus"), 1e-3),
}
"""Names of columns of latencies, as `plain` spells them, with the factor to ms."""
KNOWN = {
    "time": TIMES,
    "status": ("status", "statuscode", "responsecode", "httpstatus"),
    "latency": tuple(LATENCIES),
    "prompt": PROMPTS,
    "completion": COMPLETIONS,
}
NEEDED = {
    "time": "no column of the time of each request; name it time or timestamp",
    "status": "no column of the status of each request; name it status or status_code",
}


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
    torn: list[int] = []
    columns = read_columns(path, "log", KNOWN, NEEDED, torn)
    at_s, status = _times(columns["time"]), _numbers(columns["status"].values)
    unknown = np.full(len(status), np.nan)
    latency_ms, tokens_in, tokens_out = (
        _numbers(columns[kind].values) if kind in columns else unknown for kind in ("latency", "prompt", "completion")
    )
    if "latency" in columns:
        latency_ms = latency_ms * LATENCIES[plain(columns["latency"].name)]
    bad = ~((at_s >= 0) & (at_s < LATEST_S)) | ~((status >= 0) & (status <= 999)) | (latency_ms < 0)
    notes = _left_out(path, bad)
    if torn:
        notes += (f"{len(torn):,} lines are left out: they do not have a value for each column",)
    keep = ~bad
    codes, due_s = status[keep].astype(np.int64), at_s[keep]
    traffic = Traffic(
        due_s=due_s - due_s.min(),
        latency_ms=latency_ms[keep],
        outcome=_outcomes(codes, sheds),
        status=codes,
        tokens_in=_tokens(tokens_in[keep]),
        tokens_out=_tokens(tokens_out[keep]),
        late_ms=unknown[keep],
        outside_ms=unknown[keep],
    )
    first = float(due_s.min())
    names = tuple(each.name for each in columns.values())
    return TrafficLog(_plain_name(path), traffic, first if first > 1e8 else None, names, notes)


def _left_out(path: Path, bad: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    why = "have a time, status or latency that is missing, negative or no number"
    if bad.all():
        raise BadInput(f"log {path}: no usable row: all {len(bad):,} rows {why}")
    return (f"{int(bad.sum()):,} of {len(bad):,} rows are left out: they {why}",) if bad.any() else ()


def _plain_name(path: Path) -> str:
    """Return the file's name without its suffix, with everything but letters, digits, `_`, `.` and `-` as `_`."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:60] or "log"


def _numbers(values: pa.ChunkedArray) -> Floats:
    """Return a column as numbers; NaN where it has none."""
    try:  # many times as fast, but it fails at the first value that is no number
        return np.array(values.cast(pa.float64()).to_numpy())
    except pa.ArrowException:
        texts = values.to_pandas() if is_text(values) else pd.Series([None] * len(values), dtype=object)
        return np.array(pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan))


def _times(times: Column) -> Floats:
    """Return a column of times in seconds; NaN where it has none."""
    name, values = times
    if pa.types.is_timestamp(values.type):
        return _unix_s(pd.to_datetime(values.to_pandas(), utc=True))
    numbers = _numbers(values)
    known = numbers[np.isfinite(numbers)]
    if 2 * len(known) < len(numbers) and is_text(values):
        return _unix_s(pd.to_datetime(values.to_pandas(), utc=True, format="ISO8601", errors="coerce"))
    size = float(np.median(np.abs(known))) if len(known) else 0.0
    return numbers * (unit_ns(name, size) / 1e9)


def _unix_s(instants: pd.Series) -> Floats:
    passed = instants - pd.Timestamp(0, tz="UTC")
    return np.array(passed.dt.total_seconds().to_numpy(np.float64, na_value=np.nan))


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
