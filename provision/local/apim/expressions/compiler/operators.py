"""Compiles operators, the conditional expression, and interpolated strings."""

from __future__ import annotations

from collections.abc import Callable

from lark import Token, Tree

from provision.local.apim.expressions.compiler.types import assignable, boolean, coerced
from provision.local.apim.expressions.compiler.unit import Node, Syntax, Unit, children, rule
from provision.local.apim.expressions.errors import Thrown, null_reference
from provision.local.apim.expressions.limits import checked_length
from provision.local.apim.expressions.runtime.casts import (
    NUMERIC,
    cast,
    default_of,
    is_value_type,
    widens,
)
from provision.local.apim.expressions.runtime.frame import Frame, Run
from provision.local.apim.expressions.runtime.operators import BINARY, complement, equals, negate, not_, promoted
from provision.local.apim.expressions.runtime.text import aligned, format_value, to_text

__all__ = ["binary_node", "common_type", "constant", "thrown", "unary"]

Apply = Callable[[object, object], object]
_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})


def constant(value: object, type_name: str) -> Node:
    return Node(lambda f: value, type_name, constant=True)


@rule("group")
def _group(unit: Unit, tree: Syntax) -> Node:
    return unit.expression(children(tree)[0])


def joined(parts: list[Node]) -> Node:
    """Compile the concatenation of several values to one string."""
    runs = [part.run for part in parts]
    if len(runs) == 2:
        return Node(_joined_two(*runs), "string")

    def run(f: Frame) -> str:
        texts = [to_text(one(f)) for one in runs]
        size = sum(map(len, texts))
        if size > 256:
            f.allocate(checked_length(size))
        return "".join(texts)

    return Node(run, "string")


def _joined_two(first: Run, second: Run) -> Run:
    def run(f: Frame) -> str:
        a, b = first(f), second(f)
        text = (a if type(a) is str else to_text(a)) + (b if type(b) is str else to_text(b))
        if len(text) > 256:
            f.allocate(checked_length(len(text)))
        return text

    return run


@rule("binary")
def _binary(unit: Unit, tree: Syntax) -> Node:
    """Compile a chain `a + b - c …` of one precedence from left to right. Text is concatenated in one operation."""
    operands = [unit.expression(child) for child in children(tree)]
    signs = [str(child) for child in tree.children if isinstance(child, Token)]
    result, texts = operands[0], [operands[0]]
    base, steps = operands[0].run, list[tuple[Apply, Run]]()
    for sign, operand in zip(signs, operands[1:], strict=True):
        if _is_text(sign, result.type, operand.type):
            texts = [
                *(texts if result.type == "string" and len(texts) > 1 else [_iterated(base, steps, result)]),
                operand,
            ]
            result, steps = joined(texts), []
            base = result.run
        else:
            result = binary_node(unit, sign, result, operand)
            steps.append((BINARY[sign], operand.run))
            texts = [result]
    return _iterated(base, steps, result)


def _iterated(base: Run, steps: list[tuple[Apply, Run]], nested: Node) -> Node:
    """Compile a long chain to a loop, because nested closures would reach Python's recursion limit."""
    if len(steps) < 3:
        return nested
    chain = list(steps)

    def run(f: Frame) -> object:
        value = base(f)
        for apply, operand in chain:
            value = apply(value, operand(f))
            if type(value) is str:
                f.settle(None, value)
        return value

    return Node(run, nested.type)


def binary_node(unit: Unit, sign: str, left: Node, right: Node) -> Node:
    """Compile a binary operator. Raises ExpressionError if the static types have no such operator."""
    _check_operands(unit, sign, left.type, right.type)
    apply, first, second = BINARY[sign], left.run, right.run
    if _is_text(sign, left.type, right.type):
        return joined([left, right])
    type_name = "bool" if sign in _COMPARISONS else _result_type(sign, left.type, right.type)
    if left.constant and right.constant and left.type == right.type == "int" and sign in "+-*":
        return _folded(sign, left, right)
    if sign == "==":
        return Node(lambda f: equals(first(f), second(f)), type_name)

    def run(f: Frame) -> object:
        value = apply(first(f), second(f))
        if type(value) is str:
            f.settle(None, value)
        return value

    return Node(run, type_name)


