"""The outcome of a request to a backend, and whether the breaker's rule counts it."""

from __future__ import annotations

from typing import NamedTuple

from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["SERVER_ERRORS", "FailureTest", "Outcome"]

SERVER_ERRORS = "Server errors"
"""The error reason in Microsoft's example rule. The option `server_errors` says which failures it matches."""

_STATUSES = range(100, 1000)


class Outcome(NamedTuple):
    """The result of a request to a backend, known when the status line arrives or the request fails.

    `status` is None if no response came. `error_reason` is the gateway's name for a failure, such as `Timeout` or
    `BackendConnectionFailure`; None if there was none. If both are None, the client left before the answer, which shows
    nothing about the backend. `retry_after_s` is in seconds; None without that header.
    """

    status: int | None = None
    error_reason: str | None = None
    retry_after_s: float | None = None


class FailureTest:
    """Decides which results are failures, for one rule under one set of options."""

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
        """Return True for a failure, False for any other answer, and None for a result that the window ignores."""
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
