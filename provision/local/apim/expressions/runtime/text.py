"""Converts values to text as ToString() and format strings do in the invariant culture."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from uuid import UUID

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.limits import checked_length
from provision.local.apim.expressions.runtime.values import (
    INTEGERS,
    Anonymous,
    Array,
    Dictionary,
    EnumValue,
    KeyValuePair,
    Single,
    TypeValue,
    number,
)

__all__ = ["FORMATTERS", "NEWLINE", "composite", "double_text", "format_value", "to_text"]

NEWLINE = "\r\n"
"""Environment.NewLine of the managed gateway, which runs on Windows."""

FORMATTERS: dict[type, Callable[..., str]] = {}
"""Functions that return the text of the library's own classes, of a value and a format (None: no format)."""


def to_text(value: object) -> str:
    """Return the text of C#'s ToString() in the invariant culture. For null it is empty."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return double_text(value)
    formatter = FORMATTERS.get(type(value))
    return type(value).__name__ if formatter is None else formatter(value, None)


def double_text(value: float) -> str:
    """Return the shortest text that reads back as the same double or float, as .NET writes it."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    digits = _shortest_single(value) if isinstance(value, Single) else repr(float(value))
    sign, number_, exponent = Decimal(digits).as_tuple()
    if not isinstance(exponent, int):
        return digits
    text = "".join(map(str, number_)).rstrip("0") or "0"
    scale = len(number_) + exponent - 1
    prefix = "-" if sign else ""
    if text == "0":
        return prefix + "0"
    if -5 < scale < 15:
        return prefix + _plain(text, scale)
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{prefix}{mantissa}E{'+' if scale >= 0 else '-'}{abs(scale):02d}"


def _shortest_single(value: float) -> str:
    for precision in range(6, 10):
        text = f"{float(value):.{precision}g}"
        if struct.pack("<f", float(text)) == struct.pack("<f", value):
            return text
    return repr(float(value))


def _plain(digits: str, scale: int) -> str:
    if scale < 0:
        return "0." + "0" * (-scale - 1) + digits
    if len(digits) <= scale + 1:
        return digits + "0" * (scale + 1 - len(digits))
    return f"{digits[: scale + 1]}.{digits[scale + 1 :]}"


def format_value(value: object, pattern: str | None) -> str:
    """Return the value in a C# format (`D2`, `0.00`, `yyyy-MM-dd`). Raises FormatException for an unknown format."""
    if pattern is None or pattern == "":
        return to_text(value)
    if isinstance(value, (bool, str)) or value is None:
        return to_text(value)
    numeric = number(value)
    if numeric is not None:
        return _format_number(value, numeric, pattern)
    formatter = FORMATTERS.get(type(value))
    return to_text(value) if formatter is None else formatter(value, pattern)


_STANDARD = re.compile(r"([A-Za-z])(\d{0,9})$")


def _format_number(value: object, numeric: int | float | Decimal, pattern: str) -> str:
    found = _STANDARD.match(pattern)
    if found is None:
        return _custom(numeric, pattern)
    letter, digits = found[1], int(found[2]) if found[2] else None
    checked_length(digits or 0, 10_000)
    if isinstance(numeric, float) and (numeric != numeric or numeric in (float("inf"), float("-inf"))):
        return double_text(numeric)
    formatter = _NUMBER_FORMATS.get(letter.upper())
    if formatter is None:
        raise Thrown("FormatException", "Format specifier was invalid.")
    text = formatter(numeric, digits, value)
    return text.lower() if letter.islower() and letter.upper() in "XEG" else text


def _fixed(numeric: int | float | Decimal, digits: int, group: bool = False) -> str:
    exact = Decimal(numeric).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, Context(prec=400 + digits))
    text = f"{exact:,f}" if group else f"{exact:f}"
    return text.removeprefix("-") if not exact else text


def _decimal_digits(numeric: int | float | Decimal, digits: int | None, value: object) -> str:
    if not isinstance(numeric, int):
        raise Thrown("FormatException", "Format specifier was invalid.")
    return ("-" if numeric < 0 else "") + str(abs(int(numeric))).rjust(digits or 1, "0")


def _hexadecimal(numeric: int | float | Decimal, digits: int | None, value: object) -> str:
    if not isinstance(numeric, int):
        raise Thrown("FormatException", "Format specifier was invalid.")
    _, low, high = INTEGERS.get(type(value), INTEGERS[int])
    return f"{int(numeric) & (high - low):X}".rjust(digits or 1, "0")


def _scientific(numeric: int | float | Decimal, digits: int | None, value: object) -> str:
    mantissa, exponent = f"{Decimal(numeric):.{6 if digits is None else digits}E}".split("E")
    return f"{mantissa}E{exponent[0]}{exponent[1:].rjust(3, '0')}"


def _general(numeric: int | float | Decimal, digits: int | None, value: object) -> str:
    if not digits or isinstance(numeric, int):
        return to_text(value)
    rounded = Context(prec=digits, rounding=ROUND_HALF_EVEN).create_decimal(Decimal(numeric))
    return double_text(float(rounded))


