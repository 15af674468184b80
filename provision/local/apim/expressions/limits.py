"""Bounds on an expression's text and on one evaluation of it."""

from __future__ import annotations

from dataclasses import dataclass

from provision.local.apim.expressions.errors import EvaluationError

__all__ = ["MAX_DEPTH", "MAX_ITEMS", "MAX_TEXT", "MAX_TOKENS", "Limits", "checked_length"]

MAX_SOURCE = 64 * 1024
"""Longest expression text, in characters. APIM's own limit is the policy document's 256 KiB."""
MAX_TOKENS = 12_000
MAX_DEPTH = 64
"""Deepest nesting of brackets and of the syntax tree: keeps evaluation far from Python's recursion limit."""
MAX_TEXT = 4 * 1024 * 1024
"""Longest string, in characters, that a single operation may make."""
MAX_ITEMS = 500_000
"""Most elements that one collection may have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may spend. A step is a loop turn, a call, or the work on some 64 characters."""

    steps: int = 500_000
    memory: int = 32 * 1024 * 1024
    """Characters, bytes and elements allocated in all."""
    calls: int = 40
    """Depth of lambdas calling lambdas."""


def checked_length(length: int, limit: int = MAX_TEXT) -> int:
    """`length` when a value of that size may be made; raises EvaluationError otherwise."""
    if length > limit:
        raise EvaluationError(
            f"expression would make a value of {length} elements; the limit is {limit}", "BudgetExceeded"
        )
    return length
