"""Compiles calls: chooses the overload, converts the arguments, and makes the closure that calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lark import Token

from provision.local.apim.expressions.compiler.lambdas import compile_lambda
from provision.local.apim.expressions.compiler.types import (
    assignable,
    bindings,
    checked,
    coerced,
    substituted,
)
from provision.local.apim.expressions.compiler.unit import Node, Syntax, Unit, children
from provision.local.apim.expressions.errors import EvaluationError, Thrown, null_reference
from provision.local.apim.expressions.library.table import Member, find_table, table_of, type_arguments
from provision.local.apim.expressions.runtime.casts import default_of
from provision.local.apim.expressions.runtime.frame import Frame, Run
from provision.local.apim.expressions.runtime.operators import type_label

__all__ = ["Argument", "arguments_of", "call_member", "call_unknown", "pick"]


@dataclass(slots=True)
class Argument:
    """An argument of a call. `name`: that of a named argument.

    `node`: the compiled argument; None for an out argument, which has `out_slot`, and for a lambda, which is compiled
    when its parameters' types are known.
    """

    tree: Syntax
    name: str | None = None
    node: Node | None = None
    out_slot: int | None = None
    out_type: str | None = None

    @property
    def is_lambda(self) -> bool:
        return self.node is None and self.out_slot is None


def arguments_of(unit: Unit, tree: Syntax) -> list[Argument]:
    """Return the arguments of a call, compiled except for lambdas. Declares the variables of `out var x`."""
    lists = children(tree, "arguments")
    return [_argument(unit, one) for one in children(lists[0])] if lists else []


def _argument(unit: Unit, tree: Syntax) -> Argument:
    if tree.data == "out_declared":
        type_name = unit.type_name(children(tree, "type")[0])
        known = None if type_name == "var" else type_name
        return Argument(tree, out_slot=unit.declare(str(tree.children[1]), known).slot, out_type=known)
    if tree.data == "out_existing":
        name = str(tree.children[0])
        variable = unit.find(name)
        if variable is None and name != "_":
            raise unit.error(f"The name '{name}' does not exist in the current context", tree)
        if variable is None:
            return Argument(tree, out_slot=unit.slot())
        return Argument(tree, out_slot=variable.slot, out_type=variable.type)
    first = tree.children[0]
    named = str(first) if isinstance(first, Token) else None
    value = children(tree)[0]
    return Argument(value, named, None if value.data == "lambda_" else unit.expression(value))


def pick(unit: Unit, members: list[Member], arguments: list[Argument], label: str) -> Member:
    """Return the overload that fits the number and the static types of the arguments. `label`: the type's name.

    Raises ExpressionError if none fits.
    """
    count = len(arguments)
    fitting = [member for member in members if member.accepts(count)]
    if not fitting:
        raise unit.error(f"No overload for method '{label}' takes {count} arguments")
    for member in fitting:
        if all(_fits(member, index, argument) for index, argument in enumerate(arguments)):
            return member
    return fitting[0]


def _fits(member: Member, index: int, argument: Argument) -> bool:
    parameter = member.parameters[min(index, len(member.parameters) - 1)]
    if argument.is_lambda:
        return any(one.startswith(("Func", "Action")) for one in parameter.types)
    if argument.out_slot is not None:
        return parameter.types[0].startswith("out ")
    source = argument.node.type if argument.node is not None else None
    if parameter.variadic and index == len(member.parameters) - 1 and (source or "").endswith("[]"):
        return True
    return any(_accepts(one, source) for one in parameter.types)


def _accepts(wanted: str, source: str | None) -> bool:
    if wanted.startswith(("Func", "Action")):
        return source is None or source.startswith(("Func", "Action"))
    return assignable(source, wanted)


@dataclass(slots=True)
class _Prepared:
    """Arguments ready to be evaluated. `bound`: the type variables that they determine."""

    runs: list[Run]
    outs: list[_Out]
    bound: dict[str, str] = field(default_factory=dict)


def _prepare(unit: Unit, member: Member, arguments: list[Argument], bound: dict[str, str]) -> _Prepared:
    ready = _Prepared([], [], bound)
    for index, argument in enumerate(_ordered(unit, member, arguments)):
        parameter = member.parameters[min(index, len(member.parameters) - 1)]
        if argument.out_slot is not None:
            formal = parameter.types[0].removeprefix("out ")
            ready.outs.append(_out(argument.out_slot, argument.out_type or bound.get(formal)))
            _settle_out(unit, argument, formal)
        elif argument.is_lambda:
            ready.runs.append(_lambda_argument(unit, argument, parameter.types, bound))
        elif argument.node is not None:
            ready.runs.append(_plain(unit, argument.node, parameter.types, parameter.variadic, member))
    return ready


_Out = tuple[int, object]
"""The slot of an out argument, and the value that it gets if the member sets none: its type's default."""


def _out(slot: int, type_name: str | None) -> _Out:
    return slot, None if type_name is None else default_of(type_name)


