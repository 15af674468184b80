"""Converts values between C# types: casts, `is`, `as`, and the implicit conversions of arguments and assignments."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from provision.local.apim.expressions.errors import Thrown, is_kind_of, known_exceptions, null_reference
from provision.local.apim.expressions.library.table import base_name, find_table, table_of
from provision.local.apim.expressions.runtime.frame import Lambda
from provision.local.apim.expressions.runtime.operators import single, type_label
from provision.local.apim.expressions.runtime.values import (
    INTEGERS,
    Array,
    Char,
    Dictionary,
    EnumValue,
    Single,
    UInt16,
    number,
    wrap,
)

__all__ = [
    "EXPLICIT",
    "IMPLICIT",
    "NUMERIC",
    "cast",
    "default_of",
    "full_name",
    "full_name_of",
    "implicit",
    "invalid_cast",
    "is_instance",
    "is_value_type",
    "unbox",
    "widens",
]

NUMERIC: dict[str, type] = {name: kind for kind, (name, _, _) in INTEGERS.items()} | {
    "double": float,
    "float": Single,
    "decimal": Decimal,
    "char": Char,
}
"""The Python class of each C# number type and of char."""

_WIDER: dict[str, frozenset[str]] = {
    "sbyte": frozenset({"short", "int", "long", "float", "double", "decimal"}),
    "byte": frozenset({"short", "ushort", "int", "uint", "long", "ulong", "float", "double", "decimal"}),
    "short": frozenset({"int", "long", "float", "double", "decimal"}),
    "ushort": frozenset({"int", "uint", "long", "ulong", "float", "double", "decimal"}),
    "char": frozenset({"ushort", "int", "uint", "long", "ulong", "float", "double", "decimal"}),
    "int": frozenset({"long", "float", "double", "decimal"}),
    "uint": frozenset({"long", "ulong", "float", "double", "decimal"}),
    "long": frozenset({"float", "double", "decimal"}),
    "ulong": frozenset({"float", "double", "decimal"}),
    "float": frozenset({"double"}),
}
EXPLICIT: dict[type, Callable[[object, str], object]] = {}
"""Explicit conversions of library classes. By class: a function of a value and the target type."""
IMPLICIT: dict[str, Callable[[object], object | None]] = {}
"""Implicit conversions to library types. By type: a function that returns the converted value, or None."""

_VALUE_TYPES = frozenset({"bool", "Guid", "DateTime", "DateTimeOffset", "TimeSpan", "KeyValuePair"}) | set(NUMERIC)
_SEQUENCES = frozenset({"IEnumerable", "ICollection", "IList", "IReadOnlyList", "IReadOnlyCollection"})
_MAPPINGS = frozenset({"IDictionary", "IReadOnlyDictionary"})


def is_value_type(type_name: str) -> bool:
    """Return whether the C# type cannot be null."""
    return not type_name.endswith(("?", "]", ">")) and type_name in _VALUE_TYPES


def widens(source: str, target: str) -> bool:
    """Return whether a number of one type converts to the other without a cast."""
    return target in _WIDER.get(source, ())


def invalid_cast(value: object, target: str) -> Thrown:
    source = full_name_of(value)
    return Thrown("InvalidCastException", f"Unable to cast object of type '{source}' to type '{full_name(target)}'.")


def full_name(type_name: str) -> str:
    """Return the .NET name of a C# type, for messages."""
    table = find_table(type_name)
    return type_name if table is None else table.full_name


def full_name_of(value: object) -> str:
    table = table_of(value)
    return type_label(value) if table is None else table.full_name


def _to_integer(value: int | float | Decimal, kind: type[int]) -> int:
    name, low, high = INTEGERS[kind]
    if isinstance(value, Decimal):
        whole = int(value)
        if not low <= whole <= high:
            raise Thrown("OverflowException", f"Value was either too large or too small for a {name}.")
        return kind(whole)
    if isinstance(value, float):
        if not math.isfinite(value) or not low <= math.trunc(value) <= high:
            return kind(low)
        return kind(math.trunc(value))
    return wrap(kind, value)


def to_number(value: object, target: str) -> object:
    """Convert a number explicitly. Raises InvalidCastException if the value is no number."""
    numeric = number(value)
    kind = NUMERIC[target]
    if numeric is None:
        raise invalid_cast(value, target)
    if kind in INTEGERS:
        return _to_integer(numeric, kind)
    if kind is float:
        return float(numeric)
    if kind is Single:
        return single(float(numeric))
    if kind is Decimal:
        return _to_decimal(numeric)
    return Char(chr(_to_integer(numeric, UInt16)))


