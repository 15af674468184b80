"""The part of Liquid that set-body's templates run here.

Output of paths below `body` and `context` (`{{ body.choices[0].text | upcase }}`), and the tags if, elsif, else,
unless, for, assign and comment. Other tags and filters are refused when the document is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from provision.local.apim.context import PolicyContext, Request, Response
from provision.local.apim.policies.liquid_values import Operand, body_of, context_of, parse_operand, text_of
from provision.local.apim.policies.steps import Parsed
from provision.local.apim.policies.values import Constant
from provision.local.apim.services import PolicyFault

__all__ = ["TAGS", "LiquidError", "Template", "compile_template", "parse_template"]

TAGS = ("if", "elsif", "else", "unless", "for", "assign", "comment")
MAX_TURNS = 10_000
"""Turns of all loops of one rendering together."""
MAX_OUTPUT = 4 * 1024 * 1024
MAX_NESTING = 20
MAX_TAG = 1000
"""Characters of one output or tag."""

_TOKEN = re.compile(r"(\{\{-?)([^{}]*?)(-?\}\})|(\{%-?)([^{}]*?)(-?%\})")
_CONDITION = re.compile(r"\s+(and|or)\s+")
_COMPARISON = re.compile(r"\s*(==|!=|<>|<=|>=|<|>|\bcontains\b)\s*")
_FOR = re.compile(r"(\w+)\s+in\s+(\S+)")
_ASSIGN = re.compile(r"(\w+)\s*=\s*(.+)", re.DOTALL)

Scope = dict[str, object]


class LiquidError(ValueError):
    """A template that cannot run here."""


@dataclass
class _Rendering:
    """What one rendering has made so far, and may still spend."""

    parts: list[str]
    turns: int = 0
    size: int = 0

    def write(self, text: str) -> None:
        self.size += len(text)
        if self.size > MAX_OUTPUT:
            raise _exceeded(f"The template makes more than {MAX_OUTPUT} characters.")
        self.parts.append(text)

    def turn(self) -> None:
        self.turns += 1
        if self.turns > MAX_TURNS:
            raise _exceeded(f"The template loops more than {MAX_TURNS} times.")


def _exceeded(message: str) -> PolicyFault:
    return PolicyFault("set-body", "LiquidLimitExceeded", message)


Node = Callable[[Scope, _Rendering], None]
Block = tuple[Node, ...]
Test = Callable[[Scope], bool]


class Template:
    """A compiled template. What a path does not find is empty."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def render(self, context: PolicyContext, message: Request | Response) -> str:
        return self.render_with({"body": body_of(message), "context": context_of(context)})

    def render_with(self, scope: Scope) -> str:
        rendering = _Rendering([])
        _run(self._block, scope, rendering)
        return "".join(rendering.parts)


def compile_template(parsed: Parsed) -> Template:
    """Compile set-body's text. Raises PolicyError for what cannot run here."""
    try:
        return parse_template(str(cast(Constant, parsed.text).value))
    except LiquidError as error:
        raise parsed.node.error(str(error)) from error


def parse_template(text: str) -> Template:
    """Compile a text. Raises LiquidError."""
    parser = _Parser(list(_tokens(text)))
    return Template(parser.block(()))


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """("text" | "output" | "tag", what stands in it); a dash eats the white space on its side."""
    at, eat = 0, False
    for match in _TOKEN.finditer(text):
        plain = text[at : match.start()]
        opening = match.group(1) or match.group(4)
        plain = plain.lstrip() if eat else plain
        yield "text", _closed(plain.rstrip() if opening.endswith("-") else plain)
        closing = match.group(3) or match.group(6)
        kind, inner = ("output", match.group(2)) if match.group(1) else ("tag", match.group(5))
        if len(inner) > MAX_TAG:
            raise LiquidError(f"A Liquid output or tag is longer than {MAX_TAG} characters.")
        yield kind, inner.strip()
        eat, at = closing.startswith("-"), match.end()
    rest = text[at:]
    yield "text", _closed(rest.lstrip() if eat else rest)


def _closed(plain: str) -> str:
    if "{{" in plain or "{%" in plain:
        raise LiquidError("A Liquid output or tag is never closed.")
    return plain


