"""A policy expression, compiled once and evaluated for each request."""

from __future__ import annotations

from dataclasses import dataclass

from provision.local.apim.context import PolicyContext
from provision.local.apim.expressions.compiler.statements import program
from provision.local.apim.expressions.compiler.unit import Unit, children
from provision.local.apim.expressions.errors import EvaluationError, ExpressionError, Thrown
from provision.local.apim.expressions.language.parse import parse
from provision.local.apim.expressions.library import load
from provision.local.apim.expressions.limits import Limits
from provision.local.apim.expressions.runtime.frame import Frame, Run

__all__ = ["Expression", "compile_expression"]

load()


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `reads`: the bodies that it reads, `request.body` and `response.body`."""

    text: str
    reads: frozenset[str]
    run: Run
    slots: int
    limits: Limits
    strict_variables: bool

    def evaluate(self, context: PolicyContext) -> object:
        """Return the expression's value. Raises EvaluationError, and nothing else."""
        frame = Frame(context, self.slots, self.limits, self.strict_variables)
        try:
            return frame.evaluate(self.run)
        except Thrown as failure:
            raise EvaluationError(failure.message, failure.kind) from failure
        except RecursionError as failure:
            raise EvaluationError("Expression recurses too deeply", "BudgetExceeded") from failure
        except MemoryError as failure:
            raise EvaluationError("Expression made too much data", "BudgetExceeded") from failure
        except EvaluationError:
            raise
        except Exception as failure:
            # The gateway must go on even if a library function has a defect, which the kind `Internal` shows.
            raise EvaluationError(f"Expression failed: {type(failure).__name__}", "Internal") from failure


def compile_expression(text: str, *, limits: Limits | None = None, variable_type_mismatch: str = "throw") -> Expression:
    """Compile `@(…)` or `@{…}`. Raises ExpressionError with line and column.

    `variable_type_mismatch`: whether `Variables.GetValueOrDefault<T>` throws for a value of another type (`throw`) or
    returns the default (`default`). It is an option of the lab.
    """
    unit = Unit()
    try:
        tree, block = parse(text)
        node = program(unit, tree) if block else unit.expression(children(tree)[0])
    except RecursionError as failure:
        raise ExpressionError("Expression is nested too deeply") from failure
    if node.type in ("void", "never"):
        raise ExpressionError("An expression must have a value")
    return Expression(
        text, frozenset(unit.reads), node.run, unit.slots, limits or Limits(), variable_type_mismatch == "throw"
    )