def _is_text(sign: str, left: str | None, right: str | None) -> bool:
    """Return whether a `+` concatenates text. An XNamespace + text is an XName instead."""
    return sign == "+" and "string" in (left, right) and "XNamespace" not in (left, right)


def _folded(sign: str, left: Node, right: Node) -> Node:
    """Return the result for two constants, such as `60 * 20`, as a constant. Their closures do not use the frame."""
    value = BINARY[sign](left.run(None), right.run(None))  # type: ignore[arg-type]
    return constant(value, "int")


def _check_operands(unit: Unit, sign: str, left: str | None, right: str | None) -> None:
    pair = {left, right}
    message = f"Operator '{sign}' cannot be applied to operands of type '{left}' and '{right}'"
    if "void" in pair:
        raise unit.error(message)
    if "object" in pair and pair != {"object", None} and not (sign == "+" and "string" in pair):
        other = right if left == "object" else left
        if sign not in ("==", "!=") or (other is not None and is_value_type(other)):
            raise unit.error(message)
    numbers = [one for one in (left, right) if one is not None and one.removesuffix("?") in NUMERIC]
    if len(numbers) == 1 and ("bool" in pair or ("string" in pair and sign != "+")):
        raise unit.error(message)
    if sign not in ("+", "==", "!=") and "string" in pair:
        raise unit.error(message)


_TIMES: dict[tuple[str, str, str], str] = {
    ("-", "DateTime", "DateTime"): "TimeSpan",
    ("-", "DateTimeOffset", "DateTimeOffset"): "TimeSpan",
    ("-", "TimeSpan", "TimeSpan"): "TimeSpan",
    ("+", "TimeSpan", "TimeSpan"): "TimeSpan",
}


def _result_type(sign: str, left: str | None, right: str | None) -> str | None:
    if left is None or right is None:
        return None
    if left == right == "bool":
        return "bool"
    if (sign, left, right) in _TIMES:
        return _TIMES[sign, left, right]
    if right == "TimeSpan" and left in ("DateTime", "DateTimeOffset"):
        return left
    bare = [one.removesuffix("?") for one in (left, right)]
    if not all(one in NUMERIC for one in bare):
        return None
    kind = promoted(default_of(bare[0]), default_of(bare[0 if sign in ("<<", ">>") else 1]))
    name = next((name for name, python in NUMERIC.items() if python is kind), None)
    return name if name is None or bare == [left, right] else name + "?"


@rule("both")
def _both(unit: Unit, tree: Syntax) -> Node:
    tests = [boolean(unit, unit.expression(child)) for child in children(tree)]
    if len(tests) == 2:
        first, second = tests
        return Node(lambda f: first(f) and second(f), "bool")
    return Node(lambda f: all(test(f) for test in tests), "bool")


@rule("either")
def _either(unit: Unit, tree: Syntax) -> Node:
    tests = [boolean(unit, unit.expression(child)) for child in children(tree)]
    if len(tests) == 2:
        first, second = tests
        return Node(lambda f: first(f) or second(f), "bool")
    return Node(lambda f: any(test(f) for test in tests), "bool")


@rule("coalesce")
def _coalesce(unit: Unit, tree: Syntax) -> Node:
    nodes = [unit.expression(child) for child in children(tree)]
    if nodes[0].type is not None and is_value_type(nodes[0].type):
        raise unit.error(f"Operator '??' cannot be applied to operands of type '{nodes[0].type}' and '{nodes[1].type}'")
    runs = [node.run for node in nodes]

    def run(f: Frame) -> object:
        value = None
        for one in runs:
            value = one(f)
            if value is not None:
                break
        return value

    last = nodes[-1].type
    common = common_type([node.type for node in nodes])
    settled = common is not None and last not in (None, "null", "never") and not str(last).endswith("?")
    return Node(run, common.removesuffix("?") if common is not None and settled else common)


def common_type(types: list[str | None]) -> str | None:
    """Return the static type that several values share, or None if it is unknown."""
    if any(one is None for one in types):
        return None
    known = {one for one in types if one not in ("null", "never")}
    if "null" in types and len(known) == 1:
        only = next(iter(known))
        return only + "?" if only is not None and is_value_type(only) else only
    bare = {one.removesuffix("?") for one in known if one is not None}
    if len(known) > 1 and len(bare) == 1:
        return f"{next(iter(bare))}?"
    return next(iter(known)) if len(known) == 1 else _widest(known)


