"""Finds expressions in rawxml, in which they contain quotes, `<` and `&` unescaped.

A small C# scanner reads from `@(` or `@{` to the bracket that closes it, and skips strings, characters and comments.
The expression is replaced by private-use characters of the same length and with the same line breaks. So the XML parser
reads plain text, and the positions that it reports are those of the author's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from provision.local.apim.policies.faults import PolicyError, fault_at

__all__ = ["hide_expressions", "show_expressions"]

OPEN, FILL, CLOSE = "\ue000", "\ue001", "\ue002"
MAX_NESTING = 64
"""The most brackets and interpolations inside one another."""

_START = re.compile(r"<!--|<!\[CDATA\[|(?:=\s*[\"']|>)\s*(?=@[({])")
_SKIPPED = {"<!--": "-->", "<![CDATA[": "]]>"}
_HIDDEN = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")
_PLAIN = re.compile(r"[^\"'/@$(){}\[\]&]+")
_WHOLE = re.compile(
    r"//[^\n]*"
    r'|@"(?:[^"]|"")*"'
    r"|&quot;(?:\\.|(?!&quot;)[^\\])*&quot;"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'(?:[^'\\\n]|\\.[^'\n]*)'",
    re.DOTALL,
)
_INTERPOLATED = re.compile(r'\$@"|@\$"|\$"|\$&quot;')
_PAIRS = {"(": ")", "{": "}", "[": "]"}


def hide_expressions(text: str) -> tuple[str, list[str]]:
    """Replace each expression by a mark of the same length. Returns the text and the expressions in order.

    Raises PolicyError for an expression that is not closed.
    """
    parts: list[str] = []
    found: list[str] = []
    done = 0
    for start, end in _expressions(text):
        parts += (text[done:start], _mark(text[start:end]))
        found.append(text[start:end])
        done = end
    return "".join(parts) + text[done:], found


def show_expressions(text: str, hidden: Iterator[str]) -> str:
    """Return the text with its marks replaced by the expressions, in order."""
    return _HIDDEN.sub(lambda _: next(hidden), text) if OPEN in text else text


def _expressions(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while (match := _START.search(text, at)) is not None:
        at = match.end()
        end = _SKIPPED.get(match.group())
        if end is not None:
            found = text.find(end, at)
            if found < 0:
                return  # the XML parser will report it
            at = found + len(end) - 1  # the `>` stays, because an expression may follow it
        elif text.startswith(("@(", "@{"), at):
            start, at = at, _closing(text, at)
            yield start, at


def _closing(text: str, start: int) -> int:
    """Return the index after the bracket that closes the expression at `start`. Raises PolicyError if none does."""
    end = _code(text, start + 2, _PAIRS[text[start + 1]], 0)
    if end is None:
        line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        reason = f"The policy expression is never closed, or nested deeper than {MAX_NESTING}."
        raise PolicyError([fault_at("policies", line, column, reason)])
    return end


def _code(text: str, at: int, closer: str, depth: int) -> int | None:
    """Return the index after `closer`, or None if the text ends or nests too deep. `at` is inside the code."""
    stack = [closer]
    while stack:
        if at >= len(text) or len(stack) + depth > MAX_NESTING:
            return None
        skipped = _skip(text, at, depth + len(stack))
        if skipped is None:
            return None
        if skipped > at:
            at = skipped
            continue
        char = text[at]
        at += 1
        if char in _PAIRS:
            stack.append(_PAIRS[char])
        elif char == stack[-1]:
            stack.pop()
    return at


def _skip(text: str, at: int, depth: int) -> int | None:
    """Return the index after a string, character or comment that begins here; None if it does not end."""
    opened = _INTERPOLATED.match(text, at)
    if opened is not None:
        return _interpolated(text, opened.end(), opened.group(), depth)
    if text.startswith("/*", at):
        end = text.find("*/", at + 2)
        return None if end < 0 else end + 2
    token = _WHOLE.match(text, at) or _PLAIN.match(text, at)
    return at if token is None else token.end()


def _interpolated(text: str, at: int, opening: str, depth: int) -> int | None:
    """Return the index after an interpolated string, whose holes contain code and so possibly further strings."""
    quote = "&quot;" if opening.endswith("&quot;") else '"'
    verbatim = "@" in opening
    while at < len(text):
        if text.startswith(("{{", "}}"), at) or (verbatim and text.startswith('""', at)):
            at += 2
        elif text.startswith(quote, at):
            return at + len(quote)
        elif text[at] == "\\" and not verbatim:
            at += 2
        elif text[at] == "{":
            hole = _code(text, at + 1, "}", depth + 1)
            if hole is None:
                return None
            at = hole
        else:
            at += 1
    return None


def _mark(expression: str) -> str:
    """Return a mark with as many characters, and with line breaks where the expression has them."""
    inner = "".join("\n" if char == "\n" else FILL for char in expression[1:-1])
    return f"{OPEN}{inner}{CLOSE}"
