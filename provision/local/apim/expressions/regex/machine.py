"""Compiles a pattern to a flat program, and runs it with backtracking, counting every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.regex.pattern import (
    Alternatives,
    Anchor,
    Back,
    Characters,
    Group,
    Look,
    Node,
    Repeat,
    bad,
    read_pattern,
)

__all__ = ["Found", "Program", "compile_pattern"]

MAX_PROGRAM = 20_000
_BATCH = 256
_STACK = 400_000


@dataclass(slots=True, frozen=True)
class Found:
    """A match. `spans`: start and end of group 0 and of each other group in turn; -1: it took no part."""

    text: str
    spans: tuple[int, ...]

    def group(self, number: int) -> str | None:
        start, end = self.spans[2 * number : 2 * number + 2]
        return None if start < 0 or end < 0 else self.text[start:end]


@dataclass(slots=True)
class Program:
    """A compiled pattern. `code`: its instructions `(operation, a, b)`. `names`: the numbers of named groups."""

    code: list[tuple[str, object, object]] = field(default_factory=list)
    groups: int = 0
    names: dict[str, int] = field(default_factory=dict)
    loops: int = 0

    def find(self, text: str, start: int, charge: Callable[[int], None]) -> Found | None:
        """Return the first match at or after `start`, or None.

        `charge`: called with the work done since its last call; it may raise to stop the search.
        """
        for position in range(start, len(text) + 1):
            charge(1)
            found = _run(self, text, position, charge)
            if found is not None:
                return Found(text, found)
        return None


class _Emitter:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.program = Program()

    def put(self, operation: str, a: object = None, b: object = None) -> int:
        code = self.program.code
        if len(code) > MAX_PROGRAM:
            raise bad(self.pattern, "it unfolds to too large a program")
        code.append((operation, a, b))
        return len(code) - 1

    def patch(self, index: int, a: object = None, b: object = None) -> None:
        self.program.code[index] = (self.program.code[index][0], a, b)

    def here(self) -> int:
        return len(self.program.code)

    def emit(self, node: Node) -> None:
        if isinstance(node, Characters):
            self.put("set", node.has)
        elif isinstance(node, Anchor):
            self.put("anchor", node.kind)
        elif isinstance(node, Back):
            self.put("back", node.group, node.ignore_case)
        elif isinstance(node, Group):
            self.group(node)
        elif isinstance(node, Alternatives):
            self.alternatives(node)
        elif isinstance(node, Look):
            self.look(node)
        elif isinstance(node, Repeat):
            self.repeat(node)

    def group(self, node: Group) -> None:
        if node.atomic:
            self.enclosed("atomic", node.parts)
            return
        if node.number is not None:
            self.put("save", 2 * node.number)
        for part in node.parts:
            self.emit(part)
        if node.number is not None:
            self.put("save", 2 * node.number + 1)

    def enclosed(self, operation: str, parts: list[Node], extra: object = None) -> None:
        index = self.put(operation)
        for part in parts:
            self.emit(part)
        self.put("match")
        self.patch(index, self.here(), extra)

    def alternatives(self, node: Alternatives) -> None:
        exits = []
        for branch in node.branches[:-1]:
            split = self.put("split")
            self.emit(branch)
            exits.append(self.put("jump"))
            self.patch(split, split + 1, self.here())
        self.emit(node.branches[-1])
        for index in exits:
            self.patch(index, self.here())

    def look(self, node: Look) -> None:
        if not node.behind:
            self.enclosed("look", [node.inner], node.negated)
            return
        width = _width(node.inner)
        if width is None:
            raise bad(self.pattern, "a look-behind must be of fixed width here")
        self.enclosed("behind", [node.inner], (width, node.negated))

    def repeat(self, node: Repeat) -> None:
        for _ in range(node.least):
            self.emit(node.inner)
        if node.most is None:
            self.endless(node)
            return
        splits = []
        for _ in range(node.most - node.least):
            splits.append(self.put("split"))
            self.emit(node.inner)
        for index in splits:
            ways = (index + 1, self.here())
            self.patch(index, *(ways[::-1] if node.lazy else ways))

    def endless(self, node: Repeat) -> None:
        if isinstance(node.inner, Characters) and not node.lazy:
            self.put("run", node.inner.has)
            return
        register = self.program.loops
        self.program.loops += 1
        split = self.put("split")
        self.put("mark", register)
        self.emit(node.inner)
        self.put("loop", register, split)
        ways = (split + 1, self.here())
        self.patch(split, *(ways[::-1] if node.lazy else ways))


def _width(node: Node) -> int | None:
    """Return the number of characters that every match of a piece has, or None if it varies."""
    if isinstance(node, Characters):
        return 1
    if isinstance(node, (Anchor, Look)):
        return 0
    if isinstance(node, Repeat):
        inner = _width(node.inner)
        return None if inner is None or node.least != node.most else inner * node.least
    if isinstance(node, Alternatives):
        widths = {_width(branch) for branch in node.branches}
        return widths.pop() if len(widths) == 1 else None
    if isinstance(node, Group):
        parts = [_width(part) for part in node.parts]
        return None if None in parts else sum(part for part in parts if part is not None)
    return None


@lru_cache(maxsize=256)
def compile_pattern(text: str, flags: int) -> Program:
    """Compile a pattern. Raises Thrown (ArgumentException) if it is not valid."""
    pattern = read_pattern(text, flags)
    emitter = _Emitter(text)
    emitter.emit(pattern.root)
    emitter.put("match")
    program = emitter.program
    program.groups, program.names = pattern.groups, pattern.names
    for operation, a, _ in program.code:
        if operation == "back" and (a > pattern.groups if isinstance(a, int) else a not in pattern.names):
            raise bad(text, f"reference to undefined group {a}")
    return program


class _Thread:
    """An attempt to match from one position. Choices that are still to be tried are on a stack."""

    __slots__ = ("charge", "program", "text", "work")

    def __init__(self, program: Program, text: str, charge: Callable[[int], None]) -> None:
        self.program, self.text, self.charge, self.work = program, text, charge, 0

    def spend(self, count: int) -> None:
        self.work += count
        if self.work >= _BATCH:
            self.charge(2 * self.work)
            self.work = 0

    def run(self, at: int, position: int, state: tuple[int, ...]) -> tuple[int, tuple[int, ...]] | None:
        """Return the end of the match and its state, or None if there is no match from `position`.

        `at`: the first instruction. `state`: the groups' starts and ends, then the loops' marks.
        """
        stack: list[tuple[int, int, tuple[int, ...]]] = []
        code, text = self.program.code, self.text
        while True:
            self.spend(1)
            operation, a, b = code[at]
            step: tuple[int, int, tuple[int, ...]] | None
            if operation == "set":
                fits = position < len(text) and a(text[position])  # type: ignore[operator]  # a set's test
                step = (at + 1, position + 1, state) if fits else None
            elif operation == "match":
                return position, state
            elif operation == "split":
                if len(stack) > _STACK:
                    raise Thrown("RegexMatchTimeoutException", "The Regex engine has timed out on this input.")
                stack.append((b, position, state))  # type: ignore[arg-type]  # an index
                step = (a, position, state)  # type: ignore[assignment]  # an index
            elif operation == "run":
                step = self.taken(stack, at, position, state)
            else:
                step = self.other(at, position, state)
            if step is None:
                if not stack:
                    return None
                step = stack.pop()
            at, position, state = step

    def taken(
        self, stack: list[tuple[int, int, tuple[int, ...]]], at: int, position: int, state: tuple[int, ...]
    ) -> tuple[int, int, tuple[int, ...]]:
        """Match as many characters of a set as follow. Every smaller number of them remains a choice."""
        test = self.program.code[at][1]
        end = position
        while end < len(self.text) and test(self.text[end]):  # type: ignore[operator]  # a set's test
            end += 1
        self.spend(end - position)
        if len(stack) + end - position > _STACK:
            raise Thrown("RegexMatchTimeoutException", "The Regex engine has timed out on this input.")
        stack.extend((at + 1, place, state) for place in range(position, end))
        return at + 1, end, state

    def other(self, at: int, position: int, state: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]] | None:
        operation, a, b = self.program.code[at]
        if operation == "jump":
            return (a, position, state)  # type: ignore[return-value]  # an index
        if operation == "save" and isinstance(a, int):
            return at + 1, position, (*state[:a], position, *state[a + 1 :])
        if operation == "anchor":
            return (at + 1, position, state) if _holds(str(a), self.text, position) else None
        if operation == "back":
            return self.back(at, position, state)
        marks = 2 * self.program.groups + 2
        if operation == "mark" and isinstance(a, int):
            return at + 1, position, (*state[: marks + a], position, *state[marks + a + 1 :])
        if operation == "loop" and isinstance(a, int) and isinstance(b, int):
            # A pass that matched no character ends the loop, because it would repeat for ever.
            return (at + 1 if state[marks + a] == position else b, position, state)
        return self.nested(at, position, state)

    def nested(self, at: int, position: int, state: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]] | None:
        operation, after, extra = self.program.code[at]
        start, negated = position, extra is True
        if operation == "behind" and isinstance(extra, tuple):
            start, negated = position - extra[0], extra[1]
        found = None if start < 0 else self.run(at + 1, start, state)
        if not isinstance(after, int):
            return None
        if operation == "atomic":
            return None if found is None else (after, found[0], found[1])
        if negated:
            return (after, position, state) if found is None else None
        return None if found is None else (after, position, found[1])

    def back(self, at: int, position: int, state: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]] | None:
        _, a, ignore_case = self.program.code[at]
        number = a if isinstance(a, int) else self.program.names[str(a)]
        start, end = state[2 * number], state[2 * number + 1]
        if start < 0 or end < 0:
            return None
        wanted, actual = self.text[start:end], self.text[position : position + end - start]
        self.spend(len(wanted))
        same = wanted.lower() == actual.lower() if ignore_case else wanted == actual
        return (at + 1, position + len(wanted), state) if same else None


def _run(program: Program, text: str, position: int, charge: Callable[[int], None]) -> tuple[int, ...] | None:
    empty = (-1,) * (2 * program.groups + 2 + program.loops)
    thread = _Thread(program, text, charge)
    found = thread.run(0, position, empty)
    charge(2 * thread.work)
    if found is None:
        return None
    end, state = found
    return (position, end, *state[2 : 2 * program.groups + 2])


def _word(text: str, position: int) -> bool:
    return 0 <= position < len(text) and (text[position].isalnum() or text[position] == "_")


def _holds(kind: str, text: str, position: int) -> bool:
    if kind in ("^", "A", "G"):
        return position == 0
    if kind == "z":
        return position == len(text)
    if kind in ("$", "Z"):
        return position == len(text) or (position == len(text) - 1 and text[position] == "\n")
    if kind == "m^":
        return position == 0 or text[position - 1] == "\n"
    if kind == "m$":
        return position == len(text) or text[position] == "\n"
    return (_word(text, position) is not _word(text, position - 1)) is (kind == "b")
