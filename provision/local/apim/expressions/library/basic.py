"""Registers the members of object, bool, exceptions, Guid, Random, enumerations and anonymous types."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4
from zlib import crc32

from provision.local.apim.expressions.errors import EvaluationError, Thrown, known_exceptions
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.runtime.casts import (
    EXPLICIT,
    NUMERIC,
    full_name_of,
    invalid_cast,
    register_default,
    to_number,
)
from provision.local.apim.expressions.runtime.operators import equals, promoted
from provision.local.apim.expressions.runtime.text import FORMATTERS, format_value, guid_text, to_text
from provision.local.apim.expressions.runtime.values import (
    INTEGERS,
    Anonymous,
    EnumValue,
    TypeValue,
    wrap,
)

__all__ = ["enumeration", "hash_code", "object_equals"]

OBJECT = Table("object", aliases=("Object",), source="5.5")
VALUE_TYPE = Table("ValueType", bases=("object",), source="5.5")


@OBJECT.member("string ToString()")
def to_string(value: object) -> str:
    return to_text(value)


@OBJECT.member("bool Equals(object other)")
def object_equals(value: object, other: object) -> bool:
    """Implement object.Equals: as `==`, except that a number equals only numbers of its own type."""
    if promoted(value, 0) is not None:
        return type(value) is type(other) and equals(value, other)
    return equals(value, other)


@OBJECT.member("static bool Equals(object a, object b)")
def both_equal(a: object, b: object) -> bool:
    return a is b if a is None else object_equals(a, b)


@OBJECT.member("int GetHashCode()")
def hash_code(value: object) -> int:
    """Return a number that is the same for equal values. .NET's differs: for text it is random in each process."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, UUID):
        parts = [int.from_bytes(value.bytes_le[start : start + 4], "little") for start in (0, 4, 8, 12)]
        return wrap(int, parts[0] ^ parts[1] ^ parts[2] ^ parts[3])
    if type(value) in INTEGERS and isinstance(value, int):
        return wrap(int, value ^ (value >> 32))
    return wrap(int, crc32(to_text(value).encode("utf-8", "surrogatepass")))


@OBJECT.member("Type GetType()")
def get_type(value: object) -> TypeValue:
    return TypeValue(f"System.{value.kind}" if isinstance(value, Thrown) else full_name_of(value))


TYPE = Table("Type", (TypeValue,), bases=("object",))


@TYPE.member("string Name")
def type_name(value: TypeValue) -> str:
    return value.name.rpartition(".")[2]


@TYPE.member("string FullName")
def type_full_name(value: TypeValue) -> str:
    return value.name


BOOL = Table("bool", (bool,), aliases=("Boolean",), bases=("ValueType",), source="5.5")


@BOOL.member("static bool Parse(string value)")
def parse_bool(value: str | None) -> bool:
    if value is None:
        raise Thrown("ArgumentNullException", "Value cannot be null.")
    text = value.strip().lower()
    if text not in ("true", "false"):
        raise Thrown("FormatException", "String was not recognized as a valid Boolean.")
    return text == "true"


@BOOL.member("static bool TryParse(string value, out bool result)")
def try_parse_bool(value: str | None) -> tuple[bool, bool]:
    text = (value or "").strip().lower()
    return text in ("true", "false"), text == "true"


@BOOL.member("int CompareTo(bool other)")
def compare_bool(value: bool, other: bool) -> int:
    return value - other


@BOOL.member("static string TrueString")
def true_string() -> str:
    return "True"


@BOOL.member("static string FalseString")
def false_string() -> str:
    return "False"


EXCEPTION = Table("Exception", (Thrown,), bases=("object",), source="5.7")


@EXCEPTION.member("string Message")
def exception_message(value: Thrown) -> str:
    return value.message


@EXCEPTION.member("Exception InnerException")
def inner_exception(value: Thrown) -> Thrown | None:
    return value.inner


@EXCEPTION.member("string StackTrace")
def stack_trace(value: Thrown) -> str:
    return "   at Microsoft.WindowsAzure.ApiManagement.Proxy.Runtime.Configuration.GeneratedExpressions"


FORMATTERS[Thrown] = lambda value, pattern: f"System.{value.kind}: {value.message}"
for _kind in known_exceptions()[1:]:
    Table(_kind, bases=("Exception",), source="5.7")


GUID = Table("Guid", (UUID,), bases=("ValueType",))
register_default("Guid", lambda: UUID(int=0))


@GUID.member("static Guid NewGuid()", source="5.5")
def new_guid() -> UUID:
    return uuid4()


