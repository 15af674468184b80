"""Values of attributes and texts: constants, or expressions with the conversion that their place needs."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

from provision.local.apim.context import PolicyContext
from provision.local.apim.expressions import (
    EvaluationError,
    Expression,
    ExpressionError,
    compile_expression,
    to_text,
)
from provision.local.apim.services import PolicyFault

__all__ = ["Constant", "Dynamic", "Value", "as_boolean", "as_integer", "as_number", "as_text", "compile_value"]

_ENTITY = re.compile(r"&(?:quot|apos|lt|gt|amp|#\d+|#x[0-9a-fA-F]+);")
_QUOTED = re.compile(r"""@?"(?:[^"\\]|\\.)*"|'((?:[^'"\\\n]|\\.)*)'""")


class Value(Protocol):
    """The value of an attribute or text for a request."""

    @property
    def constant(self) -> bool: ...

    @property
    def reads(self) -> frozenset[str]: ...

    def get(self, context: PolicyContext) -> object: ...


class Constant:
    """A value that is the same for every request."""

    __slots__ = ("value",)
    constant: Final = True
    reads: Final[frozenset[str]] = frozenset()

    def __init__(self, value: object) -> None:
        self.value = value

    def get(self, context: PolicyContext) -> object:
        return self.value


class Dynamic:
    """An expression that is evaluated for each request. If it fails, the policy fails."""

    __slots__ = ("_convert", "_evaluate", "reads")
    constant: Final = False

    def __init__(self, expression: Expression, convert: Callable[[object], object] | None) -> None:
        self._evaluate = expression.evaluate
        self._convert = convert
        self.reads = expression.reads

    def get(self, context: PolicyContext) -> object:
        try:
            value = self._evaluate(context)
            return value if self._convert is None else self._convert(value)
        except EvaluationError as error:
            message = f"Expression evaluation failed. {error}"
            raise PolicyFault("", "ExpressionValueEvaluationFailure", message) from error


@lru_cache(maxsize=4096)
def _compiled(text: str, mismatch: str) -> Expression:
    """Compile an expression once for all documents that contain it. Expressions have no state."""
    return compile_expression(text, variable_type_mismatch=mismatch)


_FIXED = {"@(true)": True, "@(false)": False}


def compile_value(text: str, convert: Callable[[object], object] | None, mismatch: str) -> Value:
    """Compile `@(…)` or `@{…}`; `@(true)` and `@(false)` become constants. Raises ExpressionError.

    If the text is not C#, two deviations that Azure accepts are tried: XML entities in rawxml, and strings in single
    quotes.
    """
    if text in _FIXED:
        return Constant(_FIXED[text] if convert is None else convert(_FIXED[text]))
    plain = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    failure: ExpressionError | None = None
    for candidate in dict.fromkeys((text, plain, _QUOTED.sub(_double_quoted, plain), _all_double_quoted(plain))):
        try:
            return Dynamic(_compiled(candidate, mismatch), convert)
        except ExpressionError as error:
            failure = error if failure is None or candidate == plain else failure
    raise failure or ExpressionError("The expression is empty.")


def _double_quoted(match: re.Match[str]) -> str:
    """Return a constant in single quotes as a string if it is longer than one character, else the match unchanged."""
    inner = match.group(1)
    return match.group() if inner is None or len(inner) < 2 or inner.startswith("\\") else f'"{inner}"'


def _all_double_quoted(text: str) -> str:
    """Return the code with double quotes for single ones if it has only single ones: then even `'0'` is a string."""
    return text if '"' in text else _QUOTED.sub(lambda match: f'"{match.group(1)}"', text)


def as_text(value: object) -> str:
    """Return the value as C# prints it. null is empty."""
    return value if isinstance(value, str) else "" if value is None else to_text(value)


def as_boolean(value: object) -> bool:
    """Return a bool, also from the words true and false. Raises EvaluationError for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise EvaluationError(f"'{as_text(value)}' is not a boolean.")


def as_integer(value: object) -> int:
    """Return an int, also from text. Raises EvaluationError for anything else."""
    number = as_number(value)
    if number != int(number):
        raise EvaluationError(f"'{as_text(value)}' is not an integer.")
    return int(number)


def as_number(value: object) -> float:
    """Return a number, also from text. Raises EvaluationError for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    try:
        number = float(as_text(value))
    except ValueError as error:
        raise EvaluationError(f"'{as_text(value)}' is not a number.") from error
    if number != number or number in (float("inf"), float("-inf")):
        raise EvaluationError(f"'{as_text(value)}' is not a number.")
    return number
