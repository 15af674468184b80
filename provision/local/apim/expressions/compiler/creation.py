"""Compiles `new`: objects with their initialisers, arrays, and anonymous objects."""

from __future__ import annotations

from collections.abc import Callable

from lark import Token, Tree

from provision.local.apim.expressions.compiler.assign import write_index, write_member
from provision.local.apim.expressions.compiler.calls import (
    Argument,
    arguments_of,
    call_member,
    call_unknown,
    pick,
    table_members,
)
from provision.local.apim.expressions.compiler.operators import common_type
from provision.local.apim.expressions.compiler.types import coerced
from provision.local.apim.expressions.compiler.unit import Node, Syntax, Unit, children, rule
from provision.local.apim.expressions.errors import Thrown, known_exceptions
from provision.local.apim.expressions.limits import MAX_ITEMS, checked_length
from provision.local.apim.expressions.runtime.casts import default_of
from provision.local.apim.expressions.runtime.frame import Frame, Run
from provision.local.apim.expressions.runtime.text import to_text
from provision.local.apim.expressions.runtime.values import Anonymous, Array

__all__ = ["array_of"]

Step = Callable[[Frame], None]


@rule("new_object")
def _new_object(unit: Unit, tree: Syntax) -> Node:
    type_name = unit.type_name(children(tree, "simple_type")[0])
    arguments = arguments_of(unit, tree)
    node = _exception(unit, type_name, arguments) if type_name in known_exceptions() else None
    if node is None:
        members = table_members(unit, type_name, "new", True)
        made = call_member(unit, None, pick(unit, members, arguments, type_name), arguments, [])
        node = Node(made.run, type_name)
    initializer = children(tree, "initializer")
    return _initialised(unit, node, initializer[0]) if initializer else node


def _exception(unit: Unit, type_name: str, arguments: list[Argument]) -> Node:
    runs = [argument.node.run for argument in arguments if argument.node is not None]

    def make(f: Frame) -> object:
        values = [run(f) for run in runs]
        message = to_text(values[0]) if values else f"Exception of type 'System.{type_name}' was thrown."
        inner = values[1] if len(values) > 1 and isinstance(values[1], Thrown) else None
        return Thrown(type_name, message, inner)

    return Node(make, type_name)


def _initialised(unit: Unit, node: Node, tree: Syntax) -> Node:
    """Compile an object with an initialiser, whose steps find the object in a slot."""
    slot, make = unit.slot(), node.run
    held = Node(lambda f: f.locals[slot], node.type)
    steps = [_step(unit, held, item) for item in children(tree)]

    def run(f: Frame) -> object:
        value = make(f)
        outer = f.locals[slot]
        for step in steps:
            f.locals[slot] = value
            step(f)
        f.locals[slot] = outer
        return value

    return Node(run, node.type)


def _step(unit: Unit, held: Node, item: Syntax) -> Step:
    target = held.run
    if item.data == "keyed_item":
        key, value = arguments_of(unit, item)[0].node, unit.expression(children(item)[1]).run
        if key is None:
            raise unit.error("Invalid initializer")
        index = key.run
        return lambda f: write_index(target(f), index(f), value(f))
    if item.data == "nested_item":
        raise unit.error("Nested object initializers are not supported")
    if item.data == "tuple_item":
        return _added(unit, held, children(item))
    if item.data == "named_item":
        name, assigned = str(item.children[0]), unit.expression(children(item)[0]).run
        return lambda f: write_member(target(f), name, assigned(f))
    return _added(unit, held, children(item))


def _added(unit: Unit, held: Node, trees: list[Syntax]) -> Step:
    arguments = [Argument(tree, node=unit.expression(tree)) for tree in trees]
    if held.type is None:
        run = call_unknown(unit, held, "Add", arguments, []).run
    else:
        member = pick(unit, table_members(unit, held.type, "Add", False), arguments, "Add")
        run = call_member(unit, held, member, arguments, []).run

    def step(f: Frame) -> None:
        run(f)

    return step


@rule("new_sized")
def _new_sized(unit: Unit, tree: Syntax) -> Node:
    element = unit.type_name(children(tree, "simple_type")[0]) + "[]" * len(children(tree, "rank"))
    if children(tree, "initializer"):
        return array_of(unit, element, children(tree, "initializer")[0])
    size_tree = next(child for child in children(tree) if child.data not in ("simple_type", "rank"))
    size = coerced(unit, unit.expression(size_tree), ("int", "long"), "Array size")

    def make(f: Frame) -> object:
        count = size(f)
        if not isinstance(count, int) or count < 0:
            raise Thrown("OverflowException", "Arithmetic operation resulted in an overflow.")
        f.allocate(checked_length(count, MAX_ITEMS))
        return bytes(count) if element == "byte" else Array([default_of(element)] * count)

    return Node(make, element + "[]")


@rule("new_array")
def _new_array(unit: Unit, tree: Syntax) -> Node:
    element = unit.type_name(children(tree, "simple_type")[0]) + "[]" * (len(children(tree, "rank")) - 1)
    return array_of(unit, element, children(tree, "initializer")[0])


@rule("new_implicit")
def _new_implicit(unit: Unit, tree: Syntax) -> Node:
    nodes = [unit.expression(children(item)[0]) for item in children(children(tree, "initializer")[0])]
    if not nodes:
        raise unit.error("No best type found for implicitly-typed array")
    element = common_type([node.type for node in nodes])
    runs = [node.run if element is None else coerced(unit, node, (element,), "Array element") for node in nodes]
    return Node(_array(runs, element or "object"), None if element is None else element + "[]")


def array_of(unit: Unit, element: str, tree: Syntax) -> Node:
    """Compile `{ a, b }` to an array, with the elements converted to the element type."""
    runs = []
    for item in children(tree):
        if item.data != "item":
            raise unit.error("Invalid array initializer", item)
        runs.append(coerced(unit, unit.expression(children(item)[0]), (element,), "Array element"))
    return Node(_array(runs, element), element + "[]")


def _array(runs: list[Run], element: str) -> Run:
    def make(f: Frame) -> object:
        f.allocate(len(runs))
        values = [run(f) for run in runs]
        if element == "byte":
            return bytes(value for value in values if isinstance(value, int))
        return Array(values)

    return make


@rule("new_anonymous")
def _new_anonymous(unit: Unit, tree: Syntax) -> Node:
    members = [_named(unit, item) for item in children(children(tree, "initializer")[0])]
    if len({name for name, _ in members}) != len(members):
        raise unit.error("An anonymous type cannot have multiple properties with the same name")

    def make(f: Frame) -> object:
        f.allocate(len(members))
        return Anonymous({name: run(f) for name, run in members})

    return Node(make)


def _named(unit: Unit, item: Syntax) -> tuple[str, Run]:
    if item.data not in ("item", "named_item"):
        raise unit.error("Invalid anonymous type member declarator", item)
    value = children(item)[0]
    name = str(item.children[0]) if item.data == "named_item" else _implied_name(unit, value)
    return name, unit.expression(value).run


def _implied_name(unit: Unit, tree: Syntax) -> str:
    last = tree.children[-1]
    if tree.data == "name":
        return str(tree.children[0])
    if tree.data == "postfix" and isinstance(last, Tree) and last.data == "member":
        return next(str(child) for child in last.children if isinstance(child, Token))
    raise unit.error("Anonymous type members must be declared with a name, a member access or a simple name", tree)
