"""Compare a resource with the lab, field by field."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from provision.resources.base import UNKNOWN, Fields

__all__ = ["Change", "differences", "flattened"]


class Change(BaseModel):
    """One field that differs from the lab: `old` is the value found, `new` the lab's."""

    field: str
    old: Any
    new: Any


def differences(found: Fields, desired: Fields) -> list[Change]:
    """Return the fields that the lab sets and that differ. Fields the lab does not set are not compared."""
    have = flattened({name: found.get(name) for name in desired})
    want = flattened(desired)
    names = [*want, *(name for name in have if name not in want and have[name] is not None)]
    return [
        Change(field=name, old=have.get(name), new=want.get(name))
        for name in names
        if want.get(name) != UNKNOWN and have.get(name) != want.get(name)
    ]


def flattened(fields: Fields, prefix: str = "") -> Fields:
    """Return nested fields under dotted names: `{"breaker": {"count": 3}}` becomes `{"breaker.count": 3}`."""
    flat: Fields = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
