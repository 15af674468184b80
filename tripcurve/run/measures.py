"""Checks and follows paths of measures, such as `time_to_trip_s.max` or `trips[0].open_s`, in a summary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue

from tripcurve.run.summary import Summary
from tripcurve.suggestions import did_you_mean

__all__ = ["fault_in", "measure_path", "number_at", "numbers_below"]

Path = tuple[str | int, ...]
_DEEPEST = 2
"""Levels of names that are tried for a suggestion."""


def fault_in(path: Path) -> str | None:
    """Return why a path does not name a number of a summary, with a suggestion, or None if it does."""
    kind: Any = Summary
    for place, part in enumerate(path):
        if kind is JsonValue:
            return None  # a part whose keys depend on the lab
        inner = _inner(kind, part)
        if inner is None:
            wrong = measure_path(path[: place + 1])
            before = measure_path(path[:place])
            known = [f"{before}.{name}" if before else name for name in _fields(kind)]
            hint = did_you_mean(measure_path(path), numbers_below(Summary)) or did_you_mean(wrong, known)
            return f"a summary has no {wrong!r}{hint}"
        kind = inner
    if kind in (int, float) or kind is JsonValue or set(get_args(kind)) == {int, float}:
        return None
    below = [f"{measure_path(path)}.{name}" for name in numbers_below(kind)]
    hint = f"; it has {', '.join(below)}" if below else ""
    return f"{measure_path(path)!r} is not a number{hint}"


def number_at(summary: object, path: Path) -> int | float | None:
    """Return the number that a path names in a summary, or None if it was not observed or there is none.

    `summary`: the model, or the content of summary.json.
    """
    value = summary
    for part in path:
        value = _part(value, part)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return None if math.isnan(value) else value


def _part(value: object, part: str | int) -> object:
    if isinstance(part, int):
        return value[part] if isinstance(value, list | tuple) and part < len(value) else None
    if isinstance(value, BaseModel):
        name = _fields(type(value)).get(part)
        return None if name is None else getattr(value, name)
    return value.get(part) if isinstance(value, Mapping) else None


def numbers_below(kind: Any, depth: int = 0) -> list[str]:
    """Return the paths of the numbers in a model, down to two levels. Empty if `kind` is not a model."""
    found = []
    for name in _fields(kind):
        inner = _inner(kind, name)
        if inner in (int, float) or set(get_args(inner)) == {int, float}:
            found.append(name)
        elif depth + 1 < _DEEPEST:
            found += [f"{name}.{below}" for below in numbers_below(inner, depth + 1)]
    return found


def measure_path(path: Path) -> str:
    """Return a path as text, such as `trips[0].open_s`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _fields(kind: Any) -> dict[str, str]:
    """Return the names of a model's attributes by the keys of the file; empty if `kind` is not a model."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {field.alias or name: name for name, field in kind.model_fields.items()}


def _inner(kind: Any, part: str | int) -> Any:
    """Return the type of a key or index of a type, or None if it has no such part."""
    if isinstance(part, int):
        return _bare(get_args(kind)[0]) if get_origin(kind) is tuple else None
    if get_origin(kind) is dict:
        return _bare(get_args(kind)[1])
    name = _fields(kind).get(part)
    return None if name is None else _bare(kind.model_fields[name].annotation)


def _bare(annotation: Any) -> Any:
    """Return a type without None and without constraints."""
    if annotation is JsonValue or isinstance(annotation, TypeVar):
        return JsonValue
    if get_origin(annotation) in (Union, UnionType):
        kept = [_bare(one) for one in get_args(annotation) if one is not NoneType]
        return kept[0] if len(kept) == 1 else int if set(kept) == {int, float} else annotation
    if hasattr(annotation, "__metadata__"):
        return _bare(get_args(annotation)[0])
    return annotation
