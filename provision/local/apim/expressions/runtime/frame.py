"""Holds the state of one evaluation: its context, its local variables and its remaining budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from provision.local.apim.expressions.errors import EvaluationError
from provision.local.apim.expressions.limits import Limits

if TYPE_CHECKING:
    from provision.local.apim.context import PolicyContext

__all__ = ["Frame", "Lambda", "Run", "charge", "charge_steps"]

Run = Callable[["Frame"], object]
"""The closure of a compiled node, which returns the node's value."""

_SMALL = 256


class Frame:
    """The state of one evaluation. `steps`, `memory` and `calls`: the remaining budget."""

    __slots__ = ("calls", "context", "locals", "memory", "result", "steps", "strict_variables", "thrown")

    def __init__(self, context: PolicyContext, slots: int, limits: Limits, strict_variables: bool) -> None:
        self.context = context
        self.locals: list[object] = [None] * slots
        self.steps = limits.steps
        self.memory = limits.memory
        self.calls = limits.calls
        self.result: object = None
        self.thrown: list[Exception] = []
        self.strict_variables = strict_variables

    def evaluate(self, run: Run) -> object:
        """Evaluate a compiled expression in this frame, and then clear its local variables.

        A variable may refer back to the frame through a lambda or an exception, and such a cycle would stay until the
        garbage collector runs. If the value is itself a lambda, the variables are kept, because it may read them.
        """
        _running.append(self)
        value: object = None
        try:
            value = run(self)
        finally:
            _running.pop()
            if not isinstance(value, Lambda):
                self.locals.clear()
        return value

    def step(self, count: int = 1) -> None:
        """Count steps. Raises EvaluationError if the budget is spent."""
        self.steps -= count
        if self.steps < 0:
            raise EvaluationError("Expression ran too long: its step budget is spent", "BudgetExceeded")

    def allocate(self, count: int) -> None:
        """Count characters or elements of new values. Raises EvaluationError if the budget is spent."""
        self.memory -= count
        if self.memory < 0:
            raise EvaluationError("Expression made too much data: its memory budget is spent", "BudgetExceeded")

    def settle(self, subject: object, result: object) -> object:
        """Count one call on `subject` and return its result."""
        self.steps -= 1
        if self.steps < 0:
            self.step()
        if isinstance(result, (str, bytes, list)) and len(result) > _SMALL:
            self.allocate(len(result))
        if isinstance(subject, (str, bytes, list)) and len(subject) > _SMALL:
            self.step(len(subject) >> 6)
        return result


_running: list[Frame] = []


def charge(count: int) -> None:
    """Count a library function's work on a number of elements against the budget of the running evaluation.

    At most one evaluation runs at a time, because evaluation is synchronous and a gateway unit has one thread.
    """
    if _running:
        _running[-1].step(1 + (count >> 2))
        _running[-1].allocate(count)


def charge_steps(count: int) -> None:
    """Count steps against the budget of the running evaluation."""
    if _running:
        _running[-1].step(count)


class Lambda:
    """A C# lambda of one evaluation. It ignores arguments beyond the number of its parameters."""

    __slots__ = ("body", "end", "frame", "parameters", "start")

    def __init__(self, frame: Frame, start: int, parameters: int, end: int, body: Run) -> None:
        """Make a lambda whose parameters are in the slots from `start` on; its other locals follow, up to `end`."""
        self.frame, self.start, self.parameters, self.end, self.body = frame, start, parameters, end, body

    def __call__(self, *arguments: object) -> object:
        frame = self.frame
        frame.steps -= 1
        if frame.steps < 0:
            frame.step()
        if frame.calls <= 0:
            raise EvaluationError("Lambdas call one another too deeply", "BudgetExceeded")
        frame.calls -= 1
        values, start, end = frame.locals, self.start, self.end
        # A lambda may call itself, so the values of the outer call are restored afterwards.
        saved = values[start:end]
        given = min(len(arguments), self.parameters)
        try:
            values[start : start + given] = arguments[:given]
            return self.body(frame)
        finally:
            frame.calls += 1
            values[start:end] = saved
