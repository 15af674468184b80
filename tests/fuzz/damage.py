"""Ways to damage bytes, JSON values and tables; every choice comes from the `rng` that is handed in."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa

__all__ = ["HOSTILE", "damage_bytes", "damage_json", "damage_table"]

HOSTILE: list[Any] = [
    *(None, True, -1, 0, 2**31, 2**63, 2**64, -(2**63), 10**400, 1e308, float("nan"), float("inf"), -0.0),
    *("", "\x00", "\x1b[2J", "=1+1", "<script>", "\ud800", "9" * 5000, "../../etc/passwd", "NaN", "PT1S", "\u202e"),
    *([], {}, [None], {"": None}, [[[[[[]]]]]], {"a": {"b": {"c": []}}}),
]
"""Values of wrong types and sizes, and strings that mean something to a terminal, a browser or a spreadsheet."""


def damage_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip bits, cut, repeat or insert, one to four times."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(damaged) + 1)
        kind = rng.choice(("flip", "flip", "cut", "drop", "insert", "repeat", "zero"))
        end = min(at + rng.choice((1, 4, 8, 100)), len(damaged))
        if kind == "flip" and at < len(damaged):
            damaged[at] ^= 1 << rng.randrange(8)
        elif kind == "cut":
            del damaged[at:]
        elif kind == "drop":
            del damaged[at:end]
        elif kind == "insert":
            damaged[at:at] = rng.randbytes(rng.choice((1, 4, 50)))
        elif kind == "repeat":
            damaged[at:at] = damaged[at:end] * rng.choice((1, 3, 50))
        elif kind == "zero":
            damaged[at:end] = bytes(end - at)
    return bytes(damaged)


def damage_json(value: Any, rng: random.Random) -> Any:
    """Replace, remove or add one value somewhere in a tree of lists and objects."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(HOSTILE)
    copy = value.copy()
    key = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
    kind = rng.random()
    if kind < 0.1:
        del copy[key]
    elif kind < 0.15 and isinstance(copy, dict):
        copy[str(rng.choice(HOSTILE))[:50]] = rng.choice(HOSTILE)
    else:
        copy[key] = damage_json(copy[key], rng)
    return copy


def damage_table(table: pa.Table, rng: random.Random) -> pa.Table:
    """Give one column another type, other values or no place; or take the rows away."""
    at = rng.randrange(table.num_columns)
    name, rows = table.column_names[at], len(table)
    kind = rng.choice(("drop", "null", "text", "extreme", "float", "rename", "empty", "few", "twice", "nested"))
    if kind == "drop":
        return table.remove_column(at)
    if kind == "rename":
        return table.rename_columns([*table.column_names[:at], "x", *table.column_names[at + 1 :]])
    if kind == "empty":
        return table.slice(0, 0)
    if kind == "few":
        return table.slice(rng.randrange(rows), rng.randint(0, 3))
    if kind == "twice":
        return table.append_column(name, table.column(at))
    return table.set_column(at, name, _column(kind, table.schema.field(at).type, rows, rng))


def _column(kind: str, type_: pa.DataType, rows: int, rng: random.Random) -> pa.Array:
    if kind == "null":
        return pa.array([None] * rows, type_)
    if kind == "text":
        return pa.array([rng.choice(("", "\x1b[31m", "<b>", "=x", "nobody"))] * rows).dictionary_encode()
    if kind == "float":
        return pa.array([rng.choice((float("nan"), float("inf"), 1e300, -1.5))] * rows, pa.float64())
    if kind == "nested":
        return pa.array([[1, 2]] * rows)
    if pa.types.is_integer(type_):
        ends = (-(2 ** (type_.bit_width - 1)), 2 ** (type_.bit_width - 1) - 1, 0, -1)
        few = [rng.choice(ends) for _ in range(3)]
        return pa.array([few[index % 3] for index in range(rows)], type_)
    return pa.array([None] * rows, type_)
