"""The limits of an expression's text, and those of one evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from provision.local.apim.expressions.errors import EvaluationError

__all__ = ["MAX_DEPTH", "MAX_ITEMS", "MAX_TEXT", "MAX_TOKENS", "Limits", "checked_length"]

MAX_SOURCE = 64 * 1024
"""The longest text of an expression, in characters. APIM limits only the policy document, to 256 KiB."""
MAX_TOKENS = 12_000
MAX_DEPTH = 64
"""The deepest nesting of brackets and of the syntax tree, far below Python's recursion limit."""
MAX_TEXT = 4 * 1024 * 1024
"""The longest string that one operation may make, in characters."""
MAX_ITEMS = 500_000
"""The most elements of one collection."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The budget of one evaluation. A step is one pass of a loop, one call, or the work on about 64 characters."""

    steps: int = 500_000
    memory: int = 32 * 1024 * 1024
    """The total of characters, bytes and elements that may be allocated."""
    calls: int = 40
    """The most lambda calls within one another."""


def checked_length(length: int, limit: int = MAX_TEXT) -> int:
    """Return `length` if a value of that size is allowed. Raises EvaluationError otherwise."""
    if length > limit:
        raise EvaluationError(
            f"expression would make a value of {length} elements; the limit is {limit}", "BudgetExceeded"
        )
    return length
