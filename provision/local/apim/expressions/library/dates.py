"""Registers the members of DateTime, DateTimeOffset and TimeSpan."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from provision.local.apim import context as data
from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library import jtokens
from provision.local.apim.expressions.library.basic import enumeration
from provision.local.apim.expressions.library.context_ import CONTEXT
from provision.local.apim.expressions.library.strings import null_argument
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.library.times import (
    DAY,
    MAX_TICKS,
    SECOND,
    UNIX_EPOCH,
    UNSPECIFIED,
    UTC_KIND,
    DateTime,
    DateTimeOffset,
    TimeSpan,
    format_moment,
    format_span,
    from_parts,
    from_python,
    now_ticks,
    parse_moment,
    parse_span,
    span_from,
    to_python,
)
from provision.local.apim.expressions.library.times_exact import parse_exact
from provision.local.apim.expressions.runtime.casts import IMPLICIT, register_default
from provision.local.apim.expressions.runtime.operators import OVERLOADS
from provision.local.apim.expressions.runtime.text import FORMATTERS
from provision.local.apim.expressions.runtime.values import EnumValue, Int64, wrap

__all__: list[str] = []

SPAN = Table("TimeSpan", (TimeSpan,), bases=("ValueType",))
DATE = Table("DateTime", (DateTime,), bases=("ValueType",))
OFFSET = Table("DateTimeOffset", (DateTimeOffset,), bases=("ValueType",))
enumeration("DateTimeKind", {"Unspecified": 0, "Utc": 1, "Local": 2})
enumeration(
    "DateTimeStyles",
    {"None": 0, "AssumeUniversal": 64, "AdjustToUniversal": 16, "RoundtripKind": 128},
    "System.Globalization",
)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

FORMATTERS[TimeSpan] = format_span
FORMATTERS[DateTime] = FORMATTERS[DateTimeOffset] = format_moment
register_default("TimeSpan", lambda: TimeSpan(0))
register_default("DateTime", lambda: DateTime(0))
register_default("DateTimeOffset", lambda: DateTimeOffset(0))


def _from_variable(value: object) -> object | None:
    """Return a Python datetime, which a policy may have put into a variable, as a DateTime. None for other values."""
    return DateTime(from_python(value), UTC_KIND) if isinstance(value, datetime) else None


def _to_offset(value: object) -> object | None:
    if isinstance(value, datetime):
        return DateTimeOffset(from_python(value))
    return DateTimeOffset(value.ticks) if isinstance(value, DateTime) else None


IMPLICIT["DateTime"] = _from_variable
IMPLICIT["DateTimeOffset"] = _to_offset
IMPLICIT["TimeSpan"] = lambda value: (
    TimeSpan(round(value / timedelta(microseconds=1)) * 10) if isinstance(value, timedelta) else None
)


def _json_text(value: DateTime | DateTimeOffset) -> str:
    return format_moment(value, "yyyy-MM-ddTHH:mm:ss.FFFFFFFK").replace(".Z", "Z").replace(".+", "+").rstrip(".")


def _json_date(text: str) -> object | None:
    found = parse_moment(text)
    if found is None:
        return None
    ticks, offset = found
    return DateTime(ticks - (offset or 0), UNSPECIFIED if offset is None else UTC_KIND if offset == 0 else 2)


jtokens.read_date.append(_json_date)
jtokens.ISO_TEXTS[DateTime] = jtokens.ISO_TEXTS[DateTimeOffset] = _json_text

for _kind in (TimeSpan, DateTime, DateTimeOffset):
    OVERLOADS["==", _kind, _kind] = lambda a, b: _instant(a) == _instant(b)
    OVERLOADS["<", _kind, _kind] = lambda a, b: _instant(a) < _instant(b)
    OVERLOADS[">", _kind, _kind] = lambda a, b: _instant(a) > _instant(b)
    OVERLOADS["<=", _kind, _kind] = lambda a, b: _instant(a) <= _instant(b)
    OVERLOADS[">=", _kind, _kind] = lambda a, b: _instant(a) >= _instant(b)
    OVERLOADS["-", _kind, _kind] = lambda a, b: TimeSpan(_instant(a) - _instant(b))
OVERLOADS["+", TimeSpan, TimeSpan] = lambda a, b: TimeSpan(a.ticks + b.ticks)
OVERLOADS["-", TimeSpan, type(None)] = lambda a, b: TimeSpan(-a.ticks)
OVERLOADS["+", DateTime, TimeSpan] = lambda a, b: DateTime(a.ticks + b.ticks, a.kind)
OVERLOADS["-", DateTime, TimeSpan] = lambda a, b: DateTime(a.ticks - b.ticks, a.kind)
OVERLOADS["+", DateTimeOffset, TimeSpan] = lambda a, b: DateTimeOffset(a.ticks + b.ticks, a.offset)
OVERLOADS["-", DateTimeOffset, TimeSpan] = lambda a, b: DateTimeOffset(a.ticks - b.ticks, a.offset)


def _instant(value: TimeSpan | DateTime | DateTimeOffset) -> int:
    return value.utc_ticks if isinstance(value, DateTimeOffset) else value.ticks


# TimeSpan
_UNITS = {
    "Days": DAY,
    "Hours": 3600 * SECOND,
    "Minutes": 60 * SECOND,
    "Seconds": SECOND,
    "Milliseconds": SECOND // 1000,
}
_CYCLES = {"Days": 2**62, "Hours": 24, "Minutes": 60, "Seconds": 60, "Milliseconds": 1000}


def _part(value: TimeSpan, unit: str) -> int:
    whole = abs(value.ticks) // _UNITS[unit] % _CYCLES[unit]
    return whole if value.ticks >= 0 else -whole


for _unit, _ticks in _UNITS.items():
    SPAN.member(f"static TimeSpan From{_unit}(double value)")(lambda amount, t=_ticks: span_from(amount, t))
    SPAN.member(f"double Total{_unit}")(lambda value, t=_ticks: value.ticks / t)
    SPAN.member(f"int {_unit}")(lambda value, unit=_unit: _part(value, unit))
SPAN.member("long Ticks")(lambda value: Int64(value.ticks))
SPAN.member("static TimeSpan FromTicks(long value)")(lambda value: TimeSpan(int(value)))
SPAN.member("static TimeSpan Zero")(lambda: TimeSpan(0))
SPAN.member("static TimeSpan MaxValue")(lambda: TimeSpan(2**63 - 1))
SPAN.member("TimeSpan Add(TimeSpan other)")(lambda a, b: TimeSpan(a.ticks + b.ticks))
SPAN.member("TimeSpan Subtract(TimeSpan other)")(lambda a, b: TimeSpan(a.ticks - b.ticks))
SPAN.member("TimeSpan Duration()")(lambda value: TimeSpan(abs(value.ticks)))
SPAN.member("TimeSpan Negate()")(lambda value: TimeSpan(-value.ticks))
SPAN.member("string ToString(string format?, object culture?)")(
    lambda value, pattern=None, culture=None: format_span(value, pattern)
)


@SPAN.member("new(long hoursOrTicks, int minutesOrHours?, int secondsOrMinutes?, int seconds?, int milliseconds?)")
def new_span(*parts: int) -> TimeSpan:
    """Make a TimeSpan of ticks; of hours, minutes and seconds; or of days to seconds, and optionally milliseconds."""
    if len(parts) == 1:
        return TimeSpan(int(parts[0]))
    if len(parts) == 2:
        raise Thrown("ArgumentException", "TimeSpan has no constructor that takes 2 arguments.")
    days, hours, minutes, seconds, *ms = (0, *parts) if len(parts) < 4 else parts
    milliseconds = ms[0] if ms else 0
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return TimeSpan(total * SECOND + milliseconds * SECOND // 1000)


@SPAN.member("static bool TryParse(string s, out TimeSpan result)")
def try_parse_span(text: str | None) -> tuple[bool, TimeSpan]:
    found = None if text is None else parse_span(text)
    return found is not None, found or TimeSpan(0)


@SPAN.member("static TimeSpan Parse(string s, object culture?)")
def parse_span_or_throw(text: str | None, culture: object = None) -> TimeSpan:
    if text is None:
        raise null_argument("input")
    found = parse_span(text)
    if found is None:
        raise Thrown("FormatException", f"String '{text[:80]}' was not recognized as a valid TimeSpan.")
    return found


# Members of both DateTime and DateTimeOffset
def _added(value: DateTime | DateTimeOffset, ticks: int) -> DateTime | DateTimeOffset:
    if isinstance(value, DateTime):
        return DateTime(value.ticks + ticks, value.kind)
    return DateTimeOffset(value.ticks + ticks, value.offset)


def _months(value: DateTime | DateTimeOffset, months: int) -> DateTime | DateTimeOffset:
    moment = to_python(value.ticks)
    total = moment.year * 12 + moment.month - 1 + months
    if not 12 <= total < 120_000:
        raise Thrown(
            "ArgumentOutOfRangeException", "The added or subtracted value results in an un-representable DateTime."
        )
    year, month = total // 12, total % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return _added(value, from_parts(year, month, day) + value.ticks % DAY - value.ticks)


def _day_of_week(value: DateTime | DateTimeOffset) -> EnumValue:
    number = (value.ticks // DAY + 1) % 7
    return EnumValue("DayOfWeek", _DAYS[number], number)


_FIELDS: dict[str, Callable[[datetime], int]] = {
    "Year": lambda moment: moment.year,
    "Month": lambda moment: moment.month,
    "Day": lambda moment: moment.day,
    "Hour": lambda moment: moment.hour,
    "Minute": lambda moment: moment.minute,
    "Second": lambda moment: moment.second,
}


for _table, _name in ((DATE, "DateTime"), (OFFSET, "DateTimeOffset")):
    for _unit, _ticks in _UNITS.items():
        _table.member(f"{_name} Add{_unit}(double value)")(
            lambda value, amount, t=_ticks: _added(value, span_from(amount, t).ticks)
        )
    _table.member(f"{_name} AddMonths(int months)")(_months)
    _table.member(f"{_name} AddYears(int years)")(lambda value, years: _months(value, years * 12))
    _table.member(f"{_name} AddTicks(long ticks)")(lambda value, ticks: _added(value, int(ticks)))
    _table.member(f"{_name} Add(TimeSpan span)")(lambda value, span: _added(value, span.ticks))
    _table.member(f"dynamic Subtract({_name}|TimeSpan other)")(
        lambda value, other: (
            _added(value, -other.ticks) if isinstance(other, TimeSpan) else TimeSpan(_instant(value) - _instant(other))
        )
    )
    for _field, _read in _FIELDS.items():
        _table.member(f"int {_field}")(lambda value, read=_read: read(to_python(value.ticks)))
    _table.member("int Millisecond")(lambda value: value.ticks // 10_000 % 1000)
    _table.member("int DayOfYear")(lambda value: to_python(value.ticks).timetuple().tm_yday)
    _table.member("DayOfWeek DayOfWeek")(_day_of_week)
    _table.member("long Ticks")(lambda value: Int64(value.ticks))
    _table.member("DateTime Date")(lambda value: DateTime(value.ticks - value.ticks % DAY))
    _table.member("TimeSpan TimeOfDay")(lambda value: TimeSpan(value.ticks % DAY))
    _table.member("string ToString(string|object format?, object culture?)")(
        lambda value, pattern=None, culture=None: format_moment(value, pattern if isinstance(pattern, str) else None)
    )
    _table.member(f"int CompareTo({_name} other)")(
        lambda a, b: (_instant(a) > _instant(b)) - (_instant(a) < _instant(b))
    )
    _table.member(f"static int Compare({_name} a, {_name} b)")(
        lambda a, b: (_instant(a) > _instant(b)) - (_instant(a) < _instant(b))
    )

DATE.member("static DateTime UtcNow", source="5.6")(lambda: DateTime(now_ticks(), UTC_KIND))
DATE.member("static DateTime Now", source="5.6")(lambda: DateTime(now_ticks(), 2))
DATE.member("static DateTime Today")(lambda: DateTime(now_ticks() // DAY * DAY, 2))
DATE.member("static DateTime MinValue")(lambda: DateTime(0))
DATE.member("static DateTime MaxValue")(lambda: DateTime(MAX_TICKS))
DATE.member("static DateTime UnixEpoch")(lambda: DateTime(UNIX_EPOCH, UTC_KIND))
DATE.member("DateTime ToUniversalTime()")(lambda value: DateTime(value.ticks, UTC_KIND))
DATE.member("DateTime ToLocalTime()")(lambda value: DateTime(value.ticks, 2))
DATE.member("DateTimeKind Kind")(
    lambda value: EnumValue("DateTimeKind", ("Unspecified", "Utc", "Local")[value.kind], value.kind)
)
DATE.member("static DateTime SpecifyKind(DateTime value, DateTimeKind kind)")(
    lambda value, kind: DateTime(value.ticks, kind.value)
)
DATE.member("static int DaysInMonth(int year, int month)")(
    lambda year, month: to_python(from_parts(year, month)).day - 1 + calendar.monthrange(year, month)[1]
)
DATE.member("static bool IsLeapYear(int year)")(lambda year: calendar.isleap(year))
DATE.member("string ToShortDateString()")(lambda value: format_moment(value, "d"))
DATE.member("long ToFileTimeUtc()")(lambda value: Int64(value.ticks - 504_911_232_000_000_000))


@DATE.member(
    "new(long year, int month?, int day?, int hour?, int minute?, int second?, int|DateTimeKind ms?, object kind?)"
)
def new_date(*parts: object) -> DateTime:
    """Make a DateTime of ticks alone, or of year, month, day and so on. A DateTimeKind may come last."""
    numbers = [int(one) for one in parts if isinstance(one, int)]
    kind = next((one.value for one in parts if isinstance(one, EnumValue)), UNSPECIFIED)
    return DateTime(numbers[0] if len(numbers) == 1 else from_parts(*numbers[:7]), kind)


def _date_of(text: str | None, style: object = None) -> DateTime | None:
    found = None if text is None else parse_moment(text)
    return None if found is None else _placed(*found, style)


def _placed(ticks: int, offset: int | None, style: object) -> DateTime:
    """Return a parsed moment as a DateTime. One with an offset is converted to local time, which is UTC here."""
    universal = isinstance(style, EnumValue) and style.value & (16 | 64)
    kind = UTC_KIND if universal else UNSPECIFIED if offset is None else 2
    return DateTime(ticks - (offset or 0), kind)


@DATE.member("static DateTime Parse(string s, object culture?, DateTimeStyles style?)", source="5.5")
def parse_date(text: str | None, culture: object = None, style: object = None) -> DateTime:
    if text is None:
        raise null_argument("s")
    found = _date_of(text, style)
    if found is None:
        raise Thrown("FormatException", f"String '{text[:80]}' was not recognized as a valid DateTime.")
    return found


@DATE.member("static bool TryParse(string s, out DateTime result)")
def try_parse_date(text: str | None) -> tuple[bool, DateTime]:
    found = _date_of(text)
    return found is not None, found or DateTime(0)


@DATE.member("static bool TryParse(string s, object culture, DateTimeStyles style, out DateTime result)")
def try_parse_date_styled(text: str | None, culture: object, style: object) -> tuple[bool, DateTime]:
    found = _date_of(text, style)
    return found is not None, found or DateTime(0)


@DATE.member("static DateTime ParseExact(string s, string format, object culture, DateTimeStyles style?)")
def parse_date_exact(text: str | None, pattern: str, culture: object = None, style: object = None) -> DateTime:
    found = None if text is None else parse_exact(text, pattern)
    if found is None:
        raise Thrown("FormatException", "String was not recognized as a valid DateTime.")
    return _placed(*found, style)


@OFFSET.member("new(DateTime|long moment, TimeSpan offset?)")
def new_offset(moment: DateTime | int, offset: TimeSpan | None = None) -> DateTimeOffset:
    ticks = moment.ticks if isinstance(moment, DateTime) else int(moment)
    return DateTimeOffset(ticks, 0 if offset is None else offset.ticks)


def _offset_of(text: str | None) -> DateTimeOffset | None:
    found = None if text is None else parse_moment(text)
    return None if found is None else DateTimeOffset(found[0], found[1] or 0)


@OFFSET.member("static DateTimeOffset Parse(string s, object culture?, DateTimeStyles style?)")
def parse_offset(text: str | None, culture: object = None, style: object = None) -> DateTimeOffset:
    if text is None:
        raise null_argument("input")
    found = _offset_of(text)
    if found is None:
        raise Thrown("FormatException", f"String '{text[:80]}' was not recognized as a valid DateTime.")
    return found


@OFFSET.member("static bool TryParse(string s, out DateTimeOffset result)")
def try_parse_offset(text: str | None) -> tuple[bool, DateTimeOffset]:
    found = _offset_of(text)
    return found is not None, found or DateTimeOffset(0)


OFFSET.member("static DateTimeOffset UtcNow", source="5.6")(lambda: DateTimeOffset(now_ticks()))
OFFSET.member("static DateTimeOffset Now")(lambda: DateTimeOffset(now_ticks()))
OFFSET.member("static DateTimeOffset MinValue")(lambda: DateTimeOffset(0))
OFFSET.member("static DateTimeOffset MaxValue")(lambda: DateTimeOffset(MAX_TICKS))
OFFSET.member("static DateTimeOffset UnixEpoch")(lambda: DateTimeOffset(UNIX_EPOCH))
OFFSET.member("static DateTimeOffset FromUnixTimeSeconds(long seconds)")(
    lambda seconds: DateTimeOffset(UNIX_EPOCH + int(seconds) * SECOND)
)
OFFSET.member("static DateTimeOffset FromUnixTimeMilliseconds(long milliseconds)")(
    lambda milliseconds: DateTimeOffset(UNIX_EPOCH + int(milliseconds) * 10_000)
)
OFFSET.member("long ToUnixTimeSeconds()", source="5.5")(lambda value: Int64((value.utc_ticks - UNIX_EPOCH) // SECOND))
OFFSET.member("long ToUnixTimeMilliseconds()")(lambda value: Int64((value.utc_ticks - UNIX_EPOCH) // 10_000))
OFFSET.member("DateTime UtcDateTime")(lambda value: DateTime(value.utc_ticks, UTC_KIND))
OFFSET.member("DateTime DateTime")(lambda value: DateTime(value.ticks))
OFFSET.member("DateTime LocalDateTime")(lambda value: DateTime(value.utc_ticks, 2))
OFFSET.member("TimeSpan Offset")(lambda value: TimeSpan(value.offset))
OFFSET.member("long UtcTicks")(lambda value: Int64(value.utc_ticks))
OFFSET.member("DateTimeOffset ToUniversalTime()")(lambda value: DateTimeOffset(value.utc_ticks))
OFFSET.member("DateTimeOffset ToOffset(TimeSpan offset)")(
    lambda value, offset: DateTimeOffset(value.utc_ticks + offset.ticks, offset.ticks)
)


@CONTEXT.member("DateTime Timestamp", source="5.4")
def timestamp(context: data.PolicyContext) -> DateTime:
    return DateTime(from_python(context.timestamp), UTC_KIND)


@CONTEXT.member("TimeSpan Elapsed", source="5.4")
def elapsed(context: data.PolicyContext) -> TimeSpan:
    return TimeSpan(round((time.monotonic() - context.started) * SECOND))


ENVIRONMENT = Table("Environment", (), bases=("object",))
ENVIRONMENT.member("static string NewLine")(lambda: "\r\n")
ENVIRONMENT.member("static int TickCount")(lambda: wrap(int, time.monotonic_ns() // 1_000_000))
