"""One evaluation: its context, its local variables and the rest of its budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from provision.local.apim.expressions.errors import EvaluationError
from provision.local.apim.expressions.limits import Limits

if TYPE_CHECKING:
    from provision.local.apim.context import PolicyContext

__all__ = ["Frame", "Lambda", "Run", "charge", "charge_steps"]

Run = Callable[["Frame"], object]
"""A compiled node, which evaluates to its value."""

_SMALL = 256


class Frame:
    """The state of one evaluation. Steps and memory only decrease."""

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
        """Run a compiled expression in this frame and then drop its variables.

        A closure or an exception among them refers to this frame, and a cycle waits for the garbage collector. Only if
        the value is a closure are they kept, because it may still read them.
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
        """Count one step. Raises EvaluationError if the budget is spent."""
        self.steps -= count
        if self.steps < 0:
            raise EvaluationError("Expression ran too long: its step budget is spent", "BudgetExceeded")

    def allocate(self, count: int) -> None:
        """Count so many characters or elements. Raises EvaluationError if the budget is spent."""
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
    """Account for work on that many elements inside a library function, against the evaluation now running.

    Evaluation is synchronous and a gateway unit has one thread, so there is one at most.
    """
    if _running:
        _running[-1].step(1 + (count >> 2))
        _running[-1].allocate(count)


def charge_steps(count: int) -> None:
    """Count steps only, as `charge` does."""
    if _running:
        _running[-1].step(count)


class Lambda:
    """A C# lambda bound to its evaluation. Called with as many arguments as it has parameters, or more."""

    __slots__ = ("body", "end", "frame", "parameters", "start")

    def __init__(self, frame: Frame, start: int, parameters: int, end: int, body: Run) -> None:
        """Its parameters are the slots from `start`. Its own locals follow up to `end`."""
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
        # A lambda may call itself, so its slots are restored afterwards.
        saved = values[start:end]
        given = min(len(arguments), self.parameters)
        try:
            values[start : start + given] = arguments[:given]
            return self.body(frame)
        finally:
            frame.calls += 1
            values[start:end] = saved
