"""Implements DateTime.ParseExact by converting the format to a regular expression."""

from __future__ import annotations

import re

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.times import TOKENS, from_parts

__all__ = ["parse_exact"]

_PATTERNS = {
    "yyyy": r"(?P<year>\d{4})",
    "yy": r"(?P<short>\d{2})",
    "MMM": r"(?P<name>[A-Za-z]{3})",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "dd": r"(?P<day>\d{2})",
    "d": r"(?P<day>\d{1,2})",
    "ddd": r"[A-Za-z]{3}",
    "dddd": r"[A-Za-z]{6,9}",
    "HH": r"(?P<hour>\d{2})",
    "H": r"(?P<hour>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "m": r"(?P<minute>\d{1,2})",
    "ss": r"(?P<second>\d{2})",
    "s": r"(?P<second>\d{1,2})",
    "K": r"(?P<zone>Z|[+-]\d\d:\d\d)?",
    "zzz": r"(?P<zone>[+-]\d\d:\d\d)",
}
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_STANDARD = {
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "d": "MM/dd/yyyy",
}


def _pattern(found: re.Match[str]) -> str:
    literal = next((group for group in found.groups() if group is not None), None)
    text = found[0]
    if literal is not None or text == "%":
        return re.escape(literal or "")
    if text[0] in "fF":
        return rf"(?P<fraction>\d{{{len(text) if text[0] == 'f' else '0,' + str(len(text))}}})"
    return _PATTERNS.get(text, re.escape(text))


def parse_exact(text: str, pattern: str) -> tuple[int, int | None] | None:
    """Parse a date in exactly this format. Returns the same as `parse_moment`; None if the text does not match."""
    chosen = _STANDARD.get(pattern.lower() if pattern in ("O", "R") else pattern, pattern)
    try:
        found = re.fullmatch("".join(map(_pattern, TOKENS.finditer(chosen))), text, re.ASCII)
    except re.error as failure:
        raise Thrown("FormatException", "Input string was not in a correct format.") from failure
    return None if found is None else _moment(found.groupdict())


def _moment(fields: dict[str, str | None]) -> tuple[int, int | None] | None:
    month = int(fields.get("month") or 1)
    name = fields.get("name")
    if name is not None:
        month = _NAMES.index(name.lower()) + 1 if name.lower() in _NAMES else 13
    short = fields.get("short")
    year = int(fields.get("year") or 1) if short is None else (2000 if int(short) < 50 else 1900) + int(short)
    day, hour, minute, second = (int(fields.get(name) or fallback) for name, fallback in _FALLBACKS)
    try:
        ticks = from_parts(year, month, day, hour, minute, second)
    except Thrown:
        return None
    return ticks + int((fields.get("fraction") or "0").ljust(7, "0")), _zone(fields.get("zone"))


_FALLBACKS = (("day", 1), ("hour", 0), ("minute", 0), ("second", 0))


def _zone(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    ticks = (int(text[1:3]) * 60 + int(text[4:6])) * 600_000_000
    return ticks if text[0] == "+" else -ticks
