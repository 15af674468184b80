"""Our own sentence for each mistake that pydantic finds: the field, what is wrong with it, and what would be right.

Pydantic's wording is never shown, because it uses Python's types, and names the branches of a union as if they were
keys of the file.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, RootModel, ValidationError
from pydantic.fields import FieldInfo

from tripcurve.suggestions import did_you_mean, known_names
from tripcurve.urls import without_credentials

__all__ = ["FieldError", "field_errors"]

LONGEST_SHOWN = 80
LONGEST_MESSAGE = 600
MOST_KEYS = 12

_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class FieldError(NamedTuple):
    """One mistake. `field` is its path, such as `backends[0].breaker.interval`; empty for the whole document."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class _Place(NamedTuple):
    """The place of an error: its path in the document, the types of the value and of the mapping or list around it."""

    path: tuple[int | str, ...]
    annotation: Any
    parent: Any
    field: FieldInfo | None
    union: tuple[tuple[int | str, ...], Any] | None
    """Path and type of the innermost union on the way; None if there is no union on the way."""
    is_key: bool


def field_errors(error: ValidationError, model: type[BaseModel], *, secret: bool = False) -> list[FieldError]:
    """Return the mistakes in the order of the model's fields.

    A value that fits no branch of a union is one mistake. `secret` leaves the values out of the messages.
    """
    found = [(fault, _place(model, fault["loc"])) for fault in error.errors(include_url=False)]
    paths = [place.path for _, place in found]
    lines: list[FieldError] = []
    for fault, place in found:
        if _explained_below(fault, place, paths) or _of_wrong_branch(fault, place, found):
            continue
        line = FieldError(_written(place.path), without_credentials(_message(fault, place, secret)))
        if line not in lines:
            lines.append(line)
    return lines


def _explained_below(fault: Any, place: _Place, paths: Sequence[tuple[int | str, ...]]) -> bool:
    """Return whether a list counts as too short only because its entries have mistakes of their own."""
    depth = len(place.path)
    return fault["type"] == "too_short" and any(len(path) > depth and path[:depth] == place.path for path in paths)


def _of_wrong_branch(fault: Any, place: _Place, found: Sequence[tuple[Any, _Place]]) -> bool:
    """Return whether another branch of the same union fits the value better, so that this error misleads."""
    if place.union is None or place.path != place.union[0] or not _is_wrong_type(fault):
        return False
    return any(
        other.union is not None
        and other.union[0] == place.union[0]
        and (other.path != place.path or not _is_wrong_type(their_fault))
        for their_fault, other in found
    )


def _is_wrong_type(fault: Any) -> bool:
    if fault["type"] == "literal_error":
        return not isinstance(fault["input"], str)
    return str(fault["type"]).endswith(("_type", "_parsing", "_from_float"))


def _place(model: type[BaseModel], location: tuple[int | str, ...]) -> _Place:
    """Follow pydantic's location through the types. A union takes one part of it, which names the branch."""
    annotation: Any = model
    parent: Any = None
    field: FieldInfo | None = None
    union: tuple[tuple[int | str, ...], Any] | None = None
    path: tuple[int | str, ...] = ()
    is_key = False
    for part in location:
        branches = _branches(annotation)
        if part == "[key]":
            annotation, is_key = _key(annotation), True
        elif len(branches) > 1:
            union = (path, annotation)
            annotation = next((branch for branch in branches if getattr(_plain(branch), "__name__", "") == part), None)
        else:
            path += (part,)
            parent = branches[0]
            annotation, field = _child(parent, part)
    return _Place(path, annotation, parent, field, union, is_key)