def _widest(types: set[str | None]) -> str | None:
    for one in types:
        if one is not None and all(other == one or (other is not None and widens(other, one)) for other in types):
            return one
    return None


@rule("conditional")
def _conditional(unit: Unit, tree: Syntax) -> Node:
    condition, yes, no = children(tree)
    test = boolean(unit, unit.expression(condition))
    nodes = [unit.expression(yes), unit.expression(no)]
    types = [node.type for node in nodes]
    if (
        None not in types
        and "never" not in types
        and not (assignable(*_pair(types)) or assignable(*_pair(types[::-1])))
    ):
        raise unit.error(
            "Type of conditional expression cannot be determined because there is no implicit conversion "
            f"between '{types[0]}' and '{types[1]}'"
        )
    common = common_type(types)
    runs = [node.run if common not in NUMERIC or common == node.type else _numeric(node.run, common) for node in nodes]
    first, second = runs
    return Node(lambda f: first(f) if test(f) else second(f), common)


def _pair(types: list[str | None]) -> tuple[str | None, str]:
    return types[0], types[1] or "object"


def _numeric(run: Run, target: str | None) -> Run:
    name = target or "int"
    return lambda f: cast(run(f), name)


@rule("throw_expression")
def _throw_expression(unit: Unit, tree: Syntax) -> Node:
    run = unit.expression(children(tree)[0]).run

    def throw(f: Frame) -> object:
        raise thrown(run(f))

    return Node(throw, "never")


def thrown(value: object) -> Thrown:
    """Return the exception to raise for `throw value`. For null it is a NullReferenceException."""
    return value if isinstance(value, Thrown) else null_reference()


def unary(unit: Unit, tree: Syntax) -> Node:
    """Compile `!x`, `-x`, `+x` or `~x`."""
    sign = str(tree.children[0])
    operand = unit.expression(children(tree)[0])
    run = operand.run
    if sign == "!":
        test = boolean(unit, operand)
        return Node(lambda f: not_(test(f)), "bool")
    if operand.type in ("string", "bool", "object"):
        raise unit.error(f"Operator '{sign}' cannot be applied to operand of type '{operand.type}'")
    if sign == "-":
        return _negated(operand)
    type_name = "int" if operand.type in ("byte", "sbyte", "short", "ushort", "char") else operand.type
    apply: Callable[[object], object] = complement if sign == "~" else lambda value: negate(negate(value))
    return Node(lambda f: apply(run(f)), type_name)


def _negated(operand: Node) -> Node:
    run = operand.run
    narrow = ("byte", "sbyte", "short", "ushort", "char")
    type_name = "int" if operand.type in narrow else "long" if operand.type == "uint" else operand.type
    if operand.constant and operand.type == "uint" and operand.run(None) == 2**31:  # type: ignore[arg-type]  # a literal
        return constant(-(2**31), "int")
    if operand.constant and operand.type in ("int", "long", "double", "decimal", "float"):
        # A literal's closure does not use its frame.
        value = negate(run(None))  # type: ignore[arg-type]
        return constant(value, type_name or "int")
    return Node(lambda f: negate(run(f)), type_name)


@rule("interpolated")
def _interpolated(unit: Unit, tree: Syntax) -> Node:
    parts: list[Node] = []
    for child in tree.children:
        if isinstance(child, Tree):
            parts.append(_hole(unit, child))
        elif child:
            parts.append(constant(str(child), "string"))
    return joined(parts) if parts else constant("", "string")


def _hole(unit: Unit, tree: Syntax) -> Node:
    node, *width = [unit.expression(child) for child in children(tree)]
    pattern = next((str(child) for child in tree.children if isinstance(child, Token)), None)
    if node.type == "void":
        raise unit.error("A value is expected in an interpolated string")
    run = node.run
    if width:
        space = coerced(unit, width[0], ("int",), "Alignment")
        return Node(lambda f: aligned(format_value(run(f), pattern), _int(space(f))), "string")
    return Node(run if pattern is None else lambda f: format_value(run(f), pattern), "string")


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
