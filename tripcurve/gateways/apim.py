"""API Management: the policy marks answers of backends; an open breaker answers 503, or as the rule or policy says."""

from __future__ import annotations

import re

from tripcurve.errors import BadInput
from tripcurve.gateways.profile import UNAVAILABLE, Export, Expression, GatewayProfile, Knob, Pattern, Truth, Wait
from tripcurve.lab.model import POLICIES, Lab
from tripcurve.lab.rule import BreakerRule, written_range
from tripcurve.shipped import find_file

__all__ = ["profile", "stated_shed_statuses"]

_SECTION = re.compile(r"<(?:on-error|outbound)>.*?</(?:on-error|outbound)>", re.DOTALL)
_SET_STATUS = re.compile(r"<set-status\b[^>]*\bcode=\"(\d{3})\"")
_LIMIT = re.compile(r"<(?:rate-limit|quota|limit-concurrency|[a-z-]*token-limit)\b")

KNOBS = (
    Knob("count", "failures within the interval that trip the breaker"),
    Knob("percentage", "failures in 100 answers within the interval that trip it"),
    Knob("interval", "length of the counting window"),
    Knob("statusCodeRanges", "statuses that are failures"),
    Knob("errorReasons", "reasons of the gateway that are failures"),
    Knob("tripDuration", "how long the breaker stays open"),
    Knob("acceptRetryAfter", "whether the backend's Retry-After replaces the trip duration"),
)


def profile(lab: Lab) -> GatewayProfile:
    """Return the profile of a lab's API Management service. Its policy may change the statuses of sheds, and retry."""
    policy = _policy_text(lab)
    stated = stated_shed_statuses(lab)
    return GatewayProfile(
        kind="apim",
        title="API Management",
        sheds=Pattern(statuses=tuple((status, status) for status in sorted(stated))),
        sure_sheds=frozenset({UNAVAILABLE}),  # a 429 is more likely a backend's
        # A policy often turns the gateway's 503 into a 429, in ways that cannot all be read from its text.
        possible_sheds=() if stated - {UNAVAILABLE} else (429,),
        may_limit=policy is None or bool(_LIMIT.search(policy)),
        backend_headers=("x-tripcurve-backend",),
        # Azure OpenAI sets these headers and a gateway does not: they show the origin if the policy marks no answer.
        backend_marks=("x-ms-region", "apim-request-id", "azureml-model-session", "x-ms-deployment-name"),
        wait=Wait("x-tripcurve-backend-ms", 1000),
        settings="policy",
        only_the_labs=False,
        counting="window",
        options=lab.local,
        in_turns=lab.local.pool_weighting != "random",
        retries=policy is None or "<retry" in policy,
        knobs=KNOBS,
        truth=Truth(
            True,
            "events of Event Grid, and the local gateway's own record",
            Export("API Management service", "ApiManagementGatewayLogs", "/microsoft.apimanagement/service/"),
        ),
        url=f"https://{lab.gateway.name}.azure-api.net",
        express=express,
    )


def express(rule: BreakerRule) -> Expression:
    """Return the rule by ARM's names. All of it can be expressed."""
    size = {"count": rule.count} if rule.count is not None else {"percentage": rule.percentage or 0}
    return Expression(
        knobs={
            **size,
            "interval": rule.interval,
            "statusCodeRanges": tuple(str(written_range(pair)) for pair in rule.status_codes),
            "errorReasons": rule.error_reasons,
            "tripDuration": rule.trip_duration,
            "acceptRetryAfter": str(rule.accept_retry_after).lower(),
        }
    )


def stated_shed_statuses(lab: Lab) -> frozenset[int]:
    """Return 503 and every other status that the lab's rules, pool or policy set for sheds.

    Only the gateway's own answers with these statuses are sheds: a backend may answer with the same ones.
    """
    rules = [backend.breaker for backend in lab.backends if backend.breaker is not None]
    set_by = [rule.failure_response for rule in rules] + [lab.pool.failure_response if lab.has_pool else None]
    found = {UNAVAILABLE, *(status for status in set_by if status is not None)}
    for section in _SECTION.findall(_policy_text(lab) or ""):
        found |= {int(code) for code in _SET_STATUS.findall(section) if int(code) >= 400}
    return frozenset(found)


def _policy_text(lab: Lab) -> str | None:
    """Return the lab's policy document, or None if it cannot be read."""
    try:
        return find_file(lab.api.policy, POLICIES, ".xml", "policy").read_text("utf-8", errors="replace")
    except (BadInput, OSError):
        return None
