"""The outcome of a request to a backend, and whether the breaker's rule counts it."""

from __future__ import annotations

from typing import NamedTuple

from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["SERVER_ERRORS", "FailureTest", "Outcome"]

SERVER_ERRORS = "Server errors"
"""The error reason of Microsoft's own example rule; the failures that it matches are an option."""

_STATUSES = range(100, 1000)


class Outcome(NamedTuple):
    """The result that the gateway has from a backend at the instant it has the status line (or knows there is none).

    `status` None: no response came. `error_reason`: the gateway's own word for a failure such as
    `Timeout` or `BackendConnectionFailure`, None: none. Both None: the client left before the
    answer, which tells nothing about the backend. `retry_after_s`: seconds, None: no such header.
    """

    status: int | None = None
    error_reason: str | None = None
    retry_after_s: float | None = None


class FailureTest:
    """Tells failures from other answers, for one rule under one set of options."""

    __slots__ = ("_any_transport", "_as_500", "_listed", "_reasons", "failing", "in_ranges")

    def __init__(self, rule: BreakerRule, options: LocalOptions) -> None:
        named = SERVER_ERRORS in rule.error_reasons
        aliased = named and options.server_errors_alias != "nothing"
        self.in_ranges = frozenset(status for status in _STATUSES if rule.counts_status(status))
        """Statuses that the rule's ranges name."""
        self.failing = self.in_ranges | (frozenset(range(500, 600)) if aliased else frozenset())
        """Statuses that are failures, by a range or by the alias of `Server errors`."""
        self._reasons = frozenset(rule.error_reasons)
        self._any_transport = named and options.server_errors_alias == "any_failure"
        self._as_500 = options.transport_failures == "always_as_500"
        self._listed = options.transport_failures == "if_reason_listed"

    def judge(self, outcome: Outcome) -> bool | None:
        """Return True for a failure, False for any other answer, and None for a result outside the window."""
        status, reason, _ = outcome
        if reason is not None and self._counts_reason(reason):
            return True
        if status is None:
            return False if self._as_500 and reason is not None else None
        return status in self.failing

    def _counts_reason(self, reason: str) -> bool:
        if self._as_500:
            return 500 in self.failing
        return self._listed and (self._any_transport or reason in self._reasons)
