"""Holds the tables of the C# types and members that expressions can use. Expressions can reach nothing else.

A member is registered with its C# signature. The checks of arguments, the static type of the result, and the line in
the documentation are derived from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ["Member", "Parameter", "Table", "all_tables", "base_name", "find_table", "table_of", "type_arguments"]

F = TypeVar("F", bound=Callable[..., object])

_SIGNATURE = re.compile(
    r"^(?P<static>static )?(?:(?P<returns>[\w<>\[\],.?|]+) )?(?P<name>\w+)(?:<(?P<generics>\w+)>)?"
    r"(?:\((?P<parameters>.*)\)|\[(?P<index>.*)\])?$"
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A formal parameter. `types`: the C# types that it accepts. `variadic`: it takes all remaining arguments."""

    name: str
    types: tuple[str, ...]
    optional: bool = False
    variadic: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """One overload of a member of a C# type.

    `kind`: `property`, `method`, `indexer`, `constructor`, `static` (a static method) or `static_property`.
    """

    owner: str
    name: str
    kind: str
    returns: str
    parameters: tuple[Parameter, ...]
    generic: bool
    metered: bool
    function: Callable[..., object]
    source: str
    signature: str

    def fits(self, static: bool, called: bool) -> bool:
        """Return whether the member is static as `static` says, and a method (`called`) or else a property."""
        return self.kind.startswith("static") is static and self.kind.endswith("property") is not called

    def accepts(self, count: int) -> bool:
        """Return whether a call may have this number of arguments."""
        least = sum(not parameter.optional and not parameter.variadic for parameter in self.parameters)
        variadic = any(parameter.variadic for parameter in self.parameters)
        return least <= count and (variadic or count <= len(self.parameters))


@dataclass(slots=True)
class Table:
    """The members of one C# type. `python`: the Python classes of its values."""

    name: str
    python: tuple[type, ...] = ()
    namespace: str = "System"
    aliases: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    source: str = "5.6"
    members: dict[str, list[Member]] = field(default_factory=dict)
    setters: dict[str, Callable[..., None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _TABLES[self.name] = self
        for alias in self.aliases:
            _TABLES[alias] = self
        for cls in self.python:
            _BY_CLASS[cls] = self

    @property
    def full_name(self) -> str:
        own = self.aliases[0] if self.aliases and self.name.islower() else self.name
        return f"{self.namespace}.{own}"

    def setter(self, name: str) -> Callable[..., None] | None:
        """Return the function that assigns a member of this type or a base type, or None if the member is read-only.

        The indexer's name is `[]`.
        """
        found = self.setters.get(name)
        for base in self.parents() if found is None else ():
            found = found or base.setter(name)
        return found

    def parents(self) -> list[Table]:
        """The tables of the base types."""
        return [_TABLES[base] for base in self.bases]

    def member(self, signature: str, *, source: str = "", metered: bool = False) -> Callable[[F], F]:
        """Register a function under a C# signature. `metered`: its first argument is the Frame, to count its work."""

        def register(function: F) -> F:
            found = _member(self, signature, function, source or self.source, metered)
            self.members.setdefault(found.name, []).append(found)
            return function

        return register

    def find(self, name: str, static: bool, called: bool) -> list[Member]:
        """Return the overloads of a member: first those of this type, then those of its base types.

        A property and a method may have the same name, as `Count` and `Count()` do. `called`: find the method.
        """
        found = [one for one in self.members.get(name, ()) if one.fits(static, called)]
        if not static:
            found.extend(one for base in self.parents() for one in base.find(name, False, called))
        return found


_TABLES: dict[str, Table] = {}
_BY_CLASS: dict[type, Table] = {}


def _member(table: Table, signature: str, function: Callable[..., object], source: str, metered: bool) -> Member:
    found = _SIGNATURE.match(signature)
    if found is None:
        raise ValueError(f"not a signature: {signature}")
    name, static = found["name"], found["static"] is not None
    if found["index"] is not None:
        kind, name = "indexer", "[]"
    elif name == "new":
        kind = "static_constructor"
    elif found["parameters"] is None:
        kind = "static_property" if static else "property"
    else:
        kind = "static" if static else "method"
    parameters = tuple(_parameters(found["parameters"] or found["index"] or ""))
    returns = found["returns"] or table.name
    generic = found["generics"] is not None
    return Member(table.name, name, kind, returns, parameters, generic, metered, function, source, signature)


def _parameters(text: str) -> Iterator[Parameter]:
    for part in text.split(", ") if text else ():
        variadic = part.startswith("params ")
        types, name = part.removeprefix("params ").rsplit(" ", 1)
        alternatives = tuple(one.removesuffix("[]") if variadic else one for one in types.split("|"))
        yield Parameter(name.rstrip("?"), alternatives, name.endswith("?"), variadic)


def base_name(type_name: str) -> str:
    """Return a type's name without its arguments: `List<string>` → `List`, `string[]` → `Array`, `int?` → `int`."""
    if type_name.endswith("[]"):
        return "Array"
    return type_name.split("<", 1)[0].removesuffix("?")


def type_arguments(type_name: str) -> list[str]:
    """Return a generic type's arguments, else an empty list: `Dictionary<string,int>` → `["string", "int"]`."""
    if "<" not in type_name or not type_name.endswith(">"):
        return []
    inner, depth, start, found = type_name[type_name.index("<") + 1 : -1], 0, 0, []
    for position, sign in enumerate(inner):
        depth += (sign == "<") - (sign == ">")
        if sign == "," and depth == 0:
            found.append(inner[start:position])
            start = position + 1
    return [*found, inner[start:]]


def find_table(type_name: str) -> Table | None:
    """Return the table of a static type, ignoring its generic arguments, or None if expressions cannot use the type."""
    return _TABLES.get(type_name) or _TABLES.get(base_name(type_name))


def table_of(value: object) -> Table | None:
    """Return the table of a value's type, or None if expressions cannot have values of its class."""
    return _BY_CLASS.get(type(value))


def all_tables() -> list[Table]:
    """Return every table once, sorted by name."""
    return sorted({id(table): table for table in _TABLES.values()}.values(), key=lambda table: table.name)
