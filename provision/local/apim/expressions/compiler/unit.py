"""Holds the state of one expression's compilation, and finds the function that compiles a piece of syntax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lark import Token, Tree

from provision.local.apim.expressions.errors import ExpressionError, known_exceptions
from provision.local.apim.expressions.library.table import find_table
from provision.local.apim.expressions.limits import MAX_DEPTH
from provision.local.apim.expressions.runtime.frame import Frame, Run

__all__ = [
    "EXPRESSIONS",
    "STATEMENTS",
    "Node",
    "Signal",
    "Statement",
    "Unit",
    "Variable",
    "children",
    "rule",
    "statement",
]

T = TypeVar("T")
Syntax = Tree[Token]


@dataclass(slots=True)
class Node:
    """A compiled expression. `type`: its static C# type (`null` for that literal); None: known only at run time."""

    run: Run
    type: str | None = None
    constant: bool = False


class Signal:
    """The statement that ended another one early."""

    BREAK = 1
    CONTINUE = 2
    RETURN = 3


@dataclass(slots=True)
class Statement:
    """A compiled statement. `ends`: control never reaches the next one. `breaks`: it may leave its loop by `break`."""

    run: Callable[[Frame], int | None]
    ends: bool = False
    breaks: bool = False


@dataclass(slots=True, frozen=True)
class Variable:
    slot: int
    type: str | None


_NAMESPACES = (
    "System", "System.Collections", "System.Collections.Generic", "System.Globalization", "System.IO", "System.Linq",
    "System.Net", "System.Security", "System.Security.Cryptography", "System.Text", "System.Text.RegularExpressions",
    "System.Web", "System.Xml", "System.Xml.Linq", "Newtonsoft", "Newtonsoft.Json", "Newtonsoft.Json.Linq",
)  # fmt: skip
_ALIASES = {
    "String": "string", "Object": "object", "Boolean": "bool", "Int16": "short", "Int32": "int", "Int64": "long",
    "UInt16": "ushort", "UInt32": "uint", "UInt64": "ulong", "Byte": "byte", "SByte": "sbyte", "Char": "char",
    "Double": "double", "Single": "float", "Decimal": "decimal",
}  # fmt: skip
_UNTABLED = frozenset(
    {"void"}
    | {
        "object",
        "var",
        "dynamic",
        "Func",
        "Action",
        "IEnumerable",
        "ICollection",
        "IList",
        "IReadOnlyList",
        "IDictionary",
    }
    | {"IReadOnlyDictionary", "IReadOnlyCollection"}
)

EXPRESSIONS: dict[str, Callable[[Unit, Syntax], Node]] = {}
STATEMENTS: dict[str, Callable[[Unit, Syntax], Statement]] = {}


def rule(name: str) -> Callable[[Callable[[Unit, Syntax], Node]], Callable[[Unit, Syntax], Node]]:
    """Register the decorated function as the compiler of a grammar rule for expressions."""

    def register(function: Callable[[Unit, Syntax], Node]) -> Callable[[Unit, Syntax], Node]:
        EXPRESSIONS[name] = function
        return function

    return register


def statement(name: str) -> Callable[[Callable[[Unit, Syntax], Statement]], Callable[[Unit, Syntax], Statement]]:
    """Register the decorated function as the compiler of a grammar rule for statements."""

    def register(function: Callable[[Unit, Syntax], Statement]) -> Callable[[Unit, Syntax], Statement]:
        STATEMENTS[name] = function
        return function

    return register


def children(tree: Syntax, *names: str) -> list[Syntax]:
    """Return the subtrees of a tree, without its tokens. With `names`, only those of these rules."""
    return [child for child in tree.children if isinstance(child, Tree) and (not names or child.data in names)]


class Unit:
    """The state of the compilation of one expression."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Variable]] = [{}]
        self.slots = 0
        self.reads: set[str] = set()
        self.depth = 0
        self.lambdas = 0
        self.place: Syntax | Token | None = None

    def error(self, message: str, place: Syntax | Token | None = None) -> ExpressionError:
        """Return an error at a piece of syntax. `place` None: at the expression being compiled."""
        where = self.place if place is None else place
        if isinstance(where, Tree):
            meta = where.meta
            return ExpressionError(message, getattr(meta, "line", 1), getattr(meta, "column", 1))
        if where is None:
            return ExpressionError(message)
        return ExpressionError(message, where.line or 1, where.column or 1)

    def expression(self, tree: Syntax) -> Node:
        """Compile an expression. Raises ExpressionError if it is not allowed."""
        found = EXPRESSIONS.get(tree.data)
        if found is None:
            raise self.error(f"'{tree.data.replace('_', ' ').strip()}' is not allowed here", tree)
        return self._nested(lambda: found(self, tree), tree)

    def statement(self, tree: Syntax) -> Statement:
        """Compile a statement. Raises ExpressionError if it is not allowed."""
        found = STATEMENTS[tree.data]
        return self._nested(lambda: found(self, tree), tree)

    def _nested(self, compile_: Callable[[], T], tree: Syntax) -> T:
        outer, self.place = self.place, tree
        self.depth += 1
        if self.depth > 2 * MAX_DEPTH:
            raise self.error("Expression is nested too deeply", tree)
        try:
            return compile_()
        finally:
            self.depth -= 1
            self.place = outer

    def slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def declare(self, name: str, type_name: str | None) -> Variable:
        """Declare a local variable. Raises ExpressionError if an enclosing scope has the name, which C# forbids."""
        if self.find(name) is not None:
            raise self.error(f"A local variable named '{name}' is already defined in this scope")
        if name == "context":
            raise self.error("The name 'context' is taken")
        variable = Variable(self.slot(), type_name)
        self.scopes[-1][name] = variable
        return variable

    def find(self, name: str) -> Variable | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def type_name(self, tree: Syntax) -> str:
        """Return the canonical name of a type in the syntax. Raises ExpressionError if it is not allowed."""
        simple = tree if tree.data == "simple_type" else children(tree, "simple_type")[0]
        name = self.known_type(".".join(str(part) for part in children(simple, "type_name")[0].children), simple)
        arguments = children(simple, "type_arguments")
        if arguments:
            name += "<" + ",".join(self.type_name(one) for one in children(arguments[0], "type")) + ">"
        if any(isinstance(child, Token) and child.type == "NULLABLE" for child in simple.children):
            name += "?"
        return name + "[]" * len(children(tree, "rank"))

    def known_type(self, name: str, place: Syntax | Token | None = None) -> str:
        """Return a type's canonical name: without its namespace, and `string` for `String`."""
        found = self.type_or_none(name)
        if found is None:
            raise self.error(f"The type or namespace name '{name}' could not be found, or is not allowed here", place)
        return found

    def type_or_none(self, name: str) -> str | None:
        namespace, _, bare = name.rpartition(".")
        if namespace and namespace not in _NAMESPACES:
            return None
        bare = _ALIASES.get(bare, bare)
        table = find_table(bare)
        if table is not None:
            return table.name
        return bare if bare in _UNTABLED or bare in known_exceptions() else None


def is_namespace(name: str) -> bool:
    """Return whether a dotted name is a namespace that may precede a type's name."""
    return name in _NAMESPACES
