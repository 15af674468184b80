"""Compiles statements to closures. One returns a Signal if `break`, `continue` or `return` ended it, else None."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lark import Token

from provision.local.apim.expressions.compiler.creation import array_of
from provision.local.apim.expressions.compiler.lambdas import compile_lambda, delegate
from provision.local.apim.expressions.compiler.types import boolean, coerced, element_type
from provision.local.apim.expressions.compiler.unit import (
    Node,
    Signal,
    Statement,
    Syntax,
    Unit,
    children,
    rule,
    statement,
)
from provision.local.apim.expressions.runtime.casts import cast
from provision.local.apim.expressions.runtime.frame import Frame, Run
from provision.local.apim.expressions.runtime.iteration import iterate
from provision.local.apim.expressions.runtime.operators import equals

__all__ = ["Body", "program", "scoped"]

Body = Callable[[Frame], int | None]


def program(unit: Unit, tree: Syntax) -> Node:
    """Compile a multi-statement expression, whose value is that of its return statement."""
    whole = sequence(unit, children(tree))
    if not whole.ends:
        raise unit.error("Not all code paths return a value", tree)
    return Node(_returned(whole.run))


def _returned(body: Body) -> Run:
    def run(f: Frame) -> object:
        return f.result if body(f) == Signal.RETURN else None

    return run


@rule("block")
def _lambda_body(unit: Unit, tree: Syntax) -> Node:
    return Node(_returned(scoped(unit, children(tree)).run))


def scoped(unit: Unit, trees: Sequence[Syntax]) -> Statement:
    """Compile statements in a scope of their own."""
    unit.scopes.append({})
    try:
        return sequence(unit, trees)
    finally:
        unit.scopes.pop()


def sequence(unit: Unit, trees: Sequence[Syntax]) -> Statement:
    """Compile statements that run one after the other."""
    for tree in trees:
        if tree.data == "function":
            announce(unit, tree)
    parts = [unit.statement(tree) for tree in trees]
    # Local functions may be called before their declaration, so they are stored first.
    first = [part.run for part, tree in zip(parts, trees, strict=True) if tree.data == "function"]
    bodies = first + [part.run for part, tree in zip(parts, trees, strict=True) if tree.data != "function"]

    def run(f: Frame) -> int | None:
        for body in bodies:
            signal = body(f)
            if signal is not None:
                return signal
        return None

    only = bodies[0] if len(bodies) == 1 else run
    ends = any(part.ends for part in parts)
    return Statement(only, ends, any(part.breaks for part in parts))


@statement("block")
def _block(unit: Unit, tree: Syntax) -> Statement:
    return scoped(unit, children(tree))


@statement("block_")
def _unchecked(unit: Unit, tree: Syntax) -> Statement:
    """Compile `unchecked { … }` to its block, because arithmetic is always unchecked here."""
    return unit.statement(children(tree)[0])


@statement("function")
def _function(unit: Unit, tree: Syntax) -> Statement:
    name = next(str(child) for child in tree.children if isinstance(child, Token) and child.type == "NAME")
    variable = unit.find(name)
    if variable is None:
        raise unit.error(f"The local function '{name}' may not stand here", tree)
    node = compile_lambda(unit, tree, [])
    return Statement(_store(variable.slot, node.run))


def announce(unit: Unit, tree: Syntax) -> None:
    """Declare a local function's name before its block is compiled, so that every statement can call it."""
    name = next(str(child) for child in tree.children if isinstance(child, Token) and child.type == "NAME")
    types = [unit.type_name(children(one, "type")[0]) for one in children(tree, "parameter")]
    result = unit.type_name(children(tree, "type")[0])
    delegate_name = f"Action<{','.join(types)}>" if result == "void" else f"Func<{','.join([*types, result])}>"
    unit.declare(name, delegate_name)


@statement("empty")
def _empty(unit: Unit, tree: Syntax) -> Statement:
    return Statement(lambda f: None)


_EFFECTS = frozenset({"assign", "assign_op", "postfix", "prefix", "new_object"})


@statement("expression_statement")
def _expression(unit: Unit, tree: Syntax) -> Statement:
    (inner,) = children(tree)
    if inner.data not in _EFFECTS:
        raise unit.error("Only assignment, call, increment, decrement, and new object expressions can be a statement")
    run = unit.expression(inner).run

    def effect(f: Frame) -> None:
        run(f)

    return Statement(effect)


