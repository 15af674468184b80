"""Compiles `throw`, `try`, `catch` and `finally`."""

from __future__ import annotations

from lark import Tree

from provision.local.apim.expressions.compiler.operators import thrown
from provision.local.apim.expressions.compiler.statements import Body, scoped
from provision.local.apim.expressions.compiler.unit import (
    Statement,
    Syntax,
    Unit,
    children,
    statement,
)
from provision.local.apim.expressions.errors import Thrown, is_kind_of, known_exceptions
from provision.local.apim.expressions.runtime.frame import Frame

__all__: list[str] = []


@statement("throw_")
def _throw(unit: Unit, tree: Syntax) -> Statement:
    values = children(tree)
    if not values:
        return Statement(_rethrow, ends=True)
    run = unit.expression(values[0]).run

    def raise_(f: Frame) -> None:
        raise thrown(run(f))

    return Statement(raise_, ends=True)


def _rethrow(f: Frame) -> None:
    raise f.thrown[-1] if f.thrown else Thrown("InvalidOperationException", "No exception to throw again.")


@statement("try_")
def _try(unit: Unit, tree: Syntax) -> Statement:
    (body, *_rest) = children(tree)
    part = scoped(unit, children(body))
    catches = [_catch(unit, one) for one in children(tree, "catch")]
    last = [scoped(unit, children(children(one)[0])) for one in children(tree, "finally_")]
    if not catches and not last:
        raise unit.error("Expected catch or finally", tree)
    guarded = _guarded(part.run, [(kind, slot, handler.run) for kind, slot, handler in catches])
    parts = [part, *(handler for _, _, handler in catches)]
    ends, breaks = all(one.ends for one in parts), any(one.breaks for one in parts)
    return Statement(_with_finally(guarded, last[0].run) if last else guarded, ends, breaks)


def _catch(unit: Unit, tree: Syntax) -> tuple[str, int | None, Statement]:
    typed = children(tree, "catch_type")
    unit.scopes.append({})
    try:
        kind, slot = "Exception", None
        if typed:
            kind = unit.type_name(children(typed[0])[0])
            if kind not in known_exceptions():
                raise unit.error("The type caught or thrown must be derived from System.Exception", tree)
            last = typed[0].children[-1]
            slot = None if isinstance(last, Tree) else unit.declare(str(last), kind).slot
        return kind, slot, scoped(unit, children(children(tree, "block")[0]))
    finally:
        unit.scopes.pop()


def _guarded(body: Body, catches: list[tuple[str, int | None, Body]]) -> Body:
    def run(f: Frame) -> int | None:
        try:
            return body(f)
        except Thrown as failure:
            f.step()
            for kind, slot, handler in catches:
                if is_kind_of(failure.kind, kind):
                    if slot is not None:
                        f.locals[slot] = failure
                    f.thrown.append(failure)
                    try:
                        return handler(f)
                    finally:
                        f.thrown.pop()
            raise

    return run


def _with_finally(body: Body, last: Body) -> Body:
    def run(f: Frame) -> int | None:
        try:
            signal = body(f)
            held = f.result
        except Thrown:
            last(f)
            raise
        last(f)
        f.result = held
        return signal

    return run
