"""Compiles assignments: `=`, `op=`, `++` and `--`, and the expressions that can be assigned to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lark import Token

from provision.local.apim.expressions.compiler.access import postfix, property_reader
from provision.local.apim.expressions.compiler.calls import arguments_of
from provision.local.apim.expressions.compiler.lambdas import delegate
from provision.local.apim.expressions.compiler.operators import binary_node, unary
from provision.local.apim.expressions.compiler.types import coerced
from provision.local.apim.expressions.compiler.unit import Node, Syntax, Unit, children, rule
from provision.local.apim.expressions.errors import EvaluationError, null_reference
from provision.local.apim.expressions.library.table import find_table, table_of
from provision.local.apim.expressions.runtime.casts import NUMERIC, cast
from provision.local.apim.expressions.runtime.frame import Frame
from provision.local.apim.expressions.runtime.operators import incremented, type_label

__all__ = ["read_index", "write_index", "write_member"]

Keys = tuple[object, ...]


@dataclass(slots=True)
class Place:
    """A target of an assignment. `prepare` evaluates the path to it once; `read` and `write` use its result."""

    type: str | None
    prepare: Callable[[Frame], Keys]
    read: Callable[[Frame, Keys], object]
    write: Callable[[Frame, Keys, object], None]


def write_index(container: object, key: object, value: object) -> None:
    """Execute `container[key] = value`. Raises if the container is null or its type's indexer is read-only."""
    _setter(container, "[]", "its indexer")(container, key, value)


def write_member(subject: object, name: str, value: object) -> None:
    """Execute `subject.name = value`. Raises if the subject is null or the member is read-only."""
    _setter(subject, name, f"'{name}'")(subject, value)


def _setter(subject: object, name: str, what: str) -> Callable[..., None]:
    if subject is None:
        raise null_reference()
    table = table_of(subject)
    found = None if table is None else table.setter(name)
    if found is None:
        raise EvaluationError(f"{type_label(subject)}: {what} is read-only", "MissingMember")
    return found


def read_index(container: object, key: object) -> object:
    """Return `container[key]` of a container whose type is known only at run time."""
    if container is None:
        raise null_reference()
    table = table_of(container)
    members = [] if table is None else table.find("[]", False, True)
    if not members:
        raise EvaluationError(f"Cannot apply indexing to {type_label(container)}", "MissingMember")
    return members[0].function(container, key)


def place_of(unit: Unit, tree: Syntax) -> Place:
    """Return the assignment target that an expression denotes. Raises ExpressionError if it cannot be assigned to."""
    if tree.data == "group":
        return place_of(unit, children(tree)[0])
    if tree.data == "name":
        return _local(unit, str(tree.children[0]))
    if tree.data != "postfix":
        raise unit.error("The left-hand side of an assignment must be a variable, property or indexer")
    suffixes = children(tree)[1:]
    last = suffixes[-1]
    target = postfix(unit, tree, len(suffixes) - 1)
    if last.data == "index":
        return _element(unit, target, last)
    if last.data == "member":
        return _property(unit, target, str(last.children[0]))
    raise unit.error("The left-hand side of an assignment must be a variable, property or indexer")


def _local(unit: Unit, name: str) -> Place:
    variable = unit.find(name)
    if variable is None:
        raise unit.error(f"The name '{name}' does not exist in the current context, or cannot be assigned")
    slot = variable.slot

    def write(f: Frame, keys: Keys, value: object) -> None:
        f.locals[slot] = value

    return Place(variable.type, lambda f: (), lambda f, keys: f.locals[slot], write)


def _element(unit: Unit, target: Node, suffix: Syntax) -> Place:
    if target.type in ("Variables", "string", "Headers"):
        raise unit.error("Property or indexer cannot be assigned to, it is read only")
    arguments = arguments_of(unit, suffix)
    node = arguments[0].node
    if len(arguments) != 1 or node is None:
        raise unit.error("Wrong number of indices inside []")
    run, key = target.run, node.run
    return Place(
        None,
        lambda f: (run(f), key(f)),
        lambda f, keys: read_index(keys[0], keys[1]),
        lambda f, keys, value: write_index(keys[0], keys[1], value),
    )


def _property(unit: Unit, target: Node, name: str) -> Place:
    table = None if target.type is None else find_table(target.type)
    if table is not None and table.setter(name) is None:
        raise unit.error(
            f"Property or indexer '{table.name}.{name}' cannot be assigned to: it is read only, or not there"
        )
    run, read = target.run, property_reader(name)
    return Place(
        None,
        lambda f: (run(f),),
        lambda f, keys: read(keys[0]),
        lambda f, keys, value: write_member(keys[0], name, value),
    )


@rule("assign")
def _assign(unit: Unit, tree: Syntax) -> Node:
    left, right = children(tree)
    place = place_of(unit, left)
    node = delegate(unit, right, place.type or "object") if right.data == "lambda_" else unit.expression(right)
    if node.type == "void":
        raise unit.error("Cannot assign the result of a call without a value")
    run = node.run if place.type is None else coerced(unit, node, (place.type,), "Assignment")
    prepare, write = place.prepare, place.write

    def assign(f: Frame) -> object:
        keys = prepare(f)
        value = run(f)
        write(f, keys, value)
        return value

    return Node(assign, place.type or node.type)


@rule("assign_op")
def _assign_op(unit: Unit, tree: Syntax) -> Node:
    left, right = children(tree)
    sign = next(str(child) for child in tree.children if isinstance(child, Token))[:-1]
    place, node = place_of(unit, left), unit.expression(right)
    return _updated(unit, place, sign, node)


def _updated(unit: Unit, place: Place, sign: str, node: Node) -> Node:
    """Compile `place op= node`, which converts the operator's result to the place's type."""
    held = unit.slot()
    combined = binary_node(unit, sign, Node(lambda f: f.locals[held], place.type), node).run
    prepare, read, write, narrow = place.prepare, place.read, place.write, place.type

    def update(f: Frame) -> object:
        keys = prepare(f)
        f.locals[held] = read(f, keys)
        value = combined(f)
        if narrow in NUMERIC and value is not None and type(value) is not NUMERIC[narrow]:
            value = cast(value, narrow)
        write(f, keys, value)
        return value

    return Node(update, place.type)


@rule("prefix")
def _prefix(unit: Unit, tree: Syntax) -> Node:
    sign = str(tree.children[0])
    if sign not in ("++", "--"):
        return unary(unit, tree)
    return _increment(place_of(unit, children(tree)[0]), 1 if sign == "++" else -1, before=True)


@rule("postfix")
def _postfix(unit: Unit, tree: Syntax) -> Node:
    first, *suffixes = children(tree)
    if suffixes[-1].data != "increment":
        return postfix(unit, tree)
    inner = first if len(suffixes) == 1 else type(tree)("postfix", tree.children[:-1], tree.meta)
    sign = str(suffixes[-1].children[0])
    return _increment(place_of(unit, inner), 1 if sign == "++" else -1, before=False)


def _increment(place: Place, by: int, before: bool) -> Node:
    prepare, read, write = place.prepare, place.read, place.write

    def step(f: Frame) -> object:
        keys = prepare(f)
        old = read(f, keys)
        new = incremented(old, by)
        write(f, keys, new)
        return new if before else old

    return Node(step, place.type)
