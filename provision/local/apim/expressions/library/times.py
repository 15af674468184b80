"""Defines the values of DateTime, DateTimeOffset and TimeSpan, and parses and formats them in the invariant culture.

They count ticks of 100 ns. The ticks of a date are those since the start of year 1.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from provision.local.apim.expressions.errors import Thrown

__all__ = ["SECOND", "DateTime", "DateTimeOffset", "TimeSpan", "now_ticks", "parse_moment", "span_from", "to_python"]

SECOND = 10_000_000
DAY = 86_400 * SECOND
UNIX_EPOCH = 621_355_968_000_000_000
MAX_TICKS = 3_155_378_975_999_999_999
UNSPECIFIED, UTC_KIND, LOCAL = 0, 1, 2


@dataclass(slots=True, frozen=True, order=True)
class TimeSpan:
    ticks: int

    def __post_init__(self) -> None:
        if not -(2**63) <= self.ticks < 2**63:
            raise Thrown("OverflowException", "TimeSpan overflowed because the duration is too long.")


@dataclass(slots=True, frozen=True)
class DateTime:
    """A date and time. `kind` is 0 unspecified, 1 UTC, or 2 local, which is UTC on the gateway."""

    ticks: int
    kind: int = UNSPECIFIED

    def __post_init__(self) -> None:
        if not 0 <= self.ticks <= MAX_TICKS:
            raise Thrown(
                "ArgumentOutOfRangeException", "The added or subtracted value results in an un-representable DateTime."
            )


@dataclass(slots=True, frozen=True)
class DateTimeOffset:
    """A moment with its offset from UTC. `ticks`: the local time at that offset. `offset`: also in ticks."""

    ticks: int
    offset: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.ticks <= MAX_TICKS:
            raise Thrown(
                "ArgumentOutOfRangeException", "The UTC time represented when the offset is applied is out of range."
            )

    @property
    def utc_ticks(self) -> int:
        return self.ticks - self.offset


def now_ticks() -> int:
    """Return the current wall-clock time in UTC, in ticks."""
    return UNIX_EPOCH + time.time_ns() // 100


def to_python(ticks: int) -> datetime:
    """Return ticks as a datetime without a zone. Fractions of a microsecond are dropped."""
    return datetime(1, 1, 1) + timedelta(microseconds=ticks // 10)  # ticks carry no zone


def from_parts(
    year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0, second: int = 0, ms: int = 0
) -> int:
    """Return the ticks of a calendar date. Raises Thrown (ArgumentOutOfRangeException) if there is no such date."""
    try:
        moment = datetime(year, month, day, hour, minute, second, ms * 1000)  # ticks carry no zone
    except (ValueError, OverflowError) as failure:
        raise Thrown(
            "ArgumentOutOfRangeException", "Year, Month, and Day parameters describe an un-representable DateTime."
        ) from failure
    return from_python(moment)


def from_python(moment: datetime) -> int:
    """Return the ticks of a datetime. One with a zone is converted to UTC."""
    plain = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo is not None else moment
    since = plain - datetime(1, 1, 1)  # ticks carry no zone
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 10


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7})\d*)?)?)?\s*(Z|[+-]\d\d:?\d\d)?$",
    re.ASCII | re.IGNORECASE,
)
_US = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})(?:\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s*(AM|PM)?)?\s*(Z|[+-]\d\d:\d\d)?$", re.ASCII | re.I
)
_RFC = re.compile(r"(?:[A-Za-z]{3}, )?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:GMT|Z)$", re.ASCII)


def parse_moment(text: str) -> tuple[int, int | None] | None:
    """Parse a date in ISO, [RFC1123] or month/day/year form; return None for any other text.

    Returns the ticks at its offset, and the offset in ticks, or None if the text has no offset.
    """
    stripped = text.strip()
    try:
        return _parse_iso(stripped) or _parse_us(stripped) or _parse_rfc(stripped)
    except Thrown:
        return None


def _offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return (minutes if text[0] == "+" else -minutes) * 60 * SECOND


def _parse_iso(text: str) -> tuple[int, int | None] | None:
    found = _ISO.match(text)
    if found is None:
        return None
    year, month, day = (int(found[index]) for index in (1, 2, 3))
    hour, minute, second = (int(found[index] or 0) for index in (4, 5, 6))
    ticks = from_parts(year, month, day, hour, minute, second)
    return ticks + int((found[7] or "0").ljust(7, "0")), _offset(found[8])


def _parse_us(text: str) -> tuple[int, int | None] | None:
    found = _US.match(text)
    if found is None:
        return None
    hour = int(found[4] or 0)
    if found[7] is not None:
        hour = hour % 12 + (12 if found[7].upper() == "PM" else 0)
    date = from_parts(int(found[3]), int(found[1]), int(found[2]), hour, int(found[5] or 0), int(found[6] or 0))
    return date, _offset(found[8])


def _parse_rfc(text: str) -> tuple[int, int | None] | None:
    found = _RFC.match(text)
    if found is None:
        return None
    month = next((index for index, name in enumerate(_MONTHS, 1) if name[:3].lower() == found[2].lower()), 13)
    return from_parts(int(found[3]), month, int(found[1]), int(found[4]), int(found[5]), int(found[6])), 0


_STANDARD = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}
TOKENS = re.compile(
    r"'([^']*)'|\"([^\"]*)\"|\\(.)|%(?=.)|d{1,4}|M{1,4}|y{1,5}|H{1,2}|h{1,2}|m{1,2}|s{1,2}|f{1,7}|F{1,7}|t{1,2}|z{1,3}|K|.",
    re.S,
)


def format_moment(value: DateTime | DateTimeOffset, pattern: str | None) -> str:
    """Implement DateTime.ToString(format). Raises Thrown (FormatException) for an unknown standard format."""
    chosen = pattern or "G"
    ticks = value.ticks
    if len(chosen) == 1:
        if chosen in "rRuU" and isinstance(value, DateTimeOffset):
            ticks = value.utc_ticks
        if chosen not in _STANDARD:
            raise Thrown("FormatException", "Input string was not in a correct format.")
        chosen = _STANDARD[chosen]
    if pattern is None and isinstance(value, DateTimeOffset):
        chosen += " zzz"
    moment = to_python(ticks)
    return "".join(_formatted(found, moment, ticks, value) for found in TOKENS.finditer(chosen))


_FIELDS: dict[str, Callable[[datetime], int]] = {
    "H": lambda moment: moment.hour,
    "h": lambda moment: moment.hour % 12 or 12,
    "m": lambda moment: moment.minute,
    "s": lambda moment: moment.second,
}


def _formatted(found: re.Match[str], moment: datetime, ticks: int, value: DateTime | DateTimeOffset) -> str:
    literal = next((group for group in found.groups() if group is not None), None)
    text = found[0]
    if literal is not None or text == "%":
        return literal or ""
    letter, count = text[0], len(text)
    if letter in _FIELDS:
        return str(_FIELDS[letter](moment)).rjust(count, "0")
    if letter in "dMy":
        return _date_field(letter, count, moment)
    if letter in "fF":
        digits = f"{ticks % SECOND:07d}"[:count]
        return digits if letter == "f" else digits.rstrip("0")
    if letter == "t":
        return ("AM" if moment.hour < 12 else "PM")[:count]
    if letter in "zK":
        return _zone(letter, count, value)
    return text


def _date_field(letter: str, count: int, moment: datetime) -> str:
    if letter == "y":
        return f"{moment.year % 100:0{count}d}" if count <= 2 else f"{moment.year:0{count}d}"
    number = moment.day if letter == "d" else moment.month
    if count <= 2:
        return f"{number:0{count}d}"
    name = _DAYS[moment.weekday()] if letter == "d" else _MONTHS[moment.month - 1]
    return name[:3] if count == 3 else name


def _zone(letter: str, count: int, value: DateTime | DateTimeOffset) -> str:
    if letter == "K" and isinstance(value, DateTime):
        return {UNSPECIFIED: "", UTC_KIND: "Z", LOCAL: "+00:00"}[value.kind]
    offset = value.offset if isinstance(value, DateTimeOffset) else 0
    minutes = abs(offset) // (60 * SECOND)
    sign = "-" if offset < 0 else "+"
    if letter == "z" and count < 3:
        return f"{sign}{minutes // 60:0{count}d}"
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"


_SPAN = re.compile(r"\s*(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?\s*$", re.ASCII)


def parse_span(text: str) -> TimeSpan | None:
    """Parse `[-][d.]hh:mm[:ss[.fffffff]]` or a whole number of days, or return None for any other text."""
    if re.match(r"\s*-?\d{1,8}\s*$", text, re.ASCII):
        return TimeSpan(int(text) * DAY)
    found = _SPAN.match(text)
    if found is None or int(found[3]) > 23 or int(found[4]) > 59 or int(found[5] or 0) > 59:
        return None
    seconds = int(found[2] or 0) * 86_400 + int(found[3]) * 3600 + int(found[4]) * 60 + int(found[5] or 0)
    ticks = seconds * SECOND + int((found[6] or "0").ljust(7, "0"))
    return TimeSpan(-ticks if found[1] else ticks)


def format_span(value: TimeSpan, pattern: str | None) -> str:
    """Implement TimeSpan.ToString: format `c` by default, or a custom format."""
    ticks = abs(value.ticks)
    days, rest = divmod(ticks, DAY)
    seconds, fraction = divmod(rest, SECOND)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    if pattern is None or pattern in ("c", "t", "T"):
        sign = "-" if value.ticks < 0 else ""
        text = f"{sign}{f'{days}.' if days else ''}{hours:02d}:{minutes:02d}:{seconds:02d}"
        return text + (f".{fraction:07d}" if fraction else "")
    if pattern in ("g", "G"):
        return f"{days}:{hours:02d}:{minutes:02d}:{seconds:02d}" if days else f"{hours}:{minutes:02d}:{seconds:02d}"
    fields = {"d": days, "h": hours, "m": minutes, "s": seconds}

    def one(found: re.Match[str]) -> str:
        literal = next((group for group in found.groups() if group is not None), None)
        if literal is not None or found[0] == "%":
            return literal or ""
        letter, count = found[0][0], len(found[0])
        if letter in "fF":
            return f"{fraction:07d}"[:count]
        return str(fields[letter]).rjust(count, "0") if letter in fields else found[0]

    return TOKENS.sub(one, pattern)


def span_from(amount: float, unit: int) -> TimeSpan:
    """Implement TimeSpan.FromSeconds and the like. `unit`: in ticks.

    Raises Thrown: OverflowException if the result is out of range, ArgumentException for NaN.
    """
    if amount != amount:
        raise Thrown("ArgumentException", "TimeSpan does not accept floating point Not-a-Number values.")
    if abs(amount) * unit >= 2**63:
        raise Thrown("OverflowException", "TimeSpan overflowed because the duration is too long.")
    return TimeSpan(round(amount * unit))
