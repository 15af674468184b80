"""Compiles names and the suffixes that may follow them: members, calls, indexers and `?.`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lark import Token

from provision.local.apim.expressions.compiler.calls import (
    arguments_of,
    call_member,
    call_unknown,
    pick,
    table_members,
)
from provision.local.apim.expressions.compiler.operators import constant
from provision.local.apim.expressions.compiler.unit import Node, Syntax, Unit, children, is_namespace, rule
from provision.local.apim.expressions.errors import EvaluationError, Thrown, null_reference
from provision.local.apim.expressions.library.table import Member, base_name, find_table, table_of, type_arguments
from provision.local.apim.expressions.runtime.casts import default_of, is_value_type
from provision.local.apim.expressions.runtime.frame import Frame, Lambda, Run
from provision.local.apim.expressions.runtime.operators import type_label

__all__ = ["as_value", "chain", "indexed", "postfix", "property_reader", "resolve_name"]

MAX_SUFFIXES = 200
CONTEXT = "IProxyRequestContext"


@dataclass(slots=True)
class TypeRef:
    """A type that an expression names, to use one of its static members."""

    name: str
    written: str


@dataclass(slots=True)
class NamespaceRef:
    name: str


Subject = Node | TypeRef | NamespaceRef


def resolve_name(unit: Unit, name: str) -> Subject:
    """Resolve a local, `context`, a type or a namespace. Raises ExpressionError for any other name."""
    variable = unit.find(name)
    if variable is not None:
        slot = variable.slot
        return Node(lambda f: f.locals[slot], variable.type)
    if name == "context":
        return Node(lambda f: f.context, CONTEXT)
    type_name = unit.type_or_none(name)
    if type_name is not None:
        return TypeRef(type_name, name)
    if is_namespace(name):
        return NamespaceRef(name)
    raise unit.error(f"The name '{name}' does not exist in the current context")


def as_value(unit: Unit, subject: Subject) -> Node:
    if isinstance(subject, Node):
        return subject
    label = subject.written if isinstance(subject, TypeRef) else subject.name
    kind = "type" if isinstance(subject, TypeRef) else "namespace"
    raise unit.error(f"'{label}' is a {kind}, which is not valid in the given context")


@rule("name")
def _name(unit: Unit, tree: Syntax) -> Node:
    return as_value(unit, resolve_name(unit, str(tree.children[0])))


@rule("predefined")
def _predefined(unit: Unit, tree: Syntax) -> Node:
    raise unit.error(f"'{tree.children[0]}' is a type, which is not valid in the given context")


def postfix(unit: Unit, tree: Syntax, count: int | None = None) -> Node:
    """Compile a primary expression and its first `count` suffixes. None: all suffixes."""
    first, *suffixes = children(tree)
    taken = suffixes if count is None else suffixes[:count]
    return as_value(unit, chain(unit, _head(unit, first, taken), taken))


def _head(unit: Unit, tree: Syntax, suffixes: list[Syntax]) -> Subject:
    if tree.data == "predefined":
        return TypeRef(unit.known_type(str(tree.children[0])), str(tree.children[0]))
    if tree.data != "name":
        return unit.expression(tree)
    name = str(tree.children[0])
    if name == "nameof" and suffixes and suffixes[0].data == "call" and unit.find(name) is None:
        return _nameof(unit, suffixes)
    return resolve_name(unit, name)


def _nameof(unit: Unit, suffixes: list[Syntax]) -> Node:
    """Compile `nameof(a.b)` to the last name, after checking that the names exist."""
    call = suffixes.pop(0)
    arguments = arguments_of(unit, call)
    names = list(call.scan_values(lambda token: isinstance(token, Token) and token.type == "NAME"))
    if len(arguments) != 1 or not names:
        raise unit.error("Expression does not have a name")
    return constant(str(names[-1]), "string")


def chain(unit: Unit, subject: Subject, suffixes: list[Syntax]) -> Subject:
    """Compile suffixes one after the other. A `?.` includes all suffixes after it, as null skips them all."""
    if len(suffixes) > MAX_SUFFIXES:
        raise unit.error(f"More than {MAX_SUFFIXES} members, calls and indices follow one another")
    index = 0
    while index < len(suffixes):
        suffix = suffixes[index]
        following = suffixes[index + 1] if index + 1 < len(suffixes) else None
        unit.place = suffix if _has_place(suffix) else unit.place
        if suffix.data in ("null_member", "null_index"):
            return _conditional(unit, as_value(unit, subject), suffixes[index:])
        if suffix.data == "member" and following is not None and following.data == "call":
            subject = _method(unit, subject, suffix, following)
            index += 1
        elif suffix.data == "member":
            subject = _member(unit, subject, suffix)
        elif suffix.data == "index":
            subject = indexed(unit, as_value(unit, subject), suffix)
        elif suffix.data == "increment":
            raise unit.error("++ and -- are only allowed on a variable, at the end")
        else:
            subject = _invoked(unit, as_value(unit, subject), suffix)
        index += 1
    return subject


def _has_place(tree: Syntax) -> bool:
    return not getattr(tree.meta, "empty", True)


def _conditional(unit: Unit, target: Node, suffixes: list[Syntax]) -> Node:
    """Compile `a?.b.c`: if a is null, the result is null and the suffixes are not evaluated."""
    slot, run = unit.slot(), target.run
    first = suffixes[0]
    plain = type(first)({"null_member": "member", "null_index": "index"}[first.data], first.children, first.meta)
    held = Node(lambda f: f.locals[slot], None if target.type is None else target.type.removesuffix("?"))
    rest = as_value(unit, chain(unit, held, [plain, *suffixes[1:]]))
    inner = rest.run

    def evaluate(f: Frame) -> object:
        value = run(f)
        if value is None:
            return None
        f.locals[slot] = value
        return inner(f)

    nullable = rest.type is not None and is_value_type(rest.type)
    return Node(evaluate, f"{rest.type}?" if nullable else rest.type)


def _generics(unit: Unit, suffix: Syntax) -> list[str]:
    found = children(suffix, "type_arguments")
    return [unit.type_name(one) for one in children(found[0], "type")] if found else []


def _name_of(suffix: Syntax) -> str:
    return next(str(child) for child in suffix.children if isinstance(child, Token) and child.type == "NAME")


def _method(unit: Unit, subject: Subject, suffix: Syntax, call: Syntax) -> Node:
    name, generics = _name_of(suffix), _generics(unit, suffix)
    if isinstance(subject, NamespaceRef):
        raise unit.error(f"The type or namespace name '{name}' does not exist in the namespace '{subject.name}'")
    if isinstance(subject, TypeRef):
        members = _generic(table_members(unit, subject.name, name, True), generics)
        arguments = arguments_of(unit, call)
        member = pick(unit, members, arguments, name)
        return call_member(unit, None, member, arguments, generics)
    if subject.type is not None and subject.type.endswith("?"):
        return _nullable_method(unit, subject, name, call)
    if subject.type is None or _without_table(subject.type):
        return call_unknown(unit, subject, name, arguments_of(unit, call), generics)
    members = _generic(table_members(unit, subject.type, name, False), generics)
    arguments = arguments_of(unit, call)
    return call_member(unit, subject, pick(unit, members, arguments, name), arguments, generics)


def _generic(members: list[Member], generics: list[str]) -> list[Member]:
    """Return the overloads that a call may mean. With type arguments, only the generic ones, if there are any."""
    return ([member for member in members if member.generic] or members) if generics else members


def _without_table(type_name: str) -> bool:
    return find_table(type_name) is None and type_name not in ("null", "void")


def _nullable_method(unit: Unit, subject: Node, name: str, call: Syntax) -> Node:
    """Compile a call of a Nullable<T> method. GetValueOrDefault and ToString also work if the value is null."""
    run, bare = subject.run, (subject.type or "").removesuffix("?")
    arguments = arguments_of(unit, call)
    if name == "GetValueOrDefault":
        node = arguments[0].node if arguments else None
        other: Run = node.run if node is not None else lambda f: default_of(bare)

        def value_or_default(f: Frame) -> object:
            value = run(f)
            return other(f) if value is None else value

        return Node(value_or_default, bare)
    members = table_members(unit, bare, name, False)
    if name == "ToString" and not arguments:
        inner = call_member(unit, Node(run, bare), pick(unit, members, arguments, name), arguments, []).run
        return Node(lambda f: "" if run(f) is None else inner(f), "string")
    return call_member(unit, Node(run, bare), pick(unit, members, arguments, name), arguments, [])


def _member(unit: Unit, subject: Subject, suffix: Syntax) -> Subject:
    name = _name_of(suffix)
    if isinstance(subject, NamespaceRef):
        return _in_namespace(unit, f"{subject.name}.{name}")
    if isinstance(subject, TypeRef):
        nested = find_table(f"{subject.name}.{name}")
        if nested is not None:
            return TypeRef(nested.name, name)
        return _static_property(unit, subject, name)
    return property_of(unit, subject, name)


def _in_namespace(unit: Unit, full: str) -> Subject:
    type_name = unit.type_or_none(full)
    if type_name is not None:
        return TypeRef(type_name, full)
    if is_namespace(full):
        return NamespaceRef(full)
    raise unit.error(f"The type or namespace name '{full}' could not be found, or is not allowed here")


def _static_property(unit: Unit, subject: TypeRef, name: str) -> Node:
    member = table_members(unit, subject.name, name, True, False)[0]
    function = member.function
    return Node(lambda f: function(), None if member.returns == "dynamic" else member.returns)


def property_of(unit: Unit, subject: Node, name: str) -> Node:
    """Compile `subject.name`, where the name is that of a property."""
    run = subject.run
    if subject.type is not None and subject.type.endswith("?") and name in ("HasValue", "Value"):
        return _nullable_property(run, name, subject.type.removesuffix("?"))
    if subject.type is None or _without_table(subject.type):
        _note_unknown_body(unit, name)
        return Node(_unknown_property(run, name))
    member = table_members(unit, subject.type, name, False, False)[0]
    _note_body(unit, member)
    if member.source == "5.4" or member.returns in ("int", "bool"):
        return Node(_plain_property(run, member.function), member.returns)
    return call_member(unit, subject, member, [], [])


def _plain_property(run: Run, function: Callable[..., object]) -> Run:
    """Return a reader of a property. It costs no step, because reading it takes little work."""

    def get(f: Frame) -> object:
        value = run(f)
        if value is None:
            raise null_reference()
        return function(value)

    return get


def _nullable_property(run: Run, name: str, bare: str) -> Node:
    if name == "HasValue":
        return Node(lambda f: run(f) is not None, "bool")

    def value(f: Frame) -> object:
        found = run(f)
        if found is None:
            raise Thrown("InvalidOperationException", "Nullable object must have a value.")
        return found

    return Node(value, bare)


def _note_body(unit: Unit, member: Member) -> None:
    if member.name in ("Body", "Foundry") and member.owner in ("IRequest", "IResponse"):
        unit.reads.add("request.body" if member.owner == "IRequest" else "response.body")


def _note_unknown_body(unit: Unit, name: str) -> None:
    if name == "Body":
        unit.reads.update(("request.body", "response.body"))


def _unknown_property(run: Run, name: str) -> Run:
    read = property_reader(name)
    return lambda f: f.settle(None, read(run(f)))


def property_reader(name: str) -> Callable[[object], object]:
    """Return a function that reads a property by name, for values whose type is known only at run time.

    It looks the property up once for each type.
    """
    found: dict[type, Callable[..., object]] = {}

    def read(value: object) -> object:
        if value is None:
            raise null_reference()
        function = found.get(type(value))
        if function is None:
            function = found[type(value)] = _property_function(value, name)
        return function(value)

    return read


def _property_function(value: object, name: str) -> Callable[..., object]:
    table = table_of(value)
    members = [] if table is None else table.find(name, False, False)
    for member in members:
        if member.kind == "property":
            return member.function
    fallback = [] if table is None else table.find("*", False, True)
    if fallback:
        function = fallback[0].function
        return lambda one: function(one, name)
    label = type_label(value) if table is None else table.name
    raise EvaluationError(f"'{label}' does not contain a definition for '{name}'", "MissingMember")


def indexed(unit: Unit, subject: Node, suffix: Syntax) -> Node:
    """Compile the reading of `subject[key]`."""
    arguments = arguments_of(unit, suffix)
    if subject.type == "Variables" and len(arguments) == 1:
        node = arguments[0].node
        if node is not None and node.constant and node.type == "string":
            # A literal's closure does not use its frame.
            return Node(_variable(str(node.run(None))), "object")  # type: ignore[arg-type]
    if subject.type is None or _without_table(subject.type):
        return call_unknown(unit, subject, "[]", arguments, [])
    table = find_table(subject.type)
    members = [] if table is None else table.find("[]", False, True)
    if not members:
        raise unit.error(f"Cannot apply indexing with [] to an expression of type '{subject.type}'")
    return call_member(unit, subject, pick(unit, members, arguments, base_name(subject.type)), arguments, [])


def _variable(name: str) -> Run:
    """Compile `context.Variables["name"]`. It has its own closure because it is by far the most frequent expression."""

    def get(f: Frame) -> object:
        try:
            return f.context.variables[name]
        except KeyError:
            raise Thrown("KeyNotFoundException", "The given key was not present in the dictionary.") from None

    return get


def _invoked(unit: Unit, subject: Node, suffix: Syntax) -> Node:
    """Call a delegate that is in a variable."""
    run = subject.run
    if subject.type is not None and not subject.type.startswith(("Func", "Action")):
        raise unit.error("Method name expected")
    runs = [
        node.run for argument in arguments_of(unit, suffix) if (node := argument.node or unit.expression(argument.tree))
    ]

    def call(f: Frame) -> object:
        function = run(f)
        if not isinstance(function, Lambda):
            raise null_reference()
        return function(*[one(f) for one in runs])

    formal = type_arguments(subject.type or "")
    return Node(call, formal[-1] if formal and (subject.type or "").startswith("Func") else None)
