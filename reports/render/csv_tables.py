"""CSV on request: trips, every time bin, and the requests themselves, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from reports.loading.run import Run
from reports.render.words import NOT_KNOWN
from reports.statistics.series import outcomes_over_time
from tripcurve.run.record import SCHEMA
from tripcurve.run.summary import Measured, Summary, Trip
from tripcurve.run.writing import replacing

__all__ = ["safe", "write_csv"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
INTERVALS = ("tripped_s", "reset_s", "full_shed_s")
"""Measures that are an estimate with a half-width, and take three columns."""
_ENDS = ("least", "most")


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before what could start one."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def write_csv(run: Run, summary: Summary, folder: Path) -> list[Path]:
    """trips.csv, timeline.csv and requests.csv in `folder`; the paths written."""
    paths = [folder / name for name in ("trips.csv", "timeline.csv", "requests.csv")]
    _write_rows(paths[0], [_flat(trip) for trip in summary.trips])
    if run.tally.total:
        bins = outcomes_over_time(run, summary.duration_s)[["time_s", "end_s", "outcome", "count", "rate"]]
        _write_rows(paths[1], bins.to_dict("records"))
    else:
        _write_rows(paths[1], [])
    _write_requests(run, paths[2])
    return paths


Row = dict[Hashable, object]


def _flat(trip: Trip) -> Row:
    """A trip as one row: intervals and truth in columns of their own."""
    row: Row = {}
    for name, value in trip:
        if name in INTERVALS:
            row |= _interval(name, value)
        elif name in ("truth", "error_s"):
            known = value or NOT_KNOWN
            row |= {f"{name.removesuffix('_s')}_{instant}": at for instant, at in known}
        elif name == "bounds":
            row |= {
                f"{measure}_{end}": at for measure, pair in value.items() for end, at in zip(_ENDS, pair, strict=True)
            }
        elif isinstance(value, tuple):
            row[name] = " to ".join(map(str, value))
        else:
            row[name] = value
    return row


def _interval(name: str, measured: Measured | None) -> Row:
    known = (None, None, None) if measured is None else (measured.estimate, measured.half_width, measured.by)
    return dict(zip((name, f"{name}_half_width", f"{name}_by"), known, strict=True))


def _write_rows(path: Path, rows: Iterable[Mapping[Hashable, object]]) -> None:
    rows = list(rows)
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        names = list(dict.fromkeys(name for row in rows for name in row))
        if rows:
            writer.writerow(names)
        for row in rows:
            values = [row.get(name) for name in names]
            writer.writerow([safe(value) if isinstance(value, str) else value for value in values])


def _write_requests(run: Run, path: Path) -> None:
    """Every attempt. Columns of text are made safe through their dictionaries, not row by row."""
    plain = [field if not pa.types.is_dictionary(field.type) else pa.field(field.name, pa.string()) for field in SCHEMA]
    schema = pa.schema(plain)
    with replacing(path) as part, pacsv.CSVWriter(part, schema) as out:
        for piece in run.records.pieces():
            out.write_table(
                pa.table([_safe_column(column) for column in piece.select(SCHEMA.names).columns], schema=schema)
            )


def _safe_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return column
    column = column.unify_dictionaries()
    if not column.num_chunks:
        return pa.chunked_array([], type=pa.string())
    words = pa.array(
        [None if word is None else safe(word) for word in column.chunk(0).dictionary.to_pylist()], pa.string()
    )
    return pa.chunked_array([pc.take(words, chunk.indices) for chunk in column.chunks], type=pa.string())