@GUID.member("static Guid Empty")
def empty_guid() -> UUID:
    return UUID(int=0)


@GUID.member("static Guid Parse(string value)")
@GUID.member("new(string value)")
def parse_guid(value: str | None) -> UUID:
    found, guid = try_parse_guid(value)
    if not found:
        raise Thrown("FormatException", "Unrecognized Guid format.")
    return guid


@GUID.member("static bool TryParse(string value, out Guid result)")
def try_parse_guid(value: str | None) -> tuple[bool, UUID]:
    text = (value or "").strip()
    if len(text) == 38 and text[0] + text[-1] in ("{}", "()"):
        text = text[1:-1]
    plain = text.replace("-", "") if [len(part) for part in text.split("-")] == [8, 4, 4, 4, 12] else text
    try:
        return (True, UUID(hex=plain)) if len(plain) == 32 else (False, UUID(int=0))
    except ValueError:
        return False, UUID(int=0)


@GUID.member("string ToString(string format?)")
def guid_to_string(value: UUID, pattern: str | None = None) -> str:
    return guid_text(value, pattern)


@GUID.member("byte[] ToByteArray()")
def guid_bytes(value: UUID) -> bytes:
    return value.bytes_le


RANDOM = Table("Random", (random.Random,), bases=("object",))


@RANDOM.member("new(int seed?)")
def new_random(seed: int | None = None) -> random.Random:
    return random.Random() if seed is None else random.Random(seed)  # noqa: S311  # C#'s Random is no secret either


@RANDOM.member("int Next(int minimum?, int maximum?)", source="5.5")
def next_int(value: random.Random, first: int | None = None, second: int | None = None) -> int:
    low, high = (0, 2**31 - 1) if first is None else (0, first) if second is None else (first, second)
    if low > high:
        raise Thrown("ArgumentOutOfRangeException", "'minValue' cannot be greater than maxValue.")
    return low if low == high else value.randrange(low, high)


@RANDOM.member("double NextDouble()", source="5.5")
def next_double(value: random.Random) -> float:
    return value.random()


ENUM = Table("Enum", (EnumValue,), bases=("ValueType",))


def _enum_number(value: Any, target: str) -> object:
    if target.removesuffix("?") not in NUMERIC:
        raise invalid_cast(value, target)
    return to_number(value.value, target.removesuffix("?"))


EXPLICIT[EnumValue] = _enum_number


@ENUM.member("string ToString(string format?)")
def enum_text(value: EnumValue, pattern: str | None = None) -> str:
    return str(value.value) if pattern in ("D", "d") else value.name


def _always(value: EnumValue) -> Callable[[], EnumValue]:
    return lambda: value


def enumeration(name: str, members: dict[str, int], namespace: str = "System") -> None:
    """Register a C# enumeration and its members."""
    table = Table(name, namespace=namespace, bases=("Enum",))
    for member, value in members.items():
        table.member(f"static {name} {member}")(_always(EnumValue(name, member, value)))


enumeration(
    "StringComparison",
    {
        "CurrentCulture": 0,
        "CurrentCultureIgnoreCase": 1,
        "InvariantCulture": 2,
        "InvariantCultureIgnoreCase": 3,
        "Ordinal": 4,
        "OrdinalIgnoreCase": 5,
    },
)
enumeration(
    "StringComparer",
    {
        "CurrentCulture": 0,
        "CurrentCultureIgnoreCase": 1,
        "InvariantCulture": 2,
        "InvariantCultureIgnoreCase": 3,
        "Ordinal": 4,
        "OrdinalIgnoreCase": 5,
    },
)
enumeration("StringSplitOptions", {"None": 0, "RemoveEmptyEntries": 1, "TrimEntries": 2})
enumeration(
    "DayOfWeek",
    {day: n for n, day in enumerate(["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"])},
)
enumeration("MidpointRounding", {"ToEven": 0, "AwayFromZero": 1})

ANONYMOUS = Table("AnonymousType", (Anonymous,), bases=("object",), source="5.7")


@ANONYMOUS.member("dynamic this[string name]")
def anonymous_member(value: Anonymous, name: str) -> object:
    if name not in value.members:
        raise EvaluationError(f"The anonymous type does not contain a definition for '{name}'", "MissingMember")
    return value.members[name]


ANONYMOUS.members["*"] = ANONYMOUS.members.pop("[]")


@VALUE_TYPE.member("string ToString(string format?)")
def formatted(value: object, pattern: str | None = None) -> str:
    return format_value(value, pattern)