_NUMBER_FORMATS: dict[str, Callable[[int | float | Decimal, int | None, object], str]] = {
    "D": _decimal_digits,
    "X": _hexadecimal,
    "E": _scientific,
    "G": _general,
    "R": lambda numeric, digits, value: to_text(value),
    "F": lambda numeric, digits, value: _fixed(numeric, 2 if digits is None else digits),
    "N": lambda numeric, digits, value: _fixed(numeric, 2 if digits is None else digits, group=True),
    "C": lambda numeric, digits, value: "¤" + _fixed(numeric, 2 if digits is None else digits, group=True),
    "P": lambda numeric, digits, value: (
        _fixed(Decimal(numeric) * 100, 2 if digits is None else digits, group=True) + " %"
    ),
}


_PLACES = re.compile(r"[0#.,]*[0#][0#.,]*")


def _custom(numeric: int | float | Decimal, pattern: str) -> str:
    """Format a number with a custom format: `0`, `#`, `.`, `,`, `%`, text around them, and sections between `;`."""
    sections = pattern.split(";")
    exact = Decimal(numeric) if not isinstance(numeric, float) else Decimal(repr(float(numeric)))
    if len(sections) > 1 and exact < 0:
        sections, exact = [sections[1]], -exact
    elif len(sections) > 2 and exact == 0:
        sections = [sections[2]]
    section = sections[0]
    places = _PLACES.search(section)
    if places is None:
        return _literal(section)
    if "%" in section:
        exact *= 100
    whole, _, fraction = places[0].partition(".")
    digits = len(fraction.replace(",", ""))
    text = _fixed(exact, digits, group="," in whole)
    negative, text = text.startswith("-"), text.removeprefix("-")
    integer, _, tail = text.partition(".")
    least = whole.replace(",", "").count("0")
    integer = ("" if integer == "0" and least == 0 else integer).rjust(least, "0")
    tail = tail[: _needed(tail, fraction)]
    body = integer + ("." + tail if tail else "")
    return ("-" if negative else "") + _literal(section[: places.start()]) + body + _literal(section[places.end() :])


def _needed(tail: str, fraction: str) -> int:
    """Return the number of decimals to print: at least those for which the format has `0`.

    Those for which it has `#` are printed up to the last that is not zero.
    """
    return max(fraction.rfind("0") + 1, len(tail.rstrip("0")))


def _literal(text: str) -> str:
    return text.replace("'", "").replace('"', "").replace("\\", "")


_ITEM = re.compile(r"\{\{|\}\}|\{(\d{1,4})(?:\s*,\s*(-?\d{1,9}))?\s*(?::([^{}]*))?\}|[{}]")


def composite(template: str, values: list[object]) -> str:
    """Implement string.Format: `{0}`, `{0,10}`, `{0:F2}`. Raises FormatException for a bad template or index."""

    def one(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise Thrown("FormatException", "Input string was not in a correct format.")
        index = int(found[1])
        if index >= len(values):
            raise Thrown(
                "FormatException",
                "Index (zero based) must be greater than or equal to zero and less than the size of the argument list.",
            )
        return aligned(format_value(values[index], found[3]), int(found[2] or 0))

    return _ITEM.sub(one, template)


def aligned(text: str, width: int) -> str:
    """Pad the text to a width: on the left, or on the right if the width is negative."""
    checked_length(abs(width))
    return text.rjust(width) if width >= 0 else text.ljust(-width)


def _decimal_text(value: Decimal, pattern: str | None) -> str:
    return f"{value:f}"


FORMATTERS.update(
    {
        Decimal: _decimal_text,
        UUID: lambda value, pattern: guid_text(value, pattern),
        bytes: lambda value, pattern: "System.Byte[]",
        Array: lambda value, pattern: "System.Object[]",
        list: lambda value, pattern: "System.Collections.Generic.List`1[System.Object]",
        Dictionary: lambda value, pattern: "System.Collections.Generic.Dictionary`2[System.String,System.Object]",
        KeyValuePair: lambda value, pattern: f"[{to_text(value.key)}, {to_text(value.value)}]",
        EnumValue: lambda value, pattern: value.name,
        TypeValue: lambda value, pattern: value.name,
        Anonymous: lambda value, pattern: (
            "{ " + ", ".join(f"{name} = {to_text(one)}" for name, one in value.members.items()) + " }"
        ),
    }
)


def guid_text(value: UUID, pattern: str | None) -> str:
    """Implement Guid.ToString with the formats D (the default), N, B and P."""
    letter = (pattern or "D").upper()
    if letter not in ("D", "N", "B", "P"):
        raise Thrown("FormatException", 'Format string can be only "D", "d", "N", "n", "P", "p", "B" or "b".')
    text = value.hex if letter == "N" else str(value)
    return {"B": f"{{{text}}}", "P": f"({text})"}.get(letter, text)
