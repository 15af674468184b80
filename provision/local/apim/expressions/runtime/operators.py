"""Implements the C# operators: promotion of numbers, overflow, null and text."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation
from uuid import UUID

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.limits import checked_length
from provision.local.apim.expressions.runtime.text import to_text
from provision.local.apim.expressions.runtime.values import (
    INTEGERS,
    Byte,
    Char,
    EnumValue,
    Int16,
    Int64,
    SByte,
    Single,
    UInt16,
    UInt32,
    UInt64,
    wrap,
)

__all__ = ["BINARY", "OVERLOADS", "add", "complement", "equals", "incremented", "negate", "not_", "promoted"]

_LOW, _HIGH = -(2**31), 2**31 - 1
DECIMALS = Context(prec=29)

OVERLOADS: dict[tuple[str, type, type], Callable[..., object]] = {}
"""Operators of library classes: functions by operator, left class and right class."""

_RANKS: dict[type, int] = {
    int: 0, Char: 0, Byte: 0, SByte: 0, Int16: 0, UInt16: 0, UInt32: 1, Int64: 2, UInt64: 3, Single: 4, float: 5,
    Decimal: 6,
}  # fmt: skip
_KINDS: tuple[type, ...] = (int, UInt32, Int64, UInt64, Single, float, Decimal)
_SIGNED = (int, SByte, Int16, Int64)


def promoted(a: object, b: object) -> type | None:
    """Return the type to which C# converts both operands of a binary operator, or None if it converts none.

    It converts only numbers, and not a decimal and a float or double.
    """
    first, second = _RANKS.get(type(a)), _RANKS.get(type(b))
    if first is None or second is None:
        return None
    rank = max(first, second)
    if rank == 6 and 4 <= min(first, second) <= 5:
        return None
    if rank == 1 and (type(a) in _SIGNED or type(b) in _SIGNED):
        return Int64
    return _KINDS[rank]


def _pure(value: object) -> int | float | Decimal:
    if isinstance(value, Char):
        return ord(value)
    if isinstance(value, (int, float, Decimal)):
        return value
    raise TypeError("not a number")


def _wrong(operator: str, a: object, b: object) -> Thrown:
    names = f"'{type_label(a)}' and '{type_label(b)}'"
    return Thrown("InvalidCastException", f"Operator '{operator}' cannot be applied to operands of type {names}")


def type_label(value: object) -> str:
    """Return the C# name of a value's type, for messages."""
    if value is None:
        return "<null>"
    if isinstance(value, bool):
        return "bool"
    named = {str: "string", Char: "char", float: "double", Single: "float", Decimal: "decimal", bytes: "byte[]"}
    found = INTEGERS.get(type(value))
    return found[0] if found is not None else named.get(type(value), type(value).__name__)


def _overloaded(operator: str, a: object, b: object) -> object:
    found = OVERLOADS.get((operator, type(a), type(b)))
    if found is not None:
        return found(a, b)
    if a is None or b is None:
        return None
    raise _wrong(operator, a, b)


def _result(kind: type, value: int | float | Decimal) -> object:
    if kind is float:
        return float(value)
    if kind is Single:
        return single(float(value))
    if kind is Decimal:
        return value
    return wrap(kind, int(value))


def single(value: float) -> Single:
    """Return the double rounded to a float."""
    return Single(ctypes.c_float(value).value)


def add(a: object, b: object) -> object:
    if type(a) is int and type(b) is int:
        total = a + b
        return total if _LOW <= total <= _HIGH else wrap(int, total)
    if type(a) is str or type(b) is str:
        found = OVERLOADS.get(("+", type(a), type(b)))
        return concat(a, b) if found is None else found(a, b)
    kind = promoted(a, b)
    if kind is None:
        return _overloaded("+", a, b)
    if kind is Decimal:
        return _decimal("+", Decimal(_pure(a)), Decimal(_pure(b)))
    return _result(kind, _pure(a) + _pure(b))  # type: ignore[operator]  # decimals have been handled above


def concat(a: object, b: object) -> str:
    """Concatenate two values as strings. null is an empty string."""
    text = (a if type(a) is str else to_text(a)) + (b if type(b) is str else to_text(b))
    if len(text) > 4096:
        checked_length(len(text))
    return text


def _arithmetic(operator: str, compute: Callable[..., int | float]) -> Callable[[object, object], object]:
    def apply(a: object, b: object) -> object:
        kind = promoted(a, b)
        if kind is None:
            return _overloaded(operator, a, b)
        if kind is Decimal:
            return _decimal(operator, Decimal(_pure(a)), Decimal(_pure(b)))
        return _result(kind, compute(_pure(a), _pure(b)))

    return apply


_DECIMAL_OPERATIONS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": DECIMALS.add,
    "-": DECIMALS.subtract,
    "*": DECIMALS.multiply,
    "/": DECIMALS.divide,
    "%": DECIMALS.remainder,
}


