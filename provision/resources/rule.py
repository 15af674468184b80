"""A breaker rule in the lab's words and in ARM's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tripcurve.durations import format_iso
from tripcurve.lab.rule import BreakerRule

if TYPE_CHECKING:
    from azure.mgmt.apimanagement.models import CircuitBreakerRule

__all__ = ["rule_from_arm", "rule_to_arm"]


def rule_to_arm(rule: BreakerRule) -> CircuitBreakerRule:
    """The rule as the SDK sends it."""
    from datetime import timedelta

    from azure.mgmt.apimanagement import models

    ranges = [models.FailureStatusCodeRange(min=low, max=high) for low, high in rule.status_codes]
    condition = models.CircuitBreakerFailureCondition(
        count=rule.count,
        percentage=rule.percentage,
        interval=timedelta(seconds=rule.interval),
        status_code_ranges=ranges,
        error_reasons=list(rule.error_reasons),
    )
    return models.CircuitBreakerRule(
        name=rule.name,
        failure_condition=condition,
        trip_duration=timedelta(seconds=rule.trip_duration),
        accept_retry_after=rule.accept_retry_after,
    )


def rule_from_arm(rule: CircuitBreakerRule) -> dict[str, Any]:
    """The rule read back, in the lab's words: the fields of BreakerRule, durations as ISO 8601.

    It is not checked, because somebody else may have written a rule that a lab must not have. None: a field is absent.
    """
    condition = rule.failure_condition
    interval = None if condition is None else condition.interval
    ranges = [] if condition is None else condition.status_code_ranges or []
    return {
        "name": rule.name,
        "count": None if condition is None else condition.count,
        "percentage": None if condition is None else condition.percentage,
        "interval": None if interval is None else format_iso(interval.total_seconds()),
        "status_codes": [item.min if item.min == item.max else f"{item.min}-{item.max}" for item in ranges],
        "error_reasons": [] if condition is None else list(condition.error_reasons or []),
        "trip_duration": None if rule.trip_duration is None else format_iso(rule.trip_duration.total_seconds()),
        "accept_retry_after": bool(rule.accept_retry_after),
    }
