"""Reads a file of exported records: CSV, JSON or JSON lines, as Azure's portal, queries and storage write them."""

from __future__ import annotations

import base64
import binascii
import csv
import json
from pathlib import Path
from typing import Any

from tripcurve.errors import BadInput

__all__ = ["LARGEST_BYTES", "Record", "read_records"]

LARGEST_BYTES = 2_000_000_000
"""A larger file is refused: ten million requests of the gateway's log fit."""

Record = dict[str, Any]
"""One record. Names are in lower case, without a unit in brackets; `properties` are part of the record itself."""


def read_records(path: Path) -> list[Record]:
    """Return the records of a file, in its order.

    Accepts a JSON list, one JSON object, JSON lines, the answer of a Log Analytics query (`tables`), storage-queue
    messages in base64, and CSV with a header. Raises BadInput if the file cannot be read or is none of these.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadInput(f"{path} is larger than {LARGEST_BYTES:,} bytes; export only the time of the run")
        text = path.read_text("utf-8-sig", "strict")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not a text file; export as CSV or JSON") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    records = _json(text) if text.lstrip()[:1] in ("{", "[") else _lines(text)
    if not records:
        raise BadInput(f"{path} has no records; it must be CSV with a header, a JSON list or JSON lines")
    return records


def _json(text: str) -> list[Record]:
    try:
        return _records_in(json.loads(text))
    except (ValueError, RecursionError):
        return _json_lines(text.splitlines())


def _json_lines(lines: list[str]) -> list[Record]:
    found: list[Record] = []
    for line in lines:
        try:
            found += _records_in(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return found


def _lines(text: str) -> list[Record]:
    """Return the records of base64 messages, one a line, or of CSV."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    decoded = [_from_base64(line) for line in lines]
    if lines and all(message is not None for message in decoded):
        return _json_lines([str(message) for message in decoded])
    csv.field_size_limit(10_000_000)
    try:
        return [_plain(row) for row in csv.DictReader(text.splitlines())]
    except csv.Error:
        return []


def _from_base64(line: str) -> str | None:
    try:
        message = base64.b64decode(line, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return message if message.lstrip()[:1] in ("{", "[") else None


def _records_in(content: Any) -> list[Record]:
    if isinstance(content, list):
        return [record for part in content for record in _records_in(part)]
    if not isinstance(content, dict):
        return []
    for name in ("records", "value"):
        if isinstance(content.get(name), list):
            return _records_in(content[name])
    if isinstance(content.get("tables"), list):
        return [record for table in content["tables"] for record in _rows_of(table)]
    return [_plain(content)]


def _rows_of(table: Any) -> list[Record]:
    """Return the rows of a table of Log Analytics, whose columns are named once."""
    if not isinstance(table, dict) or not isinstance(table.get("columns"), list):
        return []
    names = [str(column.get("name")) if isinstance(column, dict) else str(column) for column in table["columns"]]
    rows = table.get("rows") if isinstance(table.get("rows"), list) else []
    return [_plain(dict(zip(names, row, strict=False))) for row in rows or [] if isinstance(row, list)]


def _plain(record: dict[Any, Any]) -> Record:
    plain = {_name(name): value for name, value in record.items() if name is not None}
    properties = plain.get("properties")
    if isinstance(properties, str):
        try:
            properties = json.loads(properties)
        except (ValueError, RecursionError):
            properties = None
    if isinstance(properties, dict):
        plain = {_name(name): value for name, value in properties.items()} | plain
    return plain


def _name(name: Any) -> str:
    """Return the bare name: without a time zone in brackets, and `backendTime_d` is `backendtime`."""
    bare = str(name).partition(" [")[0].strip().lower()
    return bare[:-2] if bare.endswith(("_d", "_s", "_b", "_t", "_g")) else bare
