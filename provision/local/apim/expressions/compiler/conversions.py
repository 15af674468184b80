"""Compiles casts, `is` and `as`."""

from __future__ import annotations

from lark import Token

from provision.local.apim.expressions.compiler.unit import Node, Syntax, Unit, children, rule
from provision.local.apim.expressions.library.table import find_table
from provision.local.apim.expressions.runtime.casts import (
    EXPLICIT,
    NUMERIC,
    cast,
    is_instance,
    is_value_type,
    unbox,
)
from provision.local.apim.expressions.runtime.frame import Frame, Run
from provision.local.apim.expressions.runtime.operators import equals

__all__: list[str] = []


@rule("cast")
def _cast(unit: Unit, tree: Syntax) -> Node:
    target = unit.type_name(children(tree, "type")[0])
    node = unit.expression(children(tree)[1])
    run, source = node.run, node.type
    if target == "object" or source == target:
        return Node(run, target)
    _check_cast(unit, source, target)
    if source == "object":
        if target == "string":
            return Node(_string_unboxed(run), target)
        return Node(lambda f: unbox(run(f), target), target)
    return Node(lambda f: cast(run(f), target), target)


def _string_unboxed(run: Run) -> Run:
    def cast_(f: Frame) -> object:
        value = run(f)
        return value if type(value) is str else unbox(value, "string")

    return cast_


def _check_cast(unit: Unit, source: str | None, target: str) -> None:
    """Raise ExpressionError for a cast that C# refuses because it can never succeed, such as (string)5 or (int)"5"."""
    if source is None or source in ("null", "object"):
        if source == "null" and is_value_type(target):
            raise unit.error(f"Cannot convert null to '{target}' because it is a non-nullable value type")
        return
    plain = {"string", "bool"} | set(NUMERIC)
    bare, wanted = source.removesuffix("?"), target.removesuffix("?")
    differ = bare in plain and wanted in plain and bare != wanted
    if differ and not (bare in NUMERIC and wanted in NUMERIC):
        raise unit.error(f"Cannot convert type '{source}' to '{target}'")
    table = find_table(bare)
    convertible = table is None or any(python in EXPLICIT for python in table.python) or not table.python
    if wanted in plain and bare not in plain and not convertible and not source.startswith("I"):
        raise unit.error(f"Cannot convert type '{source}' to '{target}'")


@rule("is_")
def _is(unit: Unit, tree: Syntax) -> Node:
    operand, pattern = children(tree)
    run = unit.expression(operand).run
    first = pattern.children[0]
    if isinstance(first, Token):
        return Node(lambda f: run(f) is None, "bool")
    if first.data == "constant":
        value = unit.expression(first).run
        return Node(lambda f: equals(run(f), value(f)), "bool")
    target = unit.type_name(first)
    if len(pattern.children) == 1:
        return Node(lambda f: is_instance(run(f), target), "bool")
    slot = unit.declare(str(pattern.children[1]), target).slot

    def test(f: Frame) -> bool:
        value = run(f)
        found = is_instance(value, target)
        f.locals[slot] = value if found else None
        return found

    return Node(test, "bool")


@rule("as_")
def _as(unit: Unit, tree: Syntax) -> Node:
    operand, type_tree = children(tree)
    target = unit.type_name(type_tree)
    if is_value_type(target):
        raise unit.error(f"The as operator must be used with a reference type or nullable type ('{target}' is neither)")
    run = unit.expression(operand).run

    def convert(f: Frame) -> object:
        value = run(f)
        return value if is_instance(value, target) else None

    return Node(convert, target)
