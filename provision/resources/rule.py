"""Converts a breaker rule between the lab's field names and ARM's JSON [SPEC26]."""

from __future__ import annotations

from typing import Any

from tripcurve.durations import format_iso, parse_seconds
from tripcurve.lab.rule import BreakerRule

__all__ = ["rule_from_arm", "rule_to_arm"]

Json = dict[str, Any]


def rule_to_arm(rule: BreakerRule) -> Json:
    """Return the rule in ARM's JSON. `failureResponse` is left out if the rule does not set one."""
    sent: Json = {
        "name": rule.name,
        "failureCondition": {
            **({"count": rule.count} if rule.count is not None else {"percentage": rule.percentage}),
            "interval": format_iso(rule.interval),
            "statusCodeRanges": [{"min": low, "max": high} for low, high in rule.status_codes],
            "errorReasons": list(rule.error_reasons),
        },
        "tripDuration": format_iso(rule.trip_duration),
        "acceptRetryAfter": rule.accept_retry_after,
    }
    if rule.failure_response is not None:
        sent["failureResponse"] = {"statusCode": rule.failure_response}
    return sent


def rule_from_arm(rule: Json) -> Json:
    """Return ARM's rule with the field names of BreakerRule, durations in ISO 8601, and None for absent fields.

    The result is not validated, because the rule on the service may be one that a lab does not allow.
    """
    condition = rule.get("failureCondition") or {}
    ranges = [(item.get("min"), item.get("max")) for item in condition.get("statusCodeRanges") or []]
    return {
        "name": rule.get("name"),
        "count": condition.get("count"),
        "percentage": condition.get("percentage"),
        "interval": _duration(condition.get("interval")),
        "status_codes": [low if low == high else f"{low}-{high}" for low, high in ranges],
        "error_reasons": list(condition.get("errorReasons") or []),
        "trip_duration": _duration(rule.get("tripDuration")),
        "accept_retry_after": bool(rule.get("acceptRetryAfter")),
        "failure_response": (rule.get("failureResponse") or {}).get("statusCode"),
    }


def _duration(text: str | None) -> str | None:
    """Return a duration as the lab writes it, or unchanged if it cannot be parsed."""
    try:
        return None if text is None else format_iso(parse_seconds(text))
    except ValueError:
        return text
