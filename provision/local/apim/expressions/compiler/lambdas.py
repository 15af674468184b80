"""Compiles lambdas, and their conversion to delegates."""

from __future__ import annotations

from lark import Token

from provision.local.apim.expressions.compiler.unit import Node, Syntax, Unit, children, rule
from provision.local.apim.expressions.library.table import type_arguments
from provision.local.apim.expressions.runtime.frame import Lambda

__all__ = ["compile_lambda", "delegate"]


@rule("lambda_")
def _lambda(unit: Unit, tree: Syntax) -> Node:
    return compile_lambda(unit, tree, [])


def compile_lambda(unit: Unit, tree: Syntax, types: list[str | None]) -> Node:
    """Compile a lambda. The node's type is the type of the lambda's body.

    `types`: the types of its parameters as far as the call determines them.
    """
    names = [child for child in tree.children if isinstance(child, Token) and child.type == "NAME"]
    declared = [_parameter(unit, one) for one in children(tree, "parameter")]
    if tree.data != "function":
        declared += [(str(name), None) for name in names]
    start = unit.slots
    unit.scopes.append({})
    unit.lambdas += 1
    try:
        for index, (name, type_name) in enumerate(declared):
            known = types[index] if index < len(types) else None
            unit.declare(name, type_name or known)
        node = unit.expression(children(tree)[-1])
    finally:
        unit.scopes.pop()
        unit.lambdas -= 1
    count, end, inner = len(declared), unit.slots, node.run
    return Node(lambda f: Lambda(f, start, count, end, inner), node.type)


def delegate(unit: Unit, tree: Syntax, named: str) -> Node:
    """Convert a lambda to a delegate type."""
    if not named.startswith(("Func", "Action")):
        raise unit.error(f"Cannot convert lambda expression to type '{named}'", tree)
    formal: list[str | None] = list(type_arguments(named))
    node = compile_lambda(unit, tree, formal[:-1] if named.startswith("Func") else formal)
    return Node(node.run, named)


def _parameter(unit: Unit, tree: Syntax) -> tuple[str, str | None]:
    named = children(tree, "type")
    return str(tree.children[-1]), unit.type_name(named[0]) if named else None
