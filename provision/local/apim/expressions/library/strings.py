"""Registers the members of string and char."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from provision.local.apim.expressions.errors import EvaluationError, Thrown
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.limits import checked_length
from provision.local.apim.expressions.runtime.iteration import iterate
from provision.local.apim.expressions.runtime.text import composite, to_text
from provision.local.apim.expressions.runtime.values import Array, Char, EnumValue

__all__ = ["STRING", "out_of_range", "spread"]

STRING = Table("string", (str,), aliases=("String",), bases=("object",), source="5.5")
CHAR = Table("char", (Char,), aliases=("Char",), bases=("ValueType",))
_IGNORE_CASE = frozenset({1, 3, 5})


def out_of_range(name: str) -> Thrown:
    return Thrown(
        "ArgumentOutOfRangeException",
        f"Index was out of range. Must be non-negative and less than the size of the collection. (Parameter '{name}')",
    )


def null_argument(name: str) -> Thrown:
    return Thrown("ArgumentNullException", f"Value cannot be null. (Parameter '{name}')")


def spread(values: tuple[object, ...]) -> list[object]:
    """Return the arguments of a `params` method as a list. A single array is a list of all of them."""
    if len(values) == 1 and isinstance(values[0], (list, bytes)):
        return list(iterate(values[0]))
    return list(values)


def _folded(text: str, comparison: object) -> str:
    ignore = comparison is True or (isinstance(comparison, EnumValue) and comparison.value in _IGNORE_CASE)
    return text.upper() if ignore else text


def _needed(value: str | None, name: str = "value") -> str:
    if value is None:
        raise null_argument(name)
    return value


@STRING.member("int Length")
def length(text: str) -> int:
    return len(text)


@STRING.member("char this[int index]")
def char_at(text: str, index: int) -> Char:
    if not 0 <= index < len(text):
        raise Thrown("IndexOutOfRangeException", "Index was outside the bounds of the array.")
    return Char(text[index])


@STRING.member("static string Empty")
def empty() -> str:
    return ""


@STRING.member("static bool IsNullOrEmpty(string value)")
def is_null_or_empty(value: str | None) -> bool:
    return not value


@STRING.member("static bool IsNullOrWhiteSpace(string value)")
def is_null_or_white_space(value: str | None) -> bool:
    return value is None or not value.strip()


@STRING.member("string Substring(int startIndex, int length?)")
def substring(text: str, start: int, count: int | None = None) -> str:
    if start < 0 or start > len(text):
        raise Thrown("ArgumentOutOfRangeException", "startIndex cannot be larger than length of string.")
    if count is None:
        return text[start:]
    if count < 0 or start + count > len(text):
        raise Thrown("ArgumentOutOfRangeException", "Index and length must refer to a location within the string.")
    return text[start : start + count]


@STRING.member("bool Contains(string|char value, StringComparison comparison?)")
def contains(text: str, value: str | None, comparison: object = None) -> bool:
    return _folded(_needed(value), comparison) in _folded(text, comparison)


@STRING.member("bool StartsWith(string|char value, StringComparison|bool comparison?, object culture?)")
def starts_with(text: str, value: str | None, comparison: object = None, culture: object = None) -> bool:
    return _folded(text, comparison).startswith(_folded(_needed(value), comparison))


@STRING.member("bool EndsWith(string|char value, StringComparison|bool comparison?, object culture?)")
def ends_with(text: str, value: str | None, comparison: object = None, culture: object = None) -> bool:
    return _folded(text, comparison).endswith(_folded(_needed(value), comparison))


@STRING.member("int IndexOf(string|char value, int|StringComparison start?, int|StringComparison count?)")
def index_of(text: str, value: str | None, start: object = None, count: object = None) -> int:
    first, last, comparison = _window(text, start, count)
    return _folded(text, comparison).find(_folded(_needed(value), comparison), first, last)


def _window(text: str, start: object, count: object) -> tuple[int, int, object]:
    comparison = next((one for one in (start, count) if isinstance(one, EnumValue)), None)
    first = start if isinstance(start, int) else 0
    last = first + count if isinstance(count, int) else len(text)
    if not 0 <= first <= len(text) or not first <= last <= len(text):
        raise out_of_range("startIndex")
    return first, last, comparison


@STRING.member("int LastIndexOf(string|char value, int|StringComparison start?)")
def last_index_of(text: str, value: str | None, start: object = None) -> int:
    needle = _folded(_needed(value), start)
    end = start + 1 if isinstance(start, int) and not isinstance(start, bool) else len(text)
    return _folded(text, start).rfind(needle, 0, end)


@STRING.member("int IndexOfAny(char[] anyOf)")
def index_of_any(text: str, signs: list[object] | None) -> int:
    wanted = {to_text(one) for one in iterate(signs)}
    return next((index for index, sign in enumerate(text) if sign in wanted), -1)


@STRING.member("string Replace(string|char oldValue, string|char newValue)")
def replace(text: str, old: str | None, new: str | None) -> str:
    if _needed(old, "oldValue") == "":
        raise Thrown("ArgumentException", "String cannot be of zero length. (Parameter 'oldValue')")
    grown = len(new or "") - len(old or "")
    if grown > 0 and len(text) > 256:
        checked_length(len(text) + text.count(old or "") * grown)
    return text.replace(old or "", new or "")


@STRING.member("string ToLower(object culture?)")
@STRING.member("string ToLowerInvariant()")
def to_lower(text: str, culture: object = None) -> str:
    return text.lower()


@STRING.member("string ToUpper(object culture?)")
@STRING.member("string ToUpperInvariant()")
def to_upper(text: str, culture: object = None) -> str:
    return text.upper()


def _signs(values: tuple[object, ...]) -> str | None:
    return "".join(to_text(one) for one in spread(values)) or None


@STRING.member("string Trim(params char[] trimChars)")
def trim(text: str, *signs: object) -> str:
    return text.strip(_signs(signs))


@STRING.member("string TrimStart(params char[] trimChars)")
def trim_start(text: str, *signs: object) -> str:
    return text.lstrip(_signs(signs))


@STRING.member("string TrimEnd(params char[] trimChars)")
def trim_end(text: str, *signs: object) -> str:
    return text.rstrip(_signs(signs))


@STRING.member("string PadLeft(int totalWidth, char paddingChar?)")
def pad_left(text: str, width: int, sign: str = " ") -> str:
    return text.rjust(checked_length(_width(width)), sign)


@STRING.member("string PadRight(int totalWidth, char paddingChar?)")
def pad_right(text: str, width: int, sign: str = " ") -> str:
    return text.ljust(checked_length(_width(width)), sign)


def _width(width: int) -> int:
    if width < 0:
        raise Thrown("ArgumentOutOfRangeException", "Non-negative number required. (Parameter 'totalWidth')")
    return width


@STRING.member("string Insert(int startIndex, string value)")
def insert(text: str, start: int, value: str | None) -> str:
    if not 0 <= start <= len(text):
        raise out_of_range("startIndex")
    checked_length(len(text) + len(_needed(value)))
    return text[:start] + _needed(value) + text[start:]


@STRING.member("string Remove(int startIndex, int count?)")
def remove(text: str, start: int, count: int | None = None) -> str:
    end = len(text) if count is None else start + count
    if not 0 <= start <= end <= len(text):
        raise out_of_range("startIndex")
    return text[:start] + text[end:]


@STRING.member("string[] Split(params object[] separator)")
def split(text: str, *arguments: object) -> Array:
    """Implement all overloads of Split: separators as chars, texts or arrays, then optionally a count and options."""
    rest = list(arguments)
    options = rest.pop() if rest and isinstance(rest[-1], EnumValue) else None
    count = rest.pop() if len(rest) > 1 and type(rest[-1]) is int else None
    flags = options.value if isinstance(options, EnumValue) else 0
    separators = [to_text(one) for group in rest for one in (group if isinstance(group, list) else [group])]
    parts = _split_at(
        text, [one for one in separators if one], count if isinstance(count, int) else None, bool(flags & 1)
    )
    if flags & 2:
        parts = [part.strip() for part in parts]
    return Array(part for part in parts if part or not flags & 1)


def _split_at(text: str, separators: list[str], count: int | None, skip_empty: bool) -> list[str]:
    if not separators:
        return text.split() if skip_empty else _split_spaces(text)
    limit = -1 if count is None else count - 1
    if len(separators) == 1 and not (skip_empty and count is not None):
        return text.split(separators[0], limit) if limit != 0 else [text]
    return _split_many(text, separators, limit, skip_empty)


def _split_spaces(text: str) -> list[str]:
    parts = [""]
    for sign in text:
        if sign.isspace():
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _split_many(text: str, separators: list[str], limit: int, skip_empty: bool) -> list[str]:
    parts: list[str] = []
    start = position = 0
    while position < len(text) and limit != len(parts):
        found = next((one for one in separators if text.startswith(one, position)), None)
        if found is None:
            position += 1
            continue
        if not (skip_empty and position == start):
            parts.append(text[start:position])
        position = start = position + len(found)
    return [*parts, text[start:]]


@STRING.member("static string Join(string|char separator, params object[] values)")
def join(separator: str | None, *values: object) -> str:
    texts = [to_text(one) for one in _spread_one(values)]
    between = separator or ""
    checked_length(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _spread_one(values: tuple[object, ...]) -> Iterable[object]:
    """Return the elements if there is a single value and it is enumerable, else the values themselves."""
    if len(values) != 1 or values[0] is None or isinstance(values[0], str):
        return values
    try:
        return iterate(values[0])
    except EvaluationError:  # not enumerable: the only value
        return values


@STRING.member("static string Concat(params object[] values)")
def concat(*values: object) -> str:
    return join("", *values)


@STRING.member("static string Format(string format, params object[] arguments)")
def format_(template: str | None, *values: object) -> str:
    return composite(_needed(template, "format"), spread(values))


@STRING.member("static int Compare(string a, string b, StringComparison|bool comparison?)")
def compare(a: str | None, b: str | None, comparison: object = None) -> int:
    """Compare by the rules of the invariant culture: by letter first, then lower case before upper."""
    if a is None or b is None:
        return (a is not None) - (b is not None)
    if isinstance(comparison, EnumValue) and comparison.value >= 4:
        first, second = _folded(a, comparison), _folded(b, comparison)
        return (first > second) - (first < second)
    one, two = _collated(_folded(a, comparison)), _collated(_folded(b, comparison))
    return (one > two) - (one < two)


def _collated(text: str) -> tuple[str, str]:
    return unicodedata.normalize("NFKD", text).casefold(), text.swapcase()


@STRING.member("static int CompareOrdinal(string a, string b)")
def compare_ordinal(a: str | None, b: str | None) -> int:
    if a is None or b is None:
        return (a is not None) - (b is not None)
    return (a > b) - (a < b)


@STRING.member("int CompareTo(string other)")
def compare_to(text: str, other: str | None) -> int:
    return compare(text, other)


@STRING.member("bool Equals(object other, StringComparison comparison?)")
def equals(text: str, other: object, comparison: object = None) -> bool:
    return type(other) is str and _folded(text, comparison) == _folded(other, comparison)


@STRING.member("static bool Equals(string a, string b, StringComparison comparison?)")
def equals_static(a: str | None, b: str | None, comparison: object = None) -> bool:
    return a is b if a is None or b is None else _folded(a, comparison) == _folded(b, comparison)


@STRING.member("string ToString(object culture?)")
def to_string(text: str, culture: object = None) -> str:
    return text


@STRING.member("char[] ToCharArray()")
def to_char_array(text: str) -> Array:
    return Array(map(Char, text))


@STRING.member("string Normalize()")
def normalize(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@STRING.member("new(char|char[] value, int count?)")
def new_string(value: object, count: int | None = None) -> str:
    if isinstance(value, list):
        return "".join(map(to_text, value))
    return to_text(value) * checked_length(_width(count or 0))


def _category(signature: str, test: object) -> None:
    """Register a static test of char in both forms: for a char, and for a string and an index in it."""
    if not callable(test):
        raise TypeError(signature)
    CHAR.member(f"static bool {signature}(char c)")(lambda sign: bool(test(sign)))
    CHAR.member(f"static bool {signature}(string s, int index)")(lambda text, index: bool(test(char_at(text, index))))


_category("IsDigit", str.isdecimal)
_category("IsLetter", str.isalpha)
_category("IsLetterOrDigit", lambda sign: sign.isalpha() or sign.isdecimal())
_category("IsWhiteSpace", str.isspace)
_category("IsUpper", str.isupper)
_category("IsLower", str.islower)
_category("IsNumber", str.isnumeric)
_category("IsPunctuation", lambda sign: unicodedata.category(sign).startswith("P"))
_category("IsControl", lambda sign: unicodedata.category(sign) == "Cc")


@CHAR.member("static char ToUpper(char c)")
@CHAR.member("static char ToUpperInvariant(char c)")
def char_upper(sign: str) -> Char:
    return Char(sign.upper() if len(sign.upper()) == 1 else sign)


@CHAR.member("static char ToLower(char c)")
@CHAR.member("static char ToLowerInvariant(char c)")
def char_lower(sign: str) -> Char:
    return Char(sign.lower() if len(sign.lower()) == 1 else sign)


@CHAR.member("static string ToString(char c)")
def char_text(sign: str) -> str:
    return str(sign)


@CHAR.member("static double GetNumericValue(char c)")
def numeric_value(sign: str) -> float:
    return float(unicodedata.numeric(sign, -1.0))


@CHAR.member("int CompareTo(char other)")
def char_compare(sign: str, other: str) -> int:
    return ord(sign) - ord(other)
