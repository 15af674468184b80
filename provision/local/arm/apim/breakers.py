"""Check a backend's circuit breaker, with the error messages of the service."""

from __future__ import annotations

import logging
from typing import Any

import isodate

from provision.local.arm.call import Json
from provision.local.arm.crud import Draft

__all__ = ["check_breaker", "failure_response_faults"]

_log = logging.getLogger(__name__)
Faults = list[tuple[str, str]]
_PLACE = "circuitBreaker.rules"
_RULE_KEYS = {"name", "failureCondition", "tripDuration", "acceptRetryAfter"}
_CONDITION_KEYS = {"count", "percentage", "interval", "statusCodeRanges", "errorReasons"}


def check_breaker(draft: Draft, properties: Json) -> Faults:
    """Return the faults of the breaker; empty without a breaker. Removes ignored parts from `properties`.

    The options `unsupported_breaker` and `rule_bounds` decide about breakers whose treatment Azure does not document.
    """
    breaker = properties.get("circuitBreaker")
    rules = breaker.get("rules") if isinstance(breaker, dict) else None
    if breaker is None or rules in (None, []):
        return []
    if not isinstance(rules, list):
        return [(_PLACE, "Rules must be a list.")]
    unsupported = _unsupported(draft, properties, rules)
    if unsupported and draft.world.options.unsupported_breaker == "reject":
        return unsupported
    if unsupported:
        _ignore(draft, properties, rules)
        rules = (properties.get("circuitBreaker") or {}).get("rules") or []
    version = draft.call.api_version
    faults = [fault for index, rule in enumerate(rules) for fault in _rule_faults(f"{_PLACE}[{index}]", rule, version)]
    return faults + ([] if faults else _bounds(draft, rules))


def _unsupported(draft: Draft, properties: Json, rules: list[Any]) -> Faults:
    if draft.parent.body["sku"]["name"] == "Consumption":
        return [("circuitBreaker", "Circuit breaker is not supported in the Consumption tier.")]
    if properties.get("type") == "Pool":
        return [("circuitBreaker", "Circuit breaker is not supported for backend pool.")]
    if len(rules) > 1:
        return [(_PLACE, "Only one circuit breaker rule is supported per backend.")]
    return []


def _ignore(draft: Draft, properties: Json, rules: list[Any]) -> None:
    if draft.parent.body["sku"]["name"] == "Consumption" or properties.get("type") == "Pool":
        properties.pop("circuitBreaker")
    else:
        properties["circuitBreaker"]["rules"] = rules[:1]


def failure_response_faults(place: str, owner: Json, version: str) -> Faults:
    """Return the faults of the `failureResponse` of a rule or pool, which is `owner`; empty if it has no such field."""
    if "failureResponse" not in owner or owner["failureResponse"] is None:
        return []
    target, response = f"{place}.failureResponse", owner["failureResponse"]
    status = response.get("statusCode") if isinstance(response, dict) else None
    if type(status) is not int or not 100 <= status <= 599:
        return [(f"{target}.statusCode", "StatusCode must be a status from 100 to 599.")]
    return [_unknown(f"{target}.{key}", version) for key in response if key != "statusCode"]


def _unknown(target: str, version: str) -> tuple[str, str]:
    name = target.rpartition(".")[2]
    return target, f"Could not find member '{name}' on object of the type in api-version {version}."


def _rule_faults(place: str, rule: Any, version: str) -> Faults:
    if not isinstance(rule, dict) or not isinstance(rule.get("failureCondition"), dict):
        return [(f"{place}.failureCondition", "FailureCondition is required.")]
    condition = rule["failureCondition"]
    unknown = [_unknown(f"{place}.{key}", version) for key in rule if key not in {*_RULE_KEYS, "failureResponse"}]
    unknown += [_unknown(f"{place}.failureCondition.{key}", version) for key in condition if key not in _CONDITION_KEYS]
    unknown += failure_response_faults(place, rule, version)
    if unknown:
        return unknown
    faults: Faults = [] if rule.get("name") else [(f"{place}.name", "Name is required.")]
    faults += _duration_faults(f"{place}.tripDuration", rule.get("tripDuration"))
    faults += _duration_faults(f"{place}.failureCondition.interval", condition.get("interval"))
    for key in ("count", "percentage"):
        value = condition.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            faults.append((f"{place}.failureCondition.{key}", f"{key.capitalize()} must be a whole number."))
    for key in ("statusCodeRanges", "errorReasons"):
        if len(condition.get(key) or []) > 10:
            faults.append((f"{place}.failureCondition.{key}", f"{key} takes at most 10 items."))
    return faults + _range_faults(f"{place}.failureCondition.statusCodeRanges", condition.get("statusCodeRanges") or [])


def _duration_faults(target: str, value: object) -> Faults:
    """Return the faults of a duration, which must be present and in ISO 8601."""
    try:
        isodate.parse_duration(str(value))
    except (isodate.ISO8601Error, ValueError):
        return [(target, f"'{value}' is not an ISO 8601 duration, such as PT1M.")]
    return []


def _range_faults(target: str, ranges: list[Any]) -> Faults:
    faults: Faults = []
    for index, pair in enumerate(ranges):
        ends = (pair.get("min"), pair.get("max")) if isinstance(pair, dict) else (None, None)
        if not all(isinstance(end, int) and 200 <= end <= 599 for end in ends):
            faults.append((f"{target}[{index}]", "Min and max must be statuses from 200 to 599."))
    return faults


def _bounds(draft: Draft, rules: list[Any]) -> Faults:
    """Apply the bounds that only Terraform documents: warn, reject or accept, by the option `rule_bounds`."""
    found = [fault for index, rule in enumerate(rules) for fault in _doubtful(f"{_PLACE}[{index}]", rule)]
    if draft.world.options.rule_bounds == "reject":
        return found
    if draft.world.options.rule_bounds == "warn":
        for target, message in found:
            _log.warning("backend %s: %s: %s", draft.name, target, message)
    return []


def _doubtful(place: str, rule: Json) -> Faults:
    condition = rule["failureCondition"]
    faults: Faults = []
    if (condition.get("count") is None) == (condition.get("percentage") is None):
        faults.append((f"{place}.failureCondition", "Give exactly one of count and percentage."))
    for key, most in (("count", 10_000), ("percentage", 100)):
        value = condition.get(key)
        if value is not None and not 1 <= value <= most:
            faults.append((f"{place}.failureCondition.{key}", f"{key.capitalize()} must be from 1 to {most}."))
    for index, pair in enumerate(condition.get("statusCodeRanges") or []):
        if pair["min"] > pair["max"]:
            faults.append((f"{place}.failureCondition.statusCodeRanges[{index}]", "Min must not be above max."))
    if not condition.get("statusCodeRanges") and not condition.get("errorReasons"):
        faults.append((f"{place}.failureCondition", "Without statusCodeRanges or errorReasons nothing is a failure."))
    for key, value in (("tripDuration", rule["tripDuration"]), ("interval", condition["interval"])):
        if isodate.parse_duration(str(value)).total_seconds() <= 0:
            faults.append((f"{place}.{key}", f"{key} must be longer than 0 seconds."))
    return faults
