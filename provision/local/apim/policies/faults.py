"""Faults of a policy document, in the form that ARM reports them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Fault", "PolicyError", "fault_at"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One detail of ARM's ValidationError: the element, the message, and its line and column, counted from 1."""

    target: str
    message: str
    line: int
    column: int


class PolicyError(Exception):
    """A document that cannot be stored. `faults` has at least one."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = list(faults)


def fault_at(target: str, line: int, column: int, reason: str) -> Fault:
    """Return a fault in ARM's words for a policy element."""
    return Fault(target, f"Error in element '{target}' on line {line}, column {column}: {reason}", line, column)