def _decimal(operator: str, a: Decimal, b: Decimal) -> Decimal:
    try:
        result = _DECIMAL_OPERATIONS[operator](a, b)
    except (DivisionByZero, InvalidOperation) as failure:
        raise Thrown("DivideByZeroException", "Attempted to divide by zero.") from failure
    if abs(result) > Decimal("79228162514264337593543950335"):
        raise Thrown("OverflowException", "Value was either too large or too small for a Decimal.")
    return result


def _divide(a: int | float, b: int | float) -> int | float:
    if isinstance(a, float) or isinstance(b, float):
        return _float_divide(float(a), float(b))
    if b == 0:
        raise Thrown("DivideByZeroException", "Attempted to divide by zero.")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _float_divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    if a == 0 or a != a:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _remainder(a: int | float, b: int | float) -> int | float:
    if isinstance(a, float) or isinstance(b, float):
        if b == 0 or math.isinf(a) or a != a or b != b:
            return math.nan
        return math.fmod(a, b)
    if b == 0:
        raise Thrown("DivideByZeroException", "Attempted to divide by zero.")
    return a - b * int(_divide(a, b))


def _multiply(a: int | float, b: int | float) -> int | float:
    return a * b


def _comparison(operator: str, test: Callable[..., bool]) -> Callable[[object, object], object]:
    def apply(a: object, b: object) -> object:
        if type(a) is int and type(b) is int:
            return test(a, b)
        if promoted(a, b) is not None:
            return test(_pure(a), _pure(b))
        if a is None or b is None:
            return False
        return bool(_overloaded(operator, a, b))

    return apply


_BY_VALUE = (str, bool, UUID, EnumValue)


def equals(a: object, b: object) -> bool:
    """Implement `==`: compare text, numbers and value types by value, and everything else by reference."""
    if type(a) is str and type(b) is str:
        return a == b
    if a is None or b is None:
        return a is b
    if promoted(a, b) is not None:
        return _pure(a) == _pure(b)
    if type(a) is type(b) and isinstance(a, _BY_VALUE):
        return a == b
    found = OVERLOADS.get(("==", type(a), type(b)))
    return bool(found(a, b)) if found is not None else a is b


def _logical(operator: str, compute: Callable[..., int]) -> Callable[[object, object], object]:
    def apply(a: object, b: object) -> object:
        if isinstance(a, bool) and isinstance(b, bool):
            return bool(compute(a, b))
        if isinstance(a, EnumValue) and isinstance(b, EnumValue) and a.type == b.type:
            return EnumValue(a.type, f"{a.name}, {b.name}", compute(a.value, b.value))
        kind = promoted(a, b)
        if kind is None or kind not in INTEGERS:
            return _overloaded(operator, a, b)
        return wrap(kind, compute(int(_pure(a)), int(_pure(b))))

    return apply


def _shift(left: bool) -> Callable[[object, object], object]:
    def apply(a: object, b: object) -> object:
        kind = promoted(a, 0)
        if kind not in INTEGERS or type(b) is not int:
            raise _wrong("<<" if left else ">>", a, b)
        wide = kind in (Int64, UInt64)
        count = b & (63 if wide else 31)
        return wrap(kind, int(_pure(a)) << count if left else int(_pure(a)) >> count)

    return apply


def negate(value: object) -> object:
    kind = promoted(value, 0)
    if kind is None:
        found = OVERLOADS.get(("-", type(value), type(None)))
        if found is not None:
            return found(value, None)
        if value is None:
            return None
        raise _wrong("-", value, value)
    if kind is UInt32:
        kind = Int64
    return _result(kind, -_pure(value))


def complement(value: object) -> object:
    kind = promoted(value, 0)
    if kind is None or kind not in INTEGERS:
        raise _wrong("~", value, value)
    return wrap(kind, ~int(_pure(value)))


def not_(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("!", value, value)
    return not value


def incremented(value: object, by: int) -> object:
    """Return a number plus `by`, in the number's own type."""
    if isinstance(value, Char):
        return Char(chr((ord(value) + by) % 0x110000))
    if isinstance(value, int) and type(value) in INTEGERS:
        return wrap(type(value), value + by)
    return add(value, by)


def _not_equals(a: object, b: object) -> bool:
    return not equals(a, b)


BINARY: dict[str, Callable[[object, object], object]] = {
    "+": add,
    "-": _arithmetic("-", lambda a, b: a - b),
    "*": _arithmetic("*", _multiply),
    "/": _arithmetic("/", _divide),
    "%": _arithmetic("%", _remainder),
    "<": _comparison("<", lambda a, b: a < b),
    ">": _comparison(">", lambda a, b: a > b),
    "<=": _comparison("<=", lambda a, b: a <= b),
    ">=": _comparison(">=", lambda a, b: a >= b),
    "==": equals,
    "!=": _not_equals,
    "&": _logical("&", lambda a, b: a & b),
    "|": _logical("|", lambda a, b: a | b),
    "^": _logical("^", lambda a, b: a ^ b),
    "<<": _shift(True),
    ">>": _shift(False),
}
"""Binary operators by sign, without `&&`, `||` and `??`, which may not evaluate their right operand."""