def _plain(unit: Unit, node: Node, types: tuple[str, ...], variadic: bool, member: Member) -> Run:
    if node.type == "void":
        raise unit.error("Cannot pass a call without a value as an argument")
    if variadic and (node.type is None or node.type.endswith(("[]", ">"))):
        return node.run
    return coerced(unit, node, types, f"Argument of '{member.name}'")


def _ordered(unit: Unit, member: Member, arguments: list[Argument]) -> list[Argument]:
    """Return the arguments with named ones at their parameters' positions.

    Raises ExpressionError if a parameter before one of them has no argument.
    """
    if all(argument.name is None for argument in arguments):
        return arguments
    names = [parameter.name for parameter in member.parameters]
    placed: dict[int, Argument] = {}
    for index, argument in enumerate(arguments):
        if argument.name is not None and argument.name not in names:
            raise unit.error(f"'{member.name}' does not have a parameter named '{argument.name}'", argument.tree)
        placed[index if argument.name is None else names.index(argument.name)] = argument
    if sorted(placed) != list(range(len(arguments))):
        raise unit.error(f"Arguments of '{member.name}' must be given without gaps", arguments[0].tree)
    return [placed[index] for index in range(len(arguments))]


def _settle_out(unit: Unit, argument: Argument, type_name: str) -> None:
    """Set the type of the variable in `out var x` to the parameter's."""
    for scope in unit.scopes:
        for name, variable in scope.items():
            if variable.slot == argument.out_slot and variable.type is None and type_name not in ("V", "T"):
                scope[name] = type(variable)(variable.slot, type_name)


def _lambda_argument(unit: Unit, argument: Argument, types: tuple[str, ...], bound: dict[str, str]) -> Run:
    delegates = [one for one in types if one.startswith(("Func", "Action"))]
    if not delegates:
        raise unit.error(f"Cannot convert lambda expression to type '{types[0]}'", argument.tree)
    formal = type_arguments(delegates[0])
    last = formal.pop() if delegates[0].startswith("Func") else None
    node = compile_lambda(unit, argument.tree, [substituted(one, bound) for one in formal])
    if last == "bool" and node.type not in (None, "bool"):
        raise unit.error(f"Cannot implicitly convert type '{node.type}' to 'bool'", argument.tree)
    if last == "R" and node.type is not None and node.type not in ("null", "never"):
        bound["R"] = node.type
    return node.run


def call_member(
    unit: Unit, target: Node | None, member: Member, arguments: list[Argument], generics: list[str]
) -> Node:
    """Compile the call of a chosen overload. `target`: the object; None: the member is static."""
    bound = bindings(target.type if target is not None else None)
    if generics:
        bound["T"] = generics[0]
    elif member.generic and (found := _inferred(arguments)) is not None:
        bound["T"] = found
    ready = _prepare(unit, member, arguments, bound)
    fixed: tuple[object, ...] = (bound.get("T"),) if member.generic else ()
    run = _closure(member, None if target is None else target.run, ready.runs, fixed, ready.outs)
    return Node(run, substituted(member.returns, ready.bound))


def _inferred(arguments: list[Argument]) -> str | None:
    """Return T of a generic method that is called without type arguments: the type of its last argument.

    None if the type is unknown or there are fewer than two arguments.
    """
    node = arguments[-1].node if len(arguments) > 1 else None
    return None if node is None or node.type == "null" else node.type


def _closure(member: Member, target: Run | None, runs: list[Run], fixed: tuple[object, ...], outs: list[_Out]) -> Run:
    if member.metered or outs or fixed or len(runs) > 2:
        return _general(member, target, runs, fixed, outs)
    function = member.function
    if target is None:
        return _static(function, runs)
    return _instance(function, target, runs)


_PYTHON_ERRORS = (TypeError, AttributeError, ValueError, ArithmeticError, LookupError)


def _translated(failure: Exception, arguments: Sequence[object]) -> Exception:
    """Return the C# exception for a Python exception of a library function if an argument is null.

    Otherwise the library has a defect, and the Python exception is returned.
    """
    if any(argument is None for argument in arguments):
        return Thrown("ArgumentNullException", "Value cannot be null.")
    return failure


def _static(function: Callable[..., object], runs: list[Run]) -> Run:
    if len(runs) == 1:
        (only,) = runs

        def run_one(f: Frame) -> object:
            value = only(f)
            try:
                result = function(value)
            except _PYTHON_ERRORS as failure:
                raise _translated(failure, (value,)) from failure
            return f.settle(value, result)

        return run_one
    if len(runs) == 2:
        first, second = runs

        def run_two(f: Frame) -> object:
            a, b = first(f), second(f)
            try:
                result = function(a, b)
            except _PYTHON_ERRORS as failure:
                raise _translated(failure, (a, b)) from failure
            return f.settle(a, result)

        return run_two
    return lambda f: f.settle(None, function())


