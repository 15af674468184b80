"""Decides whether the fast method can simulate a lab and a scenario."""

from __future__ import annotations

from simulator.service import throttle_of
from tripcurve.errors import BadInput
from tripcurve.gateways import is_default
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario
from tripcurve.scenario.clients import RETRYING

__all__ = ["obstacle", "refuse_other_rules"]


def obstacle(lab: Lab, scenario: Scenario, gateway_retries: int = 0) -> str | None:
    """Return why only the reference method can simulate the scenario on the lab, or None if the fast one can."""
    if not is_default(lab):
        return f"the gateway is of kind {lab.gateway.kind}, and the fast method knows only API Management's breaker"
    traffic = _traffic_obstacle(scenario)
    if traffic is not None:
        return traffic
    if lab.has_pool:
        return "the lab has a pool, whose members share the requests"
    if throttle_of(lab.backends[0], lab) is not None:
        return "the backend has a quota, which every answer uses up"
    if gateway_retries:
        return "the gateway's policy retries"
    return _rule_obstacle(lab)


def refuse_other_rules(lab: Lab) -> None:
    """Raise BadInput if the lab's gateway has another rule than API Management's, which alone is drawn and tuned."""
    if not is_default(lab):
        raise BadInput(
            f"lab {lab.name}: gateway.kind: {lab.gateway.kind}: curves are drawn and rules are tuned only for API "
            "Management's breaker; use `tripcurve simulate`, or change the kind to apim"
        )


def _traffic_obstacle(scenario: Scenario) -> str | None:
    closed = next((phase.name for phase in scenario.phases if phase.users is not None), None)
    if closed is not None:
        return f"phase {closed} has users in a closed loop, who wait for their answers"
    if scenario.users.get("CancelChatUser"):
        return "CancelChatUser waits for answers for another time than the other clients"
    counted = next((p.name for p in scenario.phases if any(fault.which for fault in p.simulate.values())), None)
    if counted is not None:
        return f"phase {counted} has a fault for requests by their number (which), and a shed request has none"
    retrying = next((name for name in sorted(RETRYING) if scenario.users.get(name) and scenario.max_retries), None)
    return None if retrying is None else f"{retrying} retries, so its traffic depends on the answers"


def _rule_obstacle(lab: Lab) -> str | None:
    rule, options = lab.backends[0].breaker, lab.local
    if rule is None:
        return None
    if rule.counts_status(200):
        return "the rule counts 200, so every answer is a failure"
    differences = {
        "success_clears": options.success_clears,
        "half_open_probes": options.half_open_probes > 0,
        "counter_after_reset: continues": options.counter_after_reset == "continues",
        "late_failures: extend": options.late_failures == "extend",
        "closed_event: at_next_request": options.closed_event == "at_next_request",
        "retry_after_from: largest_in_window": rule.accept_retry_after
        and options.retry_after_from == "largest_in_window",
        "retry_after_outside_statuses: used": rule.accept_retry_after
        and options.retry_after_outside_statuses == "used",
        "percentage with breaker_window: fixed": rule.count is None and options.breaker_window != "sliding",
    }
    found = next((name for name, differs in differences.items() if differs), None)
    return None if found is None else f"the option {found} makes each answer depend on the ones before"