class _Parser:
    """Turns tokens into nodes; blocks end at the tags that their opener names."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self.ended_by = ""

    def block(self, ends: tuple[str, ...]) -> Block:
        nodes: list[Node] = []
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise LiquidError(f"Liquid tags are nested deeper than {MAX_NESTING}.")
        while self._at < len(self._tokens):
            kind, inner = self._tokens[self._at]
            self._at += 1
            if kind == "tag" and inner.split(None, 1)[:1] and inner.split(None, 1)[0] in ends:
                self.ended_by = inner
                self._depth -= 1
                return tuple(nodes)
            nodes.append(self._node(kind, inner))
        if ends:
            raise LiquidError(f"The Liquid tag '{ends[0]}' is missing.")
        self._depth -= 1
        return tuple(nodes)

    def _node(self, kind: str, inner: str) -> Node:
        if kind == "text":
            return _write(inner)
        return self._output(inner) if kind == "output" else self._tag(inner)

    def _output(self, inner: str) -> Node:
        operand = _operand(inner)
        return lambda scope, rendering: rendering.write(text_of(operand(scope)))

    def _tag(self, inner: str) -> Node:
        name, _, rest = inner.partition(" ")
        if name in ("if", "unless"):
            return self._if(rest, name)
        if name == "for":
            return self._for(rest)
        if name == "comment":
            self.block(("endcomment",))
            return _write("")
        if name == "assign":
            return _assign(rest)
        raise LiquidError(f"The Liquid tag '{name}' cannot run on the local gateway; known: {', '.join(TAGS)}.")

    def _if(self, rest: str, name: str) -> Node:
        branches: list[tuple[Test, Block]] = []
        test = _condition(rest)
        if name == "unless":
            test = _negated(test)
        end = f"end{name}"
        while True:
            branches.append((test, self.block(("elsif", "else", end))))
            tag, _, condition = self.ended_by.partition(" ")
            if tag == end:
                break
            test = _condition(condition) if tag == "elsif" else _always
        return lambda scope, rendering: _choose(branches, scope, rendering)

    def _for(self, rest: str) -> Node:
        match = _FOR.fullmatch(rest.strip())
        if match is None:
            raise LiquidError(f"'{rest}' is not `name in path`.")
        name, items = match.group(1), _operand(match.group(2))
        block = self.block(("endfor",))
        return lambda scope, rendering: _loop(name, items(scope), block, scope, rendering)


def _write(text: str) -> Node:
    return lambda scope, rendering: rendering.write(text)


def _assign(rest: str) -> Node:
    match = _ASSIGN.fullmatch(rest.strip())
    if match is None:
        raise LiquidError(f"'{rest}' is not `name = value`.")
    name, operand = match.group(1), _operand(match.group(2))
    return lambda scope, rendering: scope.__setitem__(name, operand(scope))


def _operand(text: str) -> Operand:
    try:
        return parse_operand(text)
    except ValueError as error:
        raise LiquidError(str(error)) from error


def _run(block: Block, scope: Scope, rendering: _Rendering) -> None:
    for node in block:
        node(scope, rendering)


def _choose(branches: Sequence[tuple[Test, Block]], scope: Scope, rendering: _Rendering) -> None:
    for test, block in branches:
        if test(scope):
            _run(block, scope, rendering)
            return


def _loop(name: str, items: object, block: Block, scope: Scope, rendering: _Rendering) -> None:
    if isinstance(items, dict):
        items = [{"Key": key, "Value": value} for key, value in items.items()]
    if not isinstance(items, (list, tuple)):
        return
    for index, item in enumerate(items):
        rendering.turn()
        loop = {"index": index + 1, "index0": index, "first": index == 0, "last": index == len(items) - 1}
        _run(block, {**scope, name: item, "forloop": loop}, rendering)


def _always(scope: Scope) -> bool:
    return True


def _negated(test: Test) -> Test:
    return lambda scope: not test(scope)


def _condition(text: str) -> Test:
    """Comparisons joined by and and or, from the right as Liquid has it."""
    first, *rest = _CONDITION.split(text.strip(), maxsplit=1)
    test = _comparison(first)
    if not rest:
        return test
    word, other = rest[0], _condition(rest[1])
    if word == "and":
        return lambda scope: test(scope) and other(scope)
    return lambda scope: test(scope) or other(scope)


def _comparison(text: str) -> Test:
    left, *rest = _COMPARISON.split(text, maxsplit=1)
    operand = _operand(left)
    if not rest:
        return lambda scope: operand(scope) not in (None, False)
    word, other = rest[0], _operand(rest[1])
    return lambda scope: _compare(operand(scope), word, other(scope))


def _compare(left: object, word: str, right: object) -> bool:
    if word in ("==", "!=", "<>"):
        return (left == right) is (word == "==")
    if word == "contains":
        return isinstance(left, (str, list, dict)) and text_of(right) in left
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[word]
    return False