def _instance(function: Callable[..., object], target: Run, runs: list[Run]) -> Run:
    if not runs:

        def run_none(f: Frame) -> object:
            value = target(f)
            if value is None:
                raise null_reference()
            return f.settle(value, function(value))

        return run_none
    if len(runs) == 1:
        (only,) = runs

        def run_one(f: Frame) -> object:
            value = target(f)
            if value is None:
                raise null_reference()
            argument = only(f)
            try:
                result = function(value, argument)
            except _PYTHON_ERRORS as failure:
                raise _translated(failure, (argument,)) from failure
            return f.settle(value, result)

        return run_one
    return _instance_of_two(function, target, *runs)


def _instance_of_two(function: Callable[..., object], target: Run, first: Run, second: Run) -> Run:
    def run(f: Frame) -> object:
        value = target(f)
        if value is None:
            raise null_reference()
        a, b = first(f), second(f)
        try:
            result = function(value, a, b)
        except _PYTHON_ERRORS as failure:
            raise _translated(failure, (a, b)) from failure
        return f.settle(value, result)

    return run


def _general(member: Member, target: Run | None, runs: list[Run], fixed: tuple[object, ...], outs: list[_Out]) -> Run:
    def run(f: Frame) -> object:
        head: list[object] = [f] if member.metered else []
        subject = None
        if target is not None:
            subject = target(f)
            if subject is None:
                raise null_reference()
            head.append(subject)
        values = [one(f) for one in runs]
        result = _applied(member, [*head, *fixed], values)
        return _finish(f, values[0] if values and target is None else subject, result, outs)

    return run


def _applied(member: Member, head: Sequence[object], values: Sequence[object]) -> object:
    try:
        return member.function(*head, *values)
    except _PYTHON_ERRORS as failure:
        raise _translated(failure, values) from failure


def _finish(f: Frame, subject: object, result: object, outs: list[_Out]) -> object:
    if not outs:
        return f.settle(subject, result)
    if not isinstance(result, tuple):
        raise EvaluationError("The member has no out parameter", "InvalidCastException")
    value, *found = result
    for (slot, default), one in zip(outs, found, strict=True):
        f.locals[slot] = default if one is None else one
    return f.settle(subject, value)


def call_unknown(unit: Unit, target: Node, name: str, arguments: list[Argument], generics: list[str]) -> Node:
    """Compile the call of a member of a value whose type is known only at run time.

    The member is looked up once for each type.
    """
    runs = [
        compile_lambda(unit, argument.tree, []).run if argument.node is None else argument.node.run
        for argument in arguments
        if argument.out_slot is None
    ]
    outs = [_out(argument.out_slot, argument.out_type) for argument in arguments if argument.out_slot is not None]
    subject = target.run
    found: dict[type, tuple[Member, list[Callable[[object], object]]]] = {}
    inferred = generics[0] if generics else _inferred(arguments)
    count = len(arguments)

    def run(f: Frame) -> object:
        value = subject(f)
        if value is None:
            raise null_reference()
        entry = found.get(type(value))
        if entry is None:
            entry = found[type(value)] = _resolved(value, name, count)
        member, checks = entry
        values = [check(one(f)) for one, check in zip(runs, checks, strict=False)]
        head = [f, value] if member.metered else [value]
        result = _applied(member, [*head, inferred] if member.generic else head, values)
        return _finish(f, value, result, outs)

    return Node(run, generics[0] if generics and _returns_argument(name) else None)


def _returns_argument(name: str) -> bool:
    """Return whether every member of that name returns its type argument, such as Value<T> and As<T>."""
    return name in ("As", "Value", "ToObject", "GetValueOrDefault")


def _resolved(value: object, name: str, count: int) -> tuple[Member, list[Callable[[object], object]]]:
    table = table_of(value)
    members = [] if table is None else table.find(name, False, True)
    fitting = [member for member in members if member.accepts(count)]
    if not fitting:
        label = type_label(value) if table is None else table.name
        raise EvaluationError(
            f"'{label}' does not contain a definition for '{name}' with {count} arguments", "MissingMember"
        )
    member = fitting[0]
    checks = []
    for index in range(count):
        parameter = member.parameters[min(index, len(member.parameters) - 1)]
        if not parameter.types[0].startswith("out "):
            checks.append((lambda one: one) if parameter.variadic else checked(parameter.types))
    return member, checks


def table_members(unit: Unit, type_name: str, name: str, static: bool, called: bool = True) -> list[Member]:
    """Return the overloads of a member of a static type. Raises ExpressionError if there are none."""
    table = find_table(type_name)
    members = [] if table is None else table.find(name, static, called)
    if not members and table is not None and table.find(name, static, not called):
        kind = "property" if called else "method"
        raise unit.error(f"'{type_name}.{name}' is a {kind}, which is not valid in the given context")
    if not members:
        raise unit.error(f"'{type_name}' does not contain a definition for '{name}', or it is not allowed here")
    return members
