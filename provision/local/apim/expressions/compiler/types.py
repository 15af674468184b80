"""Checks and converts by static types, which are the C# types that are known when an expression is compiled.

Typing is gradual. A known type is checked as the C# compiler checks it; an unknown one (None) is checked at run time.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from provision.local.apim.expressions.compiler.unit import Node, Unit
from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.table import base_name, find_table, type_arguments
from provision.local.apim.expressions.runtime.casts import (
    IMPLICIT,
    NUMERIC,
    cast,
    implicit,
    invalid_cast,
    is_instance,
    is_value_type,
    widens,
)
from provision.local.apim.expressions.runtime.frame import Frame, Run

__all__ = ["assignable", "bindings", "boolean", "checked", "coerced", "element_type", "inherits", "substituted"]

_ANYTHING = frozenset({"object", "dynamic", "T", "E", "K", "V", "R", "S"})
_CLOSED = frozenset({"string", "bool", "Guid", "DateTime", "DateTimeOffset", "TimeSpan"}) | set(NUMERIC)
_SEQUENCES = frozenset({"IEnumerable", "ICollection", "IList", "IReadOnlyList"})


def inherits(source: str, target: str) -> bool:
    """Return whether a static type is another one or has it among its base types in the tables."""
    wanted, pending = find_table(target), [find_table(source)]
    while pending:
        current = pending.pop()
        if current is not None and current is wanted:
            return True
        if current is not None:
            pending.extend(find_table(base) for base in current.bases)
    return False


def element_type(type_name: str | None) -> str | None:
    """Return the static type of an enumerable's elements, or None if it is unknown."""
    if type_name is None:
        return None
    if type_name.endswith("[]"):
        return type_name[:-2]
    if type_name == "string":
        return "char"
    arguments = type_arguments(type_name)
    if len(arguments) == 2:
        return f"KeyValuePair<{arguments[0]},{arguments[1]}>"
    if len(arguments) == 1:
        return None if arguments[0] == "?" else arguments[0]
    return {"Headers": "KeyValuePair<string,string[]>", "JArray": "JToken", "JToken": "JToken"}.get(type_name)


def bindings(receiver: str | None) -> dict[str, str]:
    """Return the type variables that a receiver's static type determines.

    E is the type of its elements, K that of its keys, V that of its values, and S the type itself.
    """
    if receiver is None:
        return {}
    found = {"S": receiver}
    element, arguments = element_type(receiver), type_arguments(receiver)
    if element is not None:
        found["E"] = element
    if len(arguments) == 2:
        found["K"], found["V"] = arguments
    return found


def substituted(type_name: str, bound: dict[str, str]) -> str | None:
    """Return a type with its type variables replaced, or None if it is unknown."""
    if type_name == "dynamic":
        return None
    text = re.sub(r"\b[ETKVRS]\b", lambda found: bound.get(found[0], "?"), type_name)
    return None if text.startswith("?") else text


def assignable(source: str | None, target: str) -> bool:
    """Return whether C# converts one static type to the other implicitly, or True if only the value can show it."""
    if source is None or target in _ANYTHING or source == target:
        return True
    if source == "null":
        return not is_value_type(target)
    if target.startswith(("Func", "Action")):
        return source.startswith(("Func", "Action"))
    bare_source, bare_target = source.removesuffix("?"), target.removesuffix("?")
    if source.endswith("?") and is_value_type(target):
        return False
    if bare_source == bare_target or widens(bare_source, bare_target):
        return True
    if source == "object" and bare_target in _CLOSED:
        return False
    if bare_source in _CLOSED and bare_target in IMPLICIT:
        return True
    if inherits(bare_source, bare_target):
        return True
    return not _surely_different(bare_source, bare_target)


def _surely_different(source: str, target: str) -> bool:
    if source in _CLOSED and target in _CLOSED:
        return True
    if target in _CLOSED:
        return find_table(source) is not None or source.endswith("[]") or source == "void"
    return source in _CLOSED and find_table(target) is not None and base_name(target) not in _SEQUENCES


def checked(types: tuple[str, ...]) -> Callable[[object], object]:
    """Return a function that converts a value to the first type that fits.

    It raises Thrown (InvalidCastException) if none fits.
    """
    if any(one in _ANYTHING for one in types):
        return lambda value: value
    nullable = not all(is_value_type(one) for one in types)

    def check(value: object) -> object:
        if value is None and nullable:
            return None
        for one in types:
            if is_instance(value, one):
                return value
        for one in types:
            converted = implicit(value, one)
            if converted is not value:
                return converted
        raise invalid_cast(value, types[0])

    return check


def coerced(unit: Unit, node: Node, types: tuple[str, ...], what: str) -> Run:
    """Compile the conversion of a node to one of the types. `what`: the converted thing, for the message.

    Raises ExpressionError if C# would not convert it.
    """
    if node.type is not None and node.type in types:
        return node.run
    if any(one in _ANYTHING for one in types):
        return node.run
    if node.type == "null" and any(assignable("null", one) for one in types):
        return node.run
    if not any(assignable(node.type, one) for one in types):
        if node.constant and node.type == "int" and types[0] in NUMERIC:
            return _constant_as(unit, node, types[0])
        raise unit.error(f"{what}: cannot convert from '{node.type}' to '{types[0]}'")
    return _converted(node.run, types)


def _constant_as(unit: Unit, node: Node, target: str) -> Run:
    """Convert an int constant to a narrower type if its value fits."""
    # A literal's closure does not use its frame.
    value = node.run(None)  # type: ignore[arg-type]
    converted = cast(value, target)
    if converted != value or target == "char":
        raise unit.error(f"Constant value '{value}' cannot be converted to a '{target}'")
    return lambda f: converted


def _converted(run: Run, types: tuple[str, ...]) -> Run:
    check = checked(types)
    return lambda f: check(run(f))


def boolean(unit: Unit, node: Node) -> Callable[[Frame], bool]:
    """Compile a node as a condition. Raises ExpressionError if its static type is known and is not bool."""
    run = node.run
    if node.type == "bool":
        return run  # type: ignore[return-value]  # its static type says so
    if node.type is not None:
        raise unit.error(f"Cannot implicitly convert type '{node.type}' to 'bool'")

    def test(f: Frame) -> bool:
        value = run(f)
        if value is True or value is False:
            return value
        if value is None:
            raise Thrown("NullReferenceException", "Object reference not set to an instance of an object.")
        raise invalid_cast(value, "bool")

    return test
