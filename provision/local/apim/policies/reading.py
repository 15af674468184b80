"""Reads policy XML into plain nodes that know their line and column. No entities, no DTD, no network.

It uses expat, not lxml, because expat gives the column of every element, as ARM's faults do, and lets the reader stop
at the beginning of a DTD, before any of it is processed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from provision.local.apim.policies.faults import PolicyError, fault_at
from provision.local.apim.policies.raw import CLOSE, OPEN, hide_expressions, show_expressions

__all__ = ["MAX_DEPTH", "MAX_DOCUMENT_BYTES", "MAX_ELEMENTS", "Node", "read_xml", "replace_named_values"]

MAX_DOCUMENT_BYTES = 256 * 1024
"""APIM's limit for a policy document, in bytes."""
MAX_DEPTH = 64
MAX_ELEMENTS = 10_000
MAX_EXPANDED = 2 * 1024 * 1024
"""The most characters that named values may add to one attribute or text."""

MARKUP = frozenset({"set-body"})
"""Elements whose content is kept as written, including tags."""

_START_TAG = re.compile(rb"""<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")
_NAMED_VALUE = re.compile(r"\{\{([A-Za-z0-9\-._]{1,256})\}\}")


@dataclass(slots=True)
class Node:
    """An element: its own text without that of its children, and the line and column of its name, counted from 1.

    `markup` is all that is between its tags, including elements.
    """

    name: str
    attributes: dict[str, str]
    line: int
    column: int
    children: list[Node] = field(default_factory=list)
    text: str = ""
    markup: str = ""

    def error(self, reason: str, target: str | None = None) -> PolicyError:
        return PolicyError([fault_at(self.name if target is None else target, self.line, self.column, reason)])


def read_xml(value: str, *, raw: bool, root: str) -> Node:
    """Return the document's root. Raises PolicyError if the document is too large, malformed or hostile."""
    _check_size(value, root)
    text, expressions = hide_expressions(value) if raw else (value, [])
    reader = _Reader(root, expressions)
    node = reader.read(text)
    if node.name != root:
        raise node.error(f"The root element must be '{root}'.")
    return node


def replace_named_values(text: str, named_values: Mapping[str, str], node: Node, *, lenient: bool = False) -> str:
    """Replace every `{{name}}`. Raises PolicyError for a name that does not exist, unless `lenient`."""
    if "{{" not in text:
        return text

    size = 0

    def value(match: re.Match[str]) -> str:
        nonlocal size
        known = named_values.get(match.group(1))
        if known is None and not lenient:
            raise node.error(f"Cannot find a property '{match.group(1)}'")
        size += 0 if known is None else len(known)
        if size > MAX_EXPANDED:
            raise node.error(f"Named values make the text longer than {MAX_EXPANDED} characters.")
        return match.group() if known is None else known

    return _NAMED_VALUE.sub(value, text)


def _check_size(value: str, root: str) -> None:
    if len(value) > MAX_DOCUMENT_BYTES or len(value.encode(errors="surrogatepass")) > MAX_DOCUMENT_BYTES:
        raise PolicyError([fault_at(root, 1, 1, f"The document is larger than {MAX_DOCUMENT_BYTES} bytes.")])
    if OPEN in value or CLOSE in value:
        raise PolicyError([fault_at(root, 1, 1, "The characters U+E000 and U+E002 are not allowed.")])


class _Reader:
    """Builds nodes from expat's events."""

    def __init__(self, root: str, expressions: Sequence[str]) -> None:
        self._target = root
        self._all = expressions
        self._expressions = iter(expressions)
        self._source = b""
        self._begins: list[tuple[int, int]] = []
        self._shown = 0
        self._stack: list[Node] = []
        self._root: Node | None = None
        self._count = 0
        self._parser = expat.ParserCreate("utf-8")  # whatever the declaration says, because the text is already decoded
        self._parser.buffer_text = True
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.ProcessingInstructionHandler = self._instruction

    def read(self, text: str) -> Node:
        self._parser.buffer_size = max(1, 4 * len(text))  # deliver text in one piece, so that no mark is cut in two
        try:
            self._source = text.encode()
            self._parser.Parse(self._source, True)
        except expat.ExpatError as error:
            raise self._error(expat.errors.messages[error.code], error.lineno, error.offset + 1) from error
        except UnicodeEncodeError as error:
            raise self._error("The text is not valid Unicode.", 1, 1) from error
        if self._root is None:
            raise self._error("The document is empty.", 1, 1)
        return self._root

    def _start(self, name: str, pairs: list[str]) -> None:
        begin = self._parser.CurrentByteIndex
        values = [self._show(value) for value in pairs[1::2]]
        attributes = dict(zip(pairs[::2], values, strict=True))
        node = Node(name, attributes, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 2)
        self._count += 1
        if len(self._stack) >= MAX_DEPTH:
            raise node.error(f"Elements are nested deeper than {MAX_DEPTH}.")
        if self._count > MAX_ELEMENTS:
            raise node.error(f"The document has more than {MAX_ELEMENTS} elements.")
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self._root = node
        self._stack.append(node)
        self._begins.append((begin, self._shown))

    def _end(self, _name: str) -> None:
        node = self._stack.pop()
        begin, shown = self._begins.pop()
        tag = _START_TAG.match(self._source, begin)
        if node.name in MARKUP and node.children and tag is not None:
            inner = self._source[tag.end() : self._parser.CurrentByteIndex].decode()
            node.markup = show_expressions(inner, iter(self._all[shown:]))

    def _characters(self, text: str) -> None:
        self._stack[-1].text += self._show(text)

    def _show(self, text: str) -> str:
        self._shown += text.count(OPEN)
        return show_expressions(text, self._expressions)

    def _doctype(self, *_: object) -> None:
        raise self._error("A document type declaration is not allowed.")

    def _instruction(self, *_: object) -> None:
        raise self._error("A processing instruction is not allowed.")

    def _error(self, reason: str, line: int | None = None, column: int | None = None) -> PolicyError:
        at_line = self._parser.CurrentLineNumber if line is None else line
        at_column = self._parser.CurrentColumnNumber + 1 if column is None else column
        return PolicyError([fault_at(self._target, at_line, at_column, reason)])