@statement("declaration")
def _declaration(unit: Unit, tree: Syntax) -> Statement:
    named = unit.type_name(children(tree, "type")[0])
    steps = [_declarator(unit, one, named) for one in children(tree, "declarator", "array_declarator")]

    def run(f: Frame) -> None:
        for step in steps:
            step(f)

    return Statement(steps[0] if len(steps) == 1 else run)


def _declarator(unit: Unit, tree: Syntax, named: str) -> Callable[[Frame], None]:
    name, values = str(tree.children[0]), children(tree)
    if not values:
        if named == "var":
            raise unit.error("Implicitly-typed variables must be initialized", tree)
        slot = unit.declare(name, named).slot
        return _store(slot, lambda f: None)
    if tree.data == "array_declarator":
        node = array_of(unit, named.removesuffix("[]"), values[0])
    else:
        node = _initial(unit, values[0], named)
    if named == "var" and node.type in ("null", "void"):
        raise unit.error(f"Cannot assign {node.type} to an implicitly-typed variable", tree)
    run = node.run if named in ("var", "dynamic") else coerced(unit, node, (named,), f"'{name}'")
    static = node.type if named == "var" else None if named == "dynamic" else named
    return _store(unit.declare(name, static).slot, run)


def _initial(unit: Unit, tree: Syntax, named: str) -> Node:
    return delegate(unit, tree, named) if tree.data == "lambda_" else unit.expression(tree)


def _store(slot: int, run: Run) -> Callable[[Frame], None]:
    def store(f: Frame) -> None:
        f.locals[slot] = run(f)

    return store


@statement("if_")
def _if(unit: Unit, tree: Syntax) -> Statement:
    condition, *branches = children(tree)
    test = boolean(unit, unit.expression(condition))
    parts = [scoped(unit, [branch]) for branch in branches]
    breaks = any(part.breaks for part in parts)
    yes = parts[0].run
    if len(parts) == 1:
        return Statement(lambda f: yes(f) if test(f) else None, breaks=breaks)
    no = parts[1].run
    return Statement(lambda f: yes(f) if test(f) else no(f), all(part.ends for part in parts), breaks)


def _loop(
    test: Callable[[Frame], bool] | None, body: Body, step: Callable[[Frame], object] | None, first: bool = False
) -> Body:
    def run(f: Frame) -> int | None:
        skip = first
        while skip or test is None or test(f):
            skip = False
            f.steps -= 1
            if f.steps < 0:
                f.step()
            signal = body(f)
            if signal == Signal.BREAK:
                return None
            if signal == Signal.RETURN:
                return signal
            if step is not None:
                step(f)
        return None

    return run


def _endless(unit: Unit, condition: Syntax | None, part: Statement) -> bool:
    """Return whether a loop cannot end normally: it has no break, and its condition is absent or the literal true."""
    if part.breaks:
        return False
    if condition is None:
        return True
    return (
        condition.data == "literal"
        and isinstance(condition.children[0], Token)
        and condition.children[0].type == "TRUE"
    )


@statement("while_")
def _while(unit: Unit, tree: Syntax) -> Statement:
    condition, body = children(tree)
    test = boolean(unit, unit.expression(condition))
    part = scoped(unit, [body])
    return Statement(_loop(test, part.run, None), _endless(unit, condition, part))


@statement("do_")
def _do(unit: Unit, tree: Syntax) -> Statement:
    body, condition = children(tree)
    part = scoped(unit, [body])
    test = boolean(unit, unit.expression(condition))
    ends = _endless(unit, condition, part) or (part.ends and not part.breaks)
    return Statement(_loop(test, part.run, None, first=True), ends)


@statement("for_")
def _for(unit: Unit, tree: Syntax) -> Statement:
    start, condition, step, body = children(tree)
    unit.scopes.append({})
    try:
        begin = [_start(unit, one) for one in children(start)]
        tests = [boolean(unit, unit.expression(one)) for one in children(condition)]
        steps = [unit.expression(one).run for one in children(step)]
        part = scoped(unit, [body])
    finally:
        unit.scopes.pop()

    def after(f: Frame) -> None:
        for one in steps:
            one(f)

    loop = _loop(tests[0] if tests else None, part.run, steps[0] if len(steps) == 1 else after)

    def run(f: Frame) -> int | None:
        for one in begin:
            one(f)
        return loop(f)

    return Statement(run, _endless(unit, next(iter(children(condition)), None), part))


