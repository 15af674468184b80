"""Checks: comparisons over a run's summary, such as `time_to_trip_s.max < 2`.

They are parsed by a grammar and never evaluated as code.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from tripcurve.errors import BadInput
from tripcurve.run.measures import fault_in, number_at
from tripcurve.run.summary import CheckOutcome

__all__ = ["Check", "parse"]

LONGEST = 500

_GRAMMAR = r"""
start: path COMPARISON NUMBER PERCENT?
path: NAME ("." (NAME | KEY) | "[" INDEX "]")*
COMPARISON: "<=" | ">=" | "==" | "!=" | "<" | ">"
NAME: /[A-Za-z_][A-Za-z0-9_-]*/
KEY: /\d+/
INDEX: /\d+/
NUMBER.2: /[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?/
PERCENT: "%"
%ignore /[ \t]+/
"""
_PARSER = Lark(_GRAMMAR, parser="earley", lexer="dynamic")
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Check:
    """A parsed check. `path` contains keys and list indexes."""

    expression: str
    path: tuple[str | int, ...]
    comparison: str
    limit: float

    def evaluate(self, summary: Mapping[str, Any]) -> CheckOutcome:
        """Compare the number of a summary, given as the content of its file, with the limit."""
        value = number_at(summary, self.path)
        if value is None:
            return self._unobserved(summary)
        return CheckOutcome(
            expression=self.expression, value=value, passed=_COMPARE[self.comparison](value, self.limit)
        )

    def _unobserved(self, summary: Mapping[str, Any]) -> CheckOutcome:
        """Judge a check without a value: only an upper limit on the outage passes, if all requests succeeded."""
        bounded_above = self.path[0] == "outage_s" and self.comparison in ("<", "<=") and self.limit > 0
        if bounded_above and _all_succeeded(summary):
            return CheckOutcome(
                expression=self.expression, value=None, passed=True, reason="not observed: no request failed"
            )
        return CheckOutcome(expression=self.expression, value=None, passed=False, reason="not observed")


def _all_succeeded(summary: Mapping[str, Any]) -> bool:
    """Return whether the run was not interrupted, sent requests in each listed phase, and all of them succeeded."""
    phases = summary.get("phases") or ()
    return bool(phases) and not summary.get("interrupted") and all(0 < one["requests"] == one["ok"] for one in phases)


def parse(text: str) -> Check:
    """Parse a check. `5%` is read as 0.05.

    Raises BadInput, which names the column of a syntax error and an example, or an unknown measure and a similar one.
    """
    example = "a check looks like `time_to_trip_s.max < 2`"
    if len(text) > LONGEST:
        raise BadInput(f"check of {len(text)} characters; at most {LONGEST}; {example}")
    try:
        tree = _PARSER.parse(text)
    except UnexpectedInput as error:
        column = getattr(error, "column", -1)
        where = f"at column {column}" if isinstance(column, int) and column > 0 else "at its end"
        raise BadInput(f"check {text!r} cannot be parsed {where}; {example}") from None
    path, comparison, number, *percent = tree.children
    assert isinstance(path, Tree)  # noqa: S101  # the grammar's own shape, for the type checker
    parts = tuple(_part(token) for token in path.children if isinstance(token, Token))
    fault = fault_in(parts)
    if fault is not None:
        raise BadInput(f"check {text!r}: {fault}")
    return Check(text, parts, str(comparison), float(str(number)) / (100 if percent else 1))


def _part(token: Token) -> str | int:
    return int(token) if token.type == "INDEX" else str(token)