def _to_decimal(numeric: int | float | Decimal) -> Decimal:
    if not isinstance(numeric, float):
        return Decimal(numeric)
    if not abs(numeric) < 7.9e28:
        raise Thrown("OverflowException", "Value was either too large or too small for a Decimal.")
    return Decimal(f"{float(numeric):.15g}")


def unbox(value: object, target: str) -> object:
    """Cast from `object`, which does not convert numbers. Raises Thrown if the value has another type."""
    bare = target.removesuffix("?")
    if value is None:
        if is_value_type(target):
            raise null_reference()
        return None
    if bare in NUMERIC:
        if type(value) is not NUMERIC[bare]:
            raise invalid_cast(value, bare)
        return value
    value = adapted(value, bare)
    if not is_instance(value, bare):
        raise invalid_cast(value, bare)
    return value


def cast(value: object, target: str) -> object:
    """Cast a value whose static type is unknown: convert numbers and library types, and check all others."""
    bare = target.removesuffix("?")
    converter = EXPLICIT.get(type(value))
    if converter is not None and not is_instance(value, bare):
        return converter(value, target)
    if value is not None and bare in NUMERIC:
        return to_number(value, bare)
    if value is not None:
        converted = implicit(value, bare)
        if converted is not value:
            return converted
    return unbox(value, target)


def implicit(value: object, target: str) -> object:
    """Convert a value as an assignment to `target` does.

    Returns the same object if no conversion applies.
    """
    if value is None:
        return None
    bare = target.removesuffix("?")
    numeric = number(value)
    if numeric is not None and bare in NUMERIC and type(value) is not NUMERIC[bare]:
        source = type_label(value)
        return to_number(value, bare) if widens(source, bare) else value
    converter = IMPLICIT.get(bare)
    if converter is not None:
        converted = converter(value)
        return value if converted is None else converted
    return adapted(value, bare)


def adapted(value: object, target: str) -> object:
    """Return a Python datetime or timedelta, which a policy may have put into a variable, as the C# type `target`.

    Other values are returned unchanged.
    """
    if isinstance(value, (datetime, timedelta)):
        converter = IMPLICIT.get(target)
        converted = None if converter is None else converter(value)
        return value if converted is None else converted
    return value


def is_instance(value: object, target: str) -> bool:
    """Implement the `is` operator. null is not an instance of any type."""
    if value is None:
        return False
    bare = target.removesuffix("?")
    if bare in ("object", "dynamic"):
        return True
    if bare in NUMERIC:
        return type(value) is NUMERIC[bare]
    if bare == "bool":
        return isinstance(value, bool)
    if bare == "string":
        return type(value) is str
    if isinstance(value, Thrown):
        return bare in known_exceptions() and is_kind_of(value.kind, bare)
    if bare.startswith(("Func<", "Action")) or bare == "Func":
        return isinstance(value, Lambda)
    return _is_library_instance(value, bare)


def _is_library_instance(value: object, bare: str) -> bool:
    name = base_name(bare)
    if bare == "byte[]" or isinstance(value, bytes):
        return isinstance(value, bytes) and (bare == "byte[]" or name in _SEQUENCES)
    if isinstance(value, EnumValue):
        return value.type == name or name == "Enum"
    if name in _SEQUENCES:
        return isinstance(value, (list, Dictionary)) or _inherits(value, "JContainer") or _inherits(value, "Headers")
    if name in _MAPPINGS:
        return isinstance(value, Dictionary) or _inherits(value, "Headers") or _inherits(value, "Variables")
    if name == "Array":
        return type(value) is Array
    return _inherits(value, name)


def _inherits(value: object, name: str) -> bool:
    table, wanted = table_of(value), find_table(name)
    pending = [] if table is None else [table]
    while pending:
        current = pending.pop()
        if current is wanted:
            return True
        pending.extend(base for base in map(find_table, current.bases) if base is not None)
    return False


def default_of(type_name: str) -> object:
    """Return default(T): zero, false, or null."""
    if not is_value_type(type_name):
        return None
    if type_name == "bool":
        return False
    if type_name == "char":
        return Char("\0")
    if type_name in NUMERIC:
        return NUMERIC[type_name](0)
    maker = _DEFAULTS.get(type_name)
    return None if maker is None else maker()


_DEFAULTS: dict[str, Callable[[], object]] = {}


def register_default(type_name: str, maker: Callable[[], object]) -> None:
    """Register a function that makes default(T) of a library's value type."""
    _DEFAULTS[type_name] = maker
