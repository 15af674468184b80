"""What is wrong with a policy document, in ARM's own shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Fault", "PolicyError", "fault_at"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One detail of ARM's ValidationError: the element, the sentence, and where it stands (from 1)."""

    target: str
    message: str
    line: int
    column: int


class PolicyError(Exception):
    """A document that is not stored. `faults` has one or more."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = list(faults)


def fault_at(target: str, line: int, column: int, reason: str) -> Fault:
    """A fault in the words ARM uses for a policy element."""
    return Fault(target, f"Error in element '{target}' on line {line}, column {column}: {reason}", line, column)
