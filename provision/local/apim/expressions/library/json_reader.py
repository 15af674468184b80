"""Reads JSON that is not standard but that Newtonsoft accepts.

It accepts strings and names in single quotes, names without quotes, comments, one comma before a closing bracket,
control characters in strings, numbers in base 16 and 8, NaN and Infinity. It does not accept three things that
Newtonsoft accepts: `undefined`, constructors, and commas with nothing between them. It is slower than the strict
reader, so it is used only for text that the strict reader refuses.
"""

from __future__ import annotations

import re

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.runtime.frame import charge_steps

__all__ = ["deeper", "read_lenient"]

MAX_NESTING = 64
"""Newtonsoft's MaxDepth."""

# All repetitions are possessive, so that a hostile body cannot make `re` backtrack.
_BLANK = re.compile(r"[^\S\x1c-\x1f]++|/\*.*?\*/|//[^\r\n]*+", re.DOTALL)
_STRING = re.compile(r"\"([^\"\\]*+(?:\\.[^\"\\]*+)*+)\"|'([^'\\]*+(?:\\.[^'\\]*+)*+)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NAME = re.compile(r"[\w$]++")
_WORD = re.compile(r"[\w.+-]++")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_BASES = ((16, re.compile(r"0[xX][0-9a-fA-F]{1,16}")), (8, re.compile(r"0[0-7]{1,21}")))
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "\\": "\\", '"': '"', "'": "'", "/": "/"}
_WORDS: dict[str, object] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}


def read_lenient(text: str) -> object:
    """Return dictionaries, lists and scalars, as the strict reader does. Raises Thrown (JsonReaderException).

    Every token costs a step of the evaluation, so a hostile text cannot take unlimited time.
    """
    return _Reader(text).whole()


def deeper(depth: int) -> int:
    """Return `depth` + 1. Raises Thrown (JsonReaderException) if Newtonsoft does not allow that depth."""
    if depth >= MAX_NESTING:
        raise Thrown("JsonReaderException", f"The reader's MaxDepth of {MAX_NESTING} has been exceeded.")
    return depth + 1


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def whole(self) -> object:
        value = self._value(0)
        if self._next():
            raise self._fault("Additional text encountered after finished reading JSON content")
        return value

    def _value(self, depth: int) -> object:
        first = self._next()
        if first == "{":
            return self._object(deeper(depth))
        if first == "[":
            return self._array(deeper(depth))
        return self._string() if first in ("'", '"') else self._word()

    def _object(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        self._at += 1
        while self._next() != "}":
            name = self._name()
            self._expect(":")
            found[name] = self._value(depth)
            self._separator("}")
        self._at += 1
        return found

    def _array(self, depth: int) -> list[object]:
        found: list[object] = []
        self._at += 1
        while self._next() != "]":
            found.append(self._value(depth))
            self._separator("]")
        self._at += 1
        return found

    def _next(self) -> str:
        """Return the next character after blanks and comments, or an empty text at the end."""
        charge_steps(1)
        while (blank := _BLANK.match(self._text, self._at)) is not None:
            charge_steps(1)
            self._at = blank.end()
        return self._text[self._at : self._at + 1]

    def _expect(self, wanted: str) -> None:
        if self._next() != wanted:
            raise self._fault("Unexpected character encountered")
        self._at += 1

    def _separator(self, closing: str) -> None:
        """Read the comma after an element, which may be absent before the closing bracket."""
        if self._next() != closing:
            self._expect(",")

    def _name(self) -> str:
        if self._text[self._at : self._at + 1] in ("'", '"'):
            return self._string()
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise self._fault("Invalid property identifier character")
        self._at = found.end()
        return found.group()

    def _string(self) -> str:
        found = _STRING.match(self._text, self._at)
        if found is None:
            raise self._fault("Unterminated string")
        self._at = found.end()
        raw = found.group(1) if found.group(1) is not None else found.group(2)
        if "\\" not in raw:
            return raw
        charge_steps(raw.count("\\"))
        plain = _ESCAPE.sub(self._escape, raw)
        return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # joins surrogate pairs

    def _escape(self, found: re.Match[str]) -> str:
        code, sign = found.groups()
        if code is not None:
            return chr(int(code, 16))
        plain = _ESCAPED.get(sign)
        if plain is None:
            raise self._fault(f"Bad JSON escape sequence: \\{sign}")
        return plain

    def _word(self) -> object:
        found = _WORD.match(self._text, self._at)
        if found is None:
            raise self._fault("Unexpected character encountered while parsing value")
        word = found.group()
        value = _WORDS[word] if word in _WORDS else _number(word)
        if value is None and word != "null":
            raise self._fault("Unexpected character encountered while parsing value")
        self._at = found.end()
        return value

    def _fault(self, message: str) -> Thrown:
        line = self._text.count("\n", 0, self._at) + 1
        position = self._at - self._text.rfind("\n", 0, self._at)
        return Thrown("JsonReaderException", f"{message}. Path '', line {line}, position {position}.")


def _number(word: str) -> float | None:
    """Return the word as a number, or None if it is not one. As in the strict reader, beyond 64 bits it is a float."""
    for base, pattern in _BASES:
        if pattern.fullmatch(word):
            value = int(word, base)
            return value if value < 2**63 else value - 2**64 if value < 2**64 else None
    if len(word) > 1 and word[0] == "0" and word[1].isdigit():
        return None  # a leading 0 means base 8, but it has other digits
    if _INTEGER.fullmatch(word) and -(2**63) <= int(word) < 2**63:
        return int(word)
    return float(word) if _NUMBER.fullmatch(word) else None
