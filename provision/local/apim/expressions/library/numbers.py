"""Registers the members of the number types (int, long, double …) and of Math."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.runtime.operators import BINARY, promoted
from provision.local.apim.expressions.runtime.text import format_value
from provision.local.apim.expressions.runtime.values import (
    INTEGERS,
    Byte,
    EnumValue,
    Int16,
    Int64,
    SByte,
    Single,
    UInt16,
    UInt32,
    UInt64,
)

__all__ = ["parse_number"]

_INTEGER = re.compile(r"\s*([+-]?)(\d{1,400})\s*$", re.ASCII)
_DECIMAL = re.compile(r"\s*[+-]?(?=[\d.])(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d*)?(?:[eE][+-]?\d{1,4})?\s*$", re.ASCII)
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf, "∞": math.inf, "-∞": -math.inf}
_FORMAT = "Input string was not in a correct format."


def parse_number(kind: type, text: str | None) -> int | float | Decimal:
    """Parse a number as int.Parse and the like do; blanks and a sign are allowed.

    Raises Thrown: FormatException for other text, OverflowException for a number that is too large.
    """
    if text is None:
        raise Thrown("ArgumentNullException", "Value cannot be null.")
    if kind in INTEGERS:
        return _parse_integer(kind, text)
    if kind is not Decimal and text.strip() in _SPECIAL:
        return float(_SPECIAL[text.strip()])
    if _DECIMAL.match(text) is None or not any(sign.isdigit() for sign in text):
        raise Thrown("FormatException", _FORMAT)
    plain = text.strip().replace(",", "")
    return Decimal(plain) if kind is Decimal else Single(plain) if kind is Single else float(plain)


def _parse_integer(kind: type[int], text: str) -> int:
    found = _INTEGER.match(text)
    if found is None:
        raise Thrown("FormatException", _FORMAT)
    value = int(found[1] + found[2])
    name, low, high = INTEGERS[kind]
    if not low <= value <= high:
        raise Thrown(
            "OverflowException", f"Value was either too large or too small for a{_ARTICLE.get(name, 'n')} {_NET[name]}."
        )
    return kind(value)


_NET = {"int": "Int32", "long": "Int64", "uint": "UInt32", "ulong": "UInt64", "short": "Int16", "ushort": "UInt16"}
_NET |= {"byte": "unsigned byte", "sbyte": "signed byte"}
_ARTICLE = {"uint": "", "ulong": "", "ushort": "", "sbyte": ""}


def _number_table(name: str, alias: str, kind: type, low: object, high: object) -> Table:
    table = Table(name, (kind,), aliases=(alias,), bases=("ValueType",), source="5.5")

    def parse(text: str | None, style: object = None, culture: object = None) -> object:
        return parse_number(kind, text)

    def try_parse(text: str | None, style: object = None, culture: object = None) -> tuple[bool, object]:
        try:
            return True, parse_number(kind, text)
        except Thrown:
            return False, kind(0)

    table.member(f"static {name} Parse(string s, object style?, object culture?)")(parse)
    table.member(f"static bool TryParse(string s, out {name} result)")(try_parse)
    table.member(f"static bool TryParse(string s, object style, object culture, out {name} result)")(try_parse)
    table.member(f"static {name} MinValue")(lambda: low)
    table.member(f"static {name} MaxValue")(lambda: high)
    table.member(f"int CompareTo({name} other)")(lambda a, b: int(a > b) - int(a < b))
    table.member("string ToString(string|object format?, object culture?)")(
        lambda value, pattern=None, culture=None: format_value(value, pattern if isinstance(pattern, str) else None)
    )
    return table


for _name, _alias, _kind in (
    ("int", "Int32", int), ("long", "Int64", Int64), ("uint", "UInt32", UInt32), ("ulong", "UInt64", UInt64),
    ("short", "Int16", Int16), ("ushort", "UInt16", UInt16), ("byte", "Byte", Byte), ("sbyte", "SByte", SByte),
):  # fmt: skip
    _, _low, _high = INTEGERS[_kind]
    _number_table(_name, _alias, _kind, _kind(_low), _kind(_high))
DOUBLE = _number_table("double", "Double", float, -1.7976931348623157e308, 1.7976931348623157e308)
SINGLE = _number_table("float", "Single", Single, Single(-3.4028234663852886e38), Single(3.4028234663852886e38))
DECIMAL = _number_table(
    "decimal", "Decimal", Decimal, Decimal(-79228162514264337593543950335), Decimal(79228162514264337593543950335)
)


@DOUBLE.member("static bool IsNaN(double d)")
def is_nan(value: float) -> bool:
    return math.isnan(value)


@DOUBLE.member("static bool IsInfinity(double d)")
def is_infinity(value: float) -> bool:
    return math.isinf(value)


DOUBLE.member("static double NaN")(lambda: math.nan)
DOUBLE.member("static double PositiveInfinity")(lambda: math.inf)
DOUBLE.member("static double NegativeInfinity")(lambda: -math.inf)
DOUBLE.member("static double Epsilon")(lambda: 5e-324)

MATH = Table("Math", bases=("object",), source="5.6")
_ORDERED = ("int", "long", "double", "decimal", "float", "uint", "ulong", "byte", "short")


def _choose(sign: str) -> Callable[[object, object], object]:
    def choose(a: object, b: object) -> object:
        kind = promoted(a, b)
        chosen = a if BINARY[sign](a, b) else b
        if isinstance(a, float) and math.isnan(a):
            chosen = a
        return chosen if kind is None or type(chosen) is kind else kind(chosen)

    return choose


for _one in _ORDERED:
    MATH.member(f"static {_one} Max({_one} a, {_one} b)", source="5.5")(_choose(">="))
    MATH.member(f"static {_one} Min({_one} a, {_one} b)")(_choose("<="))


def absolute(value: object) -> object:
    if isinstance(value, int) and type(value) in INTEGERS:
        if value == INTEGERS[type(value)][1] and value < 0:
            raise Thrown("OverflowException", "Negating the minimum value of a twos complement number is invalid.")
        return type(value)(abs(value))
    if isinstance(value, float):
        return type(value)(abs(value))
    return abs(value) if isinstance(value, Decimal) else value


for _one in ("int", "long", "double", "decimal", "float", "short"):
    MATH.member(f"static {_one} Abs({_one} value)")(absolute)


def _rounded(value: float | Decimal, digits: int, mode: object) -> float | Decimal:
    away = isinstance(mode, EnumValue) and mode.value == 1
    if isinstance(value, float) and not math.isfinite(value):
        return value
    if not 0 <= digits <= (15 if isinstance(value, float) else 28):
        raise Thrown("ArgumentOutOfRangeException", "Rounding digits must be between 0 and 15, inclusive.")
    if isinstance(value, float) and (abs(value) > 1e15 or (digits == 0 and not away)):
        return value if abs(value) > 1e15 else float(round(value))
    exact = Decimal(repr(float(value))) if isinstance(value, float) else value
    result = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP if away else ROUND_HALF_EVEN, Context(prec=60))
    return float(result) if isinstance(value, float) else result


@MATH.member("static double Round(double value, int|MidpointRounding digits?, MidpointRounding mode?)", source="5.5")
@MATH.member("static decimal Round(decimal value, int|MidpointRounding digits?, MidpointRounding mode?)")
def round_(value: float | Decimal, digits: object = None, mode: object = None) -> float | Decimal:
    """Round, by default half to even. With two arguments, the second may be the mode instead of the digits."""
    return _rounded(value, digits if isinstance(digits, int) else 0, mode or digits)


def _whole(function: Callable[..., int]) -> Callable[[object], object]:
    def apply(value: object) -> object:
        if isinstance(value, Decimal):
            return Decimal(function(value))
        if isinstance(value, float) and math.isfinite(value):
            return float(function(value))
        return value

    return apply


for _label, _function in (("Floor", math.floor), ("Ceiling", math.ceil), ("Truncate", math.trunc)):
    MATH.member(f"static double {_label}(double value)")(_whole(_function))
    MATH.member(f"static decimal {_label}(decimal value)")(_whole(_function))


@MATH.member("static double Pow(double x, double y)")
def power(x: float, y: float) -> float:
    try:
        result = float(x) ** float(y)
    except ZeroDivisionError:
        return math.inf
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    return result if isinstance(result, float) else math.nan


@MATH.member("static double Sqrt(double value)")
def square_root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


@MATH.member("static double Log(double value, double newBase?)")
def logarithm(value: float, base: float | None = None) -> float:
    if value != value or value < 0:
        return math.nan
    if value == 0:
        return -math.inf
    natural = math.inf if math.isinf(value) else math.log(value)
    if base is None:
        return natural
    if base <= 0 or base == 1:
        return math.nan
    return natural / math.log(base)


@MATH.member("static double Log10(double value)")
def logarithm_10(value: float) -> float:
    return math.log10(value) if value > 0 and math.isfinite(value) else logarithm(value)


@MATH.member("static double Exp(double value)")
def exponential(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


@MATH.member("static int Sign(double|decimal value)")
def sign_of(value: float) -> int:
    if value != value:
        raise Thrown("ArithmeticException", "Function does not accept floating point Not-a-Number values.")
    return (value > 0) - (value < 0)


MATH.member("static double PI")(lambda: math.pi)
MATH.member("static double E")(lambda: math.e)