def _plain(annotation: Any) -> Any:
    """Return the type without `Annotated`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _branches(annotation: Any) -> list[Any]:
    """Return the types a value may have, None aside; one for anything but a union."""
    annotation = _plain(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return [branch for branch in get_args(annotation) if branch is not type(None)]
    return [annotation]


def _key(annotation: Any) -> Any:
    arguments = get_args(_plain(_branches(annotation)[0]))
    return arguments[0] if arguments else str


def _child(annotation: Any, part: int | str) -> tuple[Any, FieldInfo | None]:
    """Return type and field of one part of a model, mapping or list; None for those that are unknown."""
    annotation = _plain(annotation)
    if _is_model(annotation):
        if issubclass(annotation, RootModel):
            return _child(annotation.model_fields["root"].annotation, part)
        fields = annotation.model_fields
        found = next((each for name, each in fields.items() if part in (name, each.alias)), None)
        return (None, None) if found is None else (found.annotation, found)
    arguments = get_args(annotation)
    if not arguments:
        return None, None
    return arguments[-1] if isinstance(part, str) else arguments[0], None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _keys(annotation: Any) -> list[str]:
    """Return the keys that a model accepts, as a file writes them."""
    annotation = _plain(annotation)
    return sorted(each.alias or name for name, each in annotation.model_fields.items()) if _is_model(annotation) else []


def _written(path: tuple[int | str, ...]) -> str:
    """Return `backends[0].breaker` for `('backends', 0, 'breaker')`."""
    text = ""
    for part in path:
        shown = f"[{part}]" if isinstance(part, int) else _printable(part)
        text += shown if isinstance(part, int) or not text else f".{shown}"
    return text


def _printable(key: str) -> str:
    """Return a key unchanged, or quoted and shortened if it is long or not printable."""
    return key if key.isprintable() and len(key) <= LONGEST_SHOWN else _shown(key)


def _message(fault: Any, place: _Place, secret: bool) -> str:
    kind, context, value = fault["type"], fault.get("ctx", {}), fault["input"]
    if kind == "extra_forbidden":
        return _unknown_key(place)
    if kind == "missing":
        return "this key is required"
    if kind == "invalid_key":
        return "this key must be text; write it in quotes"
    if kind == "json_invalid":
        return "this is not valid JSON"
    if kind in ("value_error", "assertion_error"):
        return "this value is not accepted" if secret else _without_middle(str(context["error"]))
    subject = "the key " if place.is_key else ""
    if kind == "string_pattern_mismatch":
        form = _description(place)
        return f"{subject}{'this' if secret else _shown(value)} has the wrong form" + (f". {form}" * bool(form))
    if kind in ("too_long", "string_too_long"):
        return f"{subject}has {_count(len(value), kind)}; at most {context['max_length']} may be given"
    if kind in ("too_short", "string_too_short"):
        return f"{subject}needs at least {_count(context['min_length'], kind)}"
    wanted = f"{subject}must be {_wanted(kind, context, place)}"
    if secret:
        return wanted
    if kind == "literal_error" and isinstance(value, str):
        return f"{wanted}, not {_shown(value)}{did_you_mean(value, _literals(_whole_type(place)))}"
    quotes = "; write it in quotes" if kind == "string_type" and isinstance(value, int | float) else ""
    return f"{wanted}, not {_shown(value)}{quotes}"


def _without_middle(text: str) -> str:
    """Return a long message with its beginning, which says what is wrong, and its end, which says what to do."""
    half = LONGEST_MESSAGE // 2
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:half]} … {text[-half:]}"


def _unknown_key(place: _Place) -> str:
    return "unknown key" + known_names(str(place.path[-1]), _keys(place.parent), "known keys")


def _wanted(kind: str, context: Mapping[str, Any], place: _Place) -> str:
    """Return what would be right, to follow `must be`."""
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        bound = context[name]
        return f"{words} {int(bound) if bound == int(bound) else bound}"
    if kind == "finite_number":
        return "a finite number"
    return " or ".join(_kind_of(branch) for branch in _branches(_whole_type(place)))


def _whole_type(place: _Place) -> object:
    """Return the type that a value at this place must have: for a branch of a union, the union."""
    return place.union[1] if place.union is not None and place.path == place.union[0] else place.annotation


def _kind_of(annotation: Any) -> str:
    plain = _plain(annotation)
    if literals := _literals(plain):
        return f"one of {', '.join(literals)}"
    if _is_model(plain):
        keys = _keys(plain)
        shown = keys if len(keys) <= MOST_KEYS else [*keys[:MOST_KEYS], "…"]
        return f"a mapping with the {'key' if len(keys) == 1 else 'keys'} {', '.join(shown)}"
    if plain in _SCALARS:
        return _SCALARS[plain]
    origin = get_origin(plain) or plain
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping (`key: value`)"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return "a list"
    return "of another kind"


def _literals(annotation: Any) -> list[str]:
    """Return the values of a Literal; empty for any other type."""
    plain = _plain(_branches(annotation)[0])
    return [str(each) for each in get_args(plain)] if get_origin(plain) is Literal else []


def _description(place: _Place) -> str:
    """Return the description of the field, or of the type of a key or entry; empty if there is none."""
    own = [each for each in getattr(place.annotation, "__metadata__", ()) if isinstance(each, FieldInfo)]
    found = next((each.description for each in own if each.description), None)
    return found or (place.field.description if place.field is not None and not place.is_key else None) or ""


def _shown(value: Any) -> str:
    """Return a value as YAML writes it, escaped and shortened; for a list or mapping, its kind."""
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…")
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence | set) and not isinstance(value, bytes):
        return "a list"
    if value is None or isinstance(value, bool | int | float):
        text = yaml.safe_dump(value).split("\n")[0]
        return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
    return "binary data" if isinstance(value, bytes) else "a value"


def _count(number: int, kind: str) -> str:
    one, many = ("character", "characters") if kind.startswith("string") else ("entry", "entries")
    return f"{number} {one if number == 1 else many}"
