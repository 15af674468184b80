"""Registers the members of Regex, Match and Group. Patterns run on the machine that counts its steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.basic import enumeration
from provision.local.apim.expressions.library.strings import null_argument
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.limits import checked_length
from provision.local.apim.expressions.regex import Found, compile_pattern
from provision.local.apim.expressions.regex.machine import Program
from provision.local.apim.expressions.runtime.frame import charge_steps
from provision.local.apim.expressions.runtime.text import FORMATTERS, to_text
from provision.local.apim.expressions.runtime.values import Array, EnumValue, Sequence

__all__: list[str] = []

_SPACE = "System.Text.RegularExpressions"
enumeration(
    "RegexOptions",
    {
        "None": 0,
        "IgnoreCase": 1,
        "Multiline": 2,
        "ExplicitCapture": 4,
        "Compiled": 8,
        "Singleline": 16,
        "IgnorePatternWhitespace": 32,
        "CultureInvariant": 512,
    },
    _SPACE,
)


@dataclass(slots=True, frozen=True)
class Regex:
    text: str
    program: Program


@dataclass(slots=True, frozen=True)
class Capture:
    """A group of a match. `value` None: the group took no part in the match."""

    value: str | None
    index: int
    name: str


@dataclass(slots=True, frozen=True)
class Match:
    """The result of a search. `found` None: the pattern did not match."""

    program: Program
    found: Found | None


def _flags(options: object) -> int:
    return options.value if isinstance(options, EnumValue) else 0


def _compiled(pattern: str | None, options: object = None) -> Regex:
    if pattern is None:
        raise null_argument("pattern")
    return Regex(pattern, compile_pattern(pattern, _flags(options) & 55))


def _found(regex: Regex, text: str | None) -> Iterator[Found]:
    if text is None:
        raise null_argument("input")
    position = 0
    while position <= len(text):
        found = regex.program.find(text, position, charge_steps)
        if found is None:
            return
        yield found
        start, end = found.spans[:2]
        position = end + (end == start)


REGEX = Table("Regex", (Regex,), _SPACE, bases=("object",))
MATCH = Table("Match", (Match,), _SPACE, bases=("object",))
GROUP = Table("Group", (Capture,), _SPACE, ("Capture",), bases=("object",))
REGEX.member("new(string pattern, RegexOptions options?, TimeSpan timeout?)")(
    lambda pattern, options=None, timeout=None: _compiled(pattern, options)
)


def _both(signature: str, returns: str, function: Callable[..., object], arguments: str = "") -> None:
    """Register a method of Regex, and the static method of the same name, which also takes the pattern."""
    REGEX.member(f"{returns} {signature}(string input{arguments})")(function)
    names = arguments.count(", ")

    def static(text: str, pattern: str, *rest: object) -> object:
        options = rest[names] if len(rest) > names else None
        return function(_compiled(pattern, options), text, *rest[:names])

    formal = f"string input, string pattern{arguments}, RegexOptions options?, TimeSpan timeout?"
    REGEX.member(f"static {returns} {signature}({formal})", source="5.5")(static)


def is_match(regex: Regex, text: str | None) -> bool:
    return next(_found(regex, text), None) is not None


def match(regex: Regex, text: str | None) -> Match:
    return Match(regex.program, next(_found(regex, text), None))


def matches(regex: Regex, text: str | None) -> Array:
    return Array(Match(regex.program, found) for found in _found(regex, text))


def split(regex: Regex, text: str) -> Array:
    parts, position = Array(), 0
    for found in _found(regex, text):
        parts.append(text[position : found.spans[0]])
        parts.extend(one for one in map(found.group, range(1, regex.program.groups + 1)) if one is not None)
        position = found.spans[1]
    return Array([*parts, text[position:]])


def replace(regex: Regex, text: str, replacement: object) -> str:
    """Replace matches. `replacement` is text with `$1`, `${name}`, `$&`, `$$`, or a lambda from Match to text."""
    parts, position, size = [], 0, 0
    for found in _found(regex, text):
        parts.append(text[position : found.spans[0]])
        made = replacement(Match(regex.program, found)) if callable(replacement) else None
        parts.append(_expanded(regex, found, to_text(replacement)) if made is None else to_text(made))
        size += len(parts[-1]) + len(parts[-2])
        checked_length(size)
        position = found.spans[1]
    return "".join([*parts, text[position:]])


_REFERENCE = re.compile(r"\$(?:(\$)|(\d{1,3})|\{(\w+)\}|(&))")


def _expanded(regex: Regex, found: Found, template: str) -> str:
    def one(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        number = 0 if reference[4] else _number(regex.program, reference[2] or reference[3])
        return reference[0] if number is None else found.group(number) or ""

    return _REFERENCE.sub(one, template)


def _number(program: Program, name: object) -> int | None:
    text = to_text(name)
    if text in program.names:
        return program.names[text]
    number = int(text) if text.isascii() and text.isdigit() else -1
    return number if 0 <= number <= program.groups else None


_both("IsMatch", "bool", is_match)
_both("Match", "Match", match)
_both("Matches", "Match[]", matches)
_both("Split", "string[]", split)
_both("Replace", "string", replace, ", string|Func<Match,string> replacement")
REGEX.member("static string Escape(string text)")(
    lambda text: re.sub(r"[\\*+?|{\[()^$.# ]", lambda found: "\\" + found[0], text)
)
FORMATTERS[Regex] = lambda regex, pattern: regex.text


def _capture(value: Match, number: int | None, name: str) -> Capture:
    text = None if value.found is None or number is None else value.found.group(number)
    index = 0 if value.found is None or number is None or text is None else value.found.spans[2 * number]
    return Capture(text, index, name)


MATCH.member("bool Success")(lambda value: value.found is not None)
MATCH.member("string Value")(lambda value: _capture(value, 0, "0").value or "")
MATCH.member("int Index")(lambda value: _capture(value, 0, "0").index)
MATCH.member("int Length")(lambda value: len(_capture(value, 0, "0").value or ""))
MATCH.member("GroupCollection Groups")(lambda value: Groups(value))
MATCH.member("string Result(string replacement)")(lambda value, template: _result(value, template))
FORMATTERS[Match] = lambda value, pattern: _capture(value, 0, "0").value or ""


def _result(value: Match, template: str) -> str:
    if value.found is None:
        raise Thrown("NotSupportedException", "Result cannot be called on a failed Match.")
    return _expanded(Regex("", value.program), value.found, template)


class Groups(Sequence):
    """GroupCollection: the groups of a match, by number or by name."""

    __slots__ = ("match",)

    def __init__(self, value: Match) -> None:
        names = {number: name for name, number in value.program.names.items()}
        count = value.program.groups + 1
        super().__init__(_capture(value, number, names.get(number, str(number))) for number in range(count))
        self.match = value


GROUPS = Table("GroupCollection", (Groups,), _SPACE, bases=("IEnumerable",))
GROUPS.member("Group this[int|string key]")(
    lambda groups, key: _capture(groups.match, _number(groups.match.program, key), to_text(key))
)
GROUPS.member("int Count")(len)
GROUP.member("bool Success")(lambda group: group.value is not None)
GROUP.member("string Value")(lambda group: group.value or "")
GROUP.member("int Index")(lambda group: group.index)
GROUP.member("int Length")(lambda group: len(group.value or ""))
GROUP.member("string Name")(lambda group: group.name)
FORMATTERS[Capture] = lambda group, pattern: group.value or ""
