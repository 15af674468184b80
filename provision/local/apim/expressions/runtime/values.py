"""Represents C# values as Python values.

`int`, `double`, `bool`, `string`, `null` and `byte[]` are Python's int, float, bool, str, None and bytes. Other C#
types are subclasses of these or classes of their own, so that a value's class always shows its C# type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

__all__ = [
    "INTEGERS",
    "Anonymous",
    "Array",
    "Byte",
    "Char",
    "Dictionary",
    "EnumValue",
    "Int16",
    "Int64",
    "KeyValuePair",
    "SByte",
    "Sequence",
    "Single",
    "TypeValue",
    "UInt16",
    "UInt32",
    "UInt64",
    "number",
    "wrap",
]


class Int64(int):
    """long"""

    __slots__ = ()


class UInt64(int):
    """ulong"""

    __slots__ = ()


class UInt32(int):
    """uint"""

    __slots__ = ()


class Int16(int):
    """short"""

    __slots__ = ()


class UInt16(int):
    """ushort"""

    __slots__ = ()


class Byte(int):
    """byte"""

    __slots__ = ()


class SByte(int):
    """sbyte"""

    __slots__ = ()


class Char(str):
    """A C# char. In C# it is a UTF-16 unit; here it is a code point."""

    __slots__ = ()


class Single(float):
    """float"""

    __slots__ = ()


INTEGERS: dict[type, tuple[str, int, int]] = {
    int: ("int", -(2**31), 2**31 - 1),
    Int64: ("long", -(2**63), 2**63 - 1),
    UInt32: ("uint", 0, 2**32 - 1),
    UInt64: ("ulong", 0, 2**64 - 1),
    Int16: ("short", -(2**15), 2**15 - 1),
    UInt16: ("ushort", 0, 2**16 - 1),
    Byte: ("byte", 0, 255),
    SByte: ("sbyte", -128, 127),
}
"""The C# name, the least and the greatest value of each integer type, by its Python class."""


def wrap(kind: type[int], value: int) -> int:
    """Return `value` in the integer type `kind`; if it is out of range it wraps around, as in unchecked C#."""
    _, low, high = INTEGERS[kind]
    if not low <= value <= high:
        value = (value - low) % (high - low + 1) + low
    return kind(value)


def number(value: object) -> int | float | Decimal | None:
    """Return a number unchanged and a char's code, or None for any other value. In C# a bool is not a number."""
    if isinstance(value, Char):
        return ord(value)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value
    return None


class Array(list[object]):
    """T[]: an array of fixed length. `byte[]` is Python's bytes instead."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]  # C# arrays hash by identity

    def __eq__(self, other: object) -> bool:
        return self is other


class Sequence(Array):
    """IEnumerable<T>: the result of LINQ. It is evaluated at once, whereas C# defers."""

    __slots__ = ()


class Dictionary:
    """Dictionary<K, V>: its keys are in the order of insertion, and equal if C# considers them equal."""

    __slots__ = ("ignore_case", "items")

    def __init__(self, items: Iterable[tuple[object, object]] = (), ignore_case: bool = False) -> None:
        self.ignore_case = ignore_case
        self.items: dict[object, tuple[object, object]] = {}
        for key, value in items:
            self.put(key, value)

    def hashed(self, key: object) -> object:
        if self.ignore_case and isinstance(key, str):
            return key.lower()
        if type(key) is str:
            return key
        # Some values that C# compares by reference are not hashable in Python.
        return (type(key), key) if type(key).__hash__ is not None else (type(key), id(key))

    def put(self, key: object, value: object) -> None:
        self.items[self.hashed(key)] = (key, value)

    def get(self, key: object) -> tuple[object, object] | None:
        """Return the entry as (key, value), or None."""
        return self.items.get(self.hashed(key))

    def pairs(self) -> Iterator[KeyValuePair]:
        return (KeyValuePair(key, value) for key, value in list(self.items.values()))

    def __len__(self) -> int:
        return len(self.items)


@dataclass(slots=True, frozen=True)
class KeyValuePair:
    key: object
    value: object


@dataclass(slots=True, frozen=True)
class EnumValue:
    """A member of a C# enumeration such as StringComparison."""

    type: str
    name: str
    value: int


@dataclass(slots=True)
class Anonymous:
    """new { A = 1 }"""

    members: dict[str, object]


@dataclass(slots=True, frozen=True)
class TypeValue:
    """The result of typeof(T) and GetType()."""

    name: str