def _start(unit: Unit, tree: Syntax) -> Callable[[Frame], object]:
    return unit.statement(tree).run if tree.data == "declaration" else unit.expression(tree).run


@statement("foreach_")
def _foreach(unit: Unit, tree: Syntax) -> Statement:
    type_tree, items_tree, body = children(tree)
    items = unit.expression(items_tree)
    if items.type in ("int", "bool", "double", "long", "object"):
        raise unit.error(f"foreach statement cannot operate on variables of type '{items.type}'", items_tree)
    named = unit.type_name(type_tree)
    name = next(str(child) for child in tree.children if isinstance(child, Token) and child.type == "NAME")
    unit.scopes.append({})
    try:
        slot = unit.declare(name, element_type(items.type) if named == "var" else named).slot
        part = scoped(unit, [body])
    finally:
        unit.scopes.pop()
    source, inner = items.run, part.run
    convert = None if named in ("var", "dynamic", "object") else _element_cast(named)

    def run(f: Frame) -> int | None:
        for item in iterate(source(f)):
            f.steps -= 1
            if f.steps < 0:
                f.step()
            f.locals[slot] = item if convert is None else convert(item)
            signal = inner(f)
            if signal == Signal.BREAK:
                break
            if signal == Signal.RETURN:
                return signal
        return None

    return Statement(run)


def _element_cast(named: str) -> Callable[[object], object]:
    return lambda item: cast(item, named)


@statement("using_")
def _using(unit: Unit, tree: Syntax) -> Statement:
    """Compile `using` to its resource and its block. No resource here needs to be disposed."""
    resource, body = children(tree)
    unit.scopes.append({})
    try:
        begin = _start(unit, resource)
        part = scoped(unit, [body])
    finally:
        unit.scopes.pop()
    inner = part.run

    def run(f: Frame) -> int | None:
        begin(f)
        return inner(f)

    return Statement(run, part.ends, part.breaks)


@statement("switch_")
def _switch(unit: Unit, tree: Syntax) -> Statement:
    subject_tree, *sections = children(tree)
    subject = unit.expression(subject_tree).run
    unit.scopes.append({})
    try:
        compiled = [_section(unit, one) for one in sections]
    finally:
        unit.scopes.pop()
    default = next((part.run for _, has_default, part in compiled if has_default), None)

    def run(f: Frame) -> int | None:
        value = subject(f)
        chosen = default
        for labels, _, part in compiled:
            if any(equals(value, label(f)) for label in labels):
                chosen = part.run
                break
        signal = None if chosen is None else chosen(f)
        return None if signal == Signal.BREAK else signal

    ends = default is not None and all(part.ends and not part.breaks for _, _, part in compiled)
    return Statement(run, ends)


def _section(unit: Unit, tree: Syntax) -> tuple[list[Run], bool, Statement]:
    labels = [unit.expression(children(one)[0]).run for one in children(tree, "label")]
    has_default = bool(children(tree, "default_label"))
    part = sequence(unit, [one for one in children(tree) if one.data not in ("label", "default_label")])
    if not part.ends:
        raise unit.error("Control cannot fall through from one case label to another", tree)
    return labels, has_default, part


@statement("return_")
def _return(unit: Unit, tree: Syntax) -> Statement:
    values = children(tree)
    if not values and not unit.lambdas:
        raise unit.error("An expression must return a value", tree)
    if not values:
        return Statement(lambda f: Signal.RETURN, ends=True)
    node = unit.expression(values[0])
    if node.type == "void":
        raise unit.error("Cannot return the result of a call without a value", tree)
    run = node.run

    def leave(f: Frame) -> int:
        f.result = run(f)
        return Signal.RETURN

    return Statement(leave, ends=True)


@statement("break_")
def _break(unit: Unit, tree: Syntax) -> Statement:
    return Statement(lambda f: Signal.BREAK, ends=True, breaks=True)


@statement("continue_")
def _continue(unit: Unit, tree: Syntax) -> Statement:
    return Statement(lambda f: Signal.CONTINUE, ends=True)
