"""Parses a regular expression to a tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from provision.local.apim.expressions.errors import Thrown

__all__ = ["Alternatives", "Anchor", "Back", "Characters", "Group", "Look", "Node", "Pattern", "Repeat", "read_pattern"]

MAX_PATTERN = 4096
MAX_NESTING = 30
IGNORE_CASE, MULTILINE, EXPLICIT, SINGLE_LINE, FREE_SPACING = 1, 2, 4, 16, 32


class Node:
    """A piece of a pattern."""


@dataclass(slots=True)
class Characters(Node):
    """One character of a set. `classes`: letters of classes such as `d` and `W`, `.`, or `*` for any character."""

    singles: set[str] = field(default_factory=set)
    ranges: list[tuple[str, str]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    negated: bool = False
    ignore_case: bool = False

    def has(self, sign: str) -> bool:
        """Return whether the character is in the set."""
        if self.ignore_case:
            return (self._holds(sign.lower()) or self._holds(sign.upper())) is not self.negated
        return self._holds(sign) is not self.negated

    def _holds(self, sign: str) -> bool:
        if sign in self.singles:
            return True
        if any(low <= sign <= high for low, high in self.ranges):
            return True
        return any(_in_class(letter, sign) for letter in self.classes)


def _in_class(letter: str, sign: str) -> bool:
    if letter == ".":
        return sign != "\n"
    if letter == "*":
        return True
    kind = letter.lower()
    if kind == "d":
        found = sign.isdecimal()
    elif kind == "w":
        found = sign.isalnum() or sign == "_"
    else:
        found = sign.isspace()
    return found is (letter == kind)


@dataclass(slots=True)
class Anchor(Node):
    """A position: `^ $ \\b \\B \\A \\Z \\z`, or `m^` and `m$` in a multi-line pattern."""

    kind: str


@dataclass(slots=True)
class Back(Node):
    """A reference back to the text of a group."""

    group: int | str
    ignore_case: bool


@dataclass(slots=True)
class Group(Node):
    """A sequence. `number`: that of a capturing group. `atomic`: once it has matched, it does not backtrack."""

    parts: list[Node]
    number: int | None = None
    atomic: bool = False


@dataclass(slots=True)
class Alternatives(Node):
    branches: list[Node]


@dataclass(slots=True)
class Look(Node):
    """Look-ahead, or look-behind of a fixed width."""

    inner: Node
    behind: bool
    negated: bool


@dataclass(slots=True)
class Repeat(Node):
    """A repetition. `most` None: unlimited."""

    inner: Node
    least: int
    most: int | None
    lazy: bool


@dataclass(slots=True)
class Pattern:
    root: Node
    groups: int
    names: dict[str, int]


_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d{1,6})(?:(,)(\d{1,6})?)?\})(\?)?")
_GROUP_NAME = re.compile(r"\?(?:<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_FLAGS = re.compile(r"\?([imnsx]*)(?:-([imnsx]*))?([:)])")
_LETTERS = {"i": IGNORE_CASE, "m": MULTILINE, "n": EXPLICIT, "s": SINGLE_LINE, "x": FREE_SPACING}
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}


def bad(pattern: str, reason: str) -> Thrown:
    return Thrown("ArgumentException", f"Invalid pattern '{pattern[:80]}': {reason}.")


class _Reader:
    def __init__(self, text: str, flags: int) -> None:
        self.text, self.position, self.flags = text, 0, flags
        self.groups = 0
        self.names: dict[str, int] = {}
        self.named: list[tuple[str, Group]] = []
        self.depth = 0

    def error(self, reason: str) -> Thrown:
        return bad(self.text, reason)

    def peek(self, text: str) -> bool:
        return self.text.startswith(text, self.position)

    def take(self, text: str) -> bool:
        if not self.peek(text):
            return False
        self.position += len(text)
        return True

    def next(self) -> str:
        if self.position >= len(self.text):
            raise self.error("it ends too early")
        self.position += 1
        return self.text[self.position - 1]

    def alternatives(self) -> Node:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.error("it is nested too deeply")
        branches = [self.sequence()]
        while self.take("|"):
            branches.append(self.sequence())
        self.depth -= 1
        return branches[0] if len(branches) == 1 else Alternatives(branches)

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.position < len(self.text) and not (self.peek("|") or self.peek(")")):
            part = self.atom()
            if part is not None:
                parts.append(self.repeated(part))
        return Group(parts)

    def repeated(self, part: Node) -> Node:
        found = _QUANTIFIER.match(self.text, self.position)
        if found is None:
            return part
        if isinstance(part, Anchor):
            raise self.error("a quantifier follows nothing")
        self.position = found.end()
        if found[1] is not None:
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[1]]
        else:
            least = int(found[2])
            most = least if found[3] is None else None if found[4] is None else int(found[4])
        if max(least, most or 0) > 1000 or (most is not None and most < least):
            raise self.error("a quantifier is out of bounds (at most 1000, in order)")
        if _QUANTIFIER.match(self.text, self.position):
            raise self.error("quantifiers follow one another")
        return Repeat(part, least, most, found[5] is not None)

    def atom(self) -> Node | None:
        sign = self.next()
        if sign == "(":
            return self.group()
        if sign == "[":
            return self.set_()
        if sign == "\\":
            return self.escape()
        if sign == ".":
            return Characters(classes=["*" if self.flags & SINGLE_LINE else "."])
        if sign in "^$":
            return Anchor(("m" if self.flags & MULTILINE else "") + sign)
        if self.flags & FREE_SPACING and (sign.isspace() or sign == "#"):
            while sign == "#" and self.position < len(self.text) and self.next() != "\n":
                continue
            return None
        if sign in "*+?":
            raise self.error("a quantifier follows nothing")
        return self.single(sign)

    def single(self, sign: str) -> Characters:
        return Characters({sign}, ignore_case=bool(self.flags & IGNORE_CASE))

    def group(self) -> Node | None:
        outer = self.flags
        if self.take("?:"):
            return self.closed(outer, Group([self.alternatives()]))
        if self.take("?>"):
            return self.closed(outer, Group([self.alternatives()], atomic=True))
        for mark, behind, negated in (
            ("?=", False, False),
            ("?!", False, True),
            ("?<=", True, False),
            ("?<!", True, True),
        ):
            if self.take(mark):
                return self.closed(outer, Look(self.alternatives(), behind, negated))
        named = _GROUP_NAME.match(self.text, self.position)
        if named is not None:
            self.position = named.end()
            made = Group([])
            self.named.append((named[1] or named[2], made))
            made.parts = [self.alternatives()]
            return self.closed(outer, made)
        flags = _FLAGS.match(self.text, self.position)
        if flags is not None:
            return self.flagged(flags, outer)
        if self.peek("?"):
            raise self.error("unrecognized grouping construct")
        if self.flags & EXPLICIT:
            return self.closed(outer, Group([self.alternatives()]))
        self.groups += 1
        number = self.groups
        return self.closed(outer, Group([self.alternatives()], number))

    def flagged(self, found: re.Match[str], outer: int) -> Node | None:
        self.position = found.end()
        for letter in found[1]:
            self.flags |= _LETTERS[letter]
        for letter in found[2] or "":
            self.flags &= ~_LETTERS[letter]
        if found[3] == ")":
            return None
        return self.closed(outer, Group([self.alternatives()]))

    def closed(self, flags: int, node: Node) -> Node:
        if not self.take(")"):
            raise self.error("not enough )'s")
        self.flags = flags
        return node

    def escape(self) -> Node:
        sign = self.next()
        if sign in "dDwWsS":
            return Characters(classes=[sign])
        if sign in "bBAZzG":
            return Anchor(sign)
        if sign.isascii() and sign.isdigit() and sign != "0":
            return Back(int(sign), bool(self.flags & IGNORE_CASE))
        if sign == "k":
            named = re.compile(r"<(\w+)>|'(\w+)'").match(self.text, self.position)
            if named is None:
                raise self.error("malformed \\k<...> named back reference")
            self.position = named.end()
            return Back(named[1] or named[2], bool(self.flags & IGNORE_CASE))
        return self.single(self.escaped_sign(sign))

    def escaped_sign(self, sign: str) -> str:
        width = {"x": 2, "u": 4}.get(sign)
        if width is not None:
            digits = self.text[self.position : self.position + width]
            if re.fullmatch(rf"[0-9a-fA-F]{{{width}}}", digits) is None:
                raise self.error("insufficient hexadecimal digits")
            self.position += width
            return chr(int(digits, 16))
        if sign == "0":
            return "\0"
        if sign.isalpha() and sign not in _CONTROL:
            raise self.error(f"unrecognized escape sequence \\{sign}")
        return _CONTROL.get(sign, sign)

    def set_(self) -> Characters:
        made = Characters(negated=self.take("^"), ignore_case=bool(self.flags & IGNORE_CASE))
        first = True
        while first or not self.peek("]"):
            low = self.set_member(made)
            first = False
            if low is None or not self.peek("-") or self.text[self.position + 1 : self.position + 2] in ("]", ""):
                made.singles.update(low or "")
                continue
            self.position += 1
            high = self.set_member(made)
            if high is None or high < low:
                raise self.error("[x-y] range in reverse order")
            made.ranges.append((low, high))
        self.position += 1
        return made

    def set_member(self, made: Characters) -> str | None:
        """Return the next character of a set. A class such as `\\d` is added to `made`, and None is returned."""
        sign = self.next()
        if sign != "\\":
            return sign
        sign = self.next()
        if sign in "dDwWsS":
            made.classes.append(sign)
            return None
        return "\b" if sign == "b" else self.escaped_sign(sign)


def read_pattern(text: str, flags: int) -> Pattern:
    """Parse a pattern. Raises Thrown (ArgumentException), as .NET does, if it is not valid or not supported."""
    if len(text) > MAX_PATTERN:
        raise bad(text, f"it is longer than {MAX_PATTERN} characters")
    reader = _Reader(text, flags)
    root = reader.alternatives()
    if reader.position < len(text):
        raise reader.error("too many )'s")
    # .NET numbers named groups after the unnamed ones.
    for name, group in reader.named:
        number = reader.names.get(name)
        if number is None:
            reader.groups += 1
            number = reader.names[name] = reader.groups
        group.number = number
    return Pattern(root, reader.groups, reader.names)
