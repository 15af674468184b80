"""Iterates over C# enumerables, for `foreach` and LINQ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from provision.local.apim.expressions.errors import EvaluationError, Thrown, null_reference
from provision.local.apim.expressions.runtime.operators import type_label
from provision.local.apim.expressions.runtime.values import Byte, Char, Dictionary

__all__ = ["ITERATORS", "iterate"]

ITERATORS: dict[type, Callable[..., Iterable[object]]] = {}
"""Functions that return the elements of the library's own classes, by class."""


def iterate(value: object) -> Iterable[object]:
    """Return the elements of a C# enumerable.

    Raises Thrown (NullReferenceException) for null, and EvaluationError if the value is not enumerable.
    """
    if isinstance(value, list):
        return _unchanged(value) if type(value) is list else value
    if value is None:
        raise null_reference()
    if isinstance(value, str):
        return map(Char, value)
    if isinstance(value, bytes):
        return map(Byte, value)
    if isinstance(value, Dictionary):
        return value.pairs()
    found = ITERATORS.get(type(value))
    if found is None:
        raise EvaluationError(f"'{type_label(value)}' is not enumerable", "MissingMember")
    return found(value)


def _unchanged(values: list[object]) -> Iterator[object]:
    count = len(values)
    for value in values:
        yield value
        if len(values) != count:
            raise Thrown("InvalidOperationException", "Collection was modified; enumeration operation may not execute.")
