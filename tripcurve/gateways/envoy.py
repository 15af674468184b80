"""Envoy: outlier detection ejects a host after consecutive errors, and with no host left it answers 503 itself.

Circuit breakers in Envoy are limits of connections, requests and retries. They answer 503 as well, but refuse a single
request and close nothing, so these answers are no sheds here [ENVOY-OD, ENVOY-CB].
"""

from __future__ import annotations

from tripcurve.field_errors import FieldError
from tripcurve.gateways.profile import Expression, GatewayProfile, Knob, KnobValue, OtherAnswer, Pattern, Truth, Wait
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.model import Lab
from tripcurve.lab.rule import BreakerRule, written_range

__all__ = ["profile"]

SWEEP_S = 0.02
"""How often Envoy looks for hosts whose ejection is over, s. A reset is late by up to this much."""
DEFAULT_ERRORS = ((500, 599),)
LONGEST_S = 10_000_000
"""Envoy has no counting window. This is taken for its length, s."""

KNOBS = (
    Knob("consecutive_5xx", "errors in a row that eject a host; any success sets the count to 0"),
    Knob("error_statuses", "statuses that are errors (`error_matcher`); without it, 500-599, and a 429 is a success"),
    Knob("interval", "time between two sweeps, which end ejections that are over; it is no counting window"),
    Knob("base_ejection_time", "how long the first ejection lasts; the n-th in a row lasts n times as long"),
    Knob("max_ejection_time", "the longest ejection; equal to the base, every ejection lasts equally long"),
    Knob("max_ejection_percent", "share of the hosts that may be ejected at once"),
    Knob("healthy_panic_threshold", "share of healthy hosts below which ejected ones are used anyway; 0: never"),
)


def profile(lab: Lab) -> GatewayProfile:
    """Return Envoy's profile. It marks every answer of a host, so nothing else is needed to recognise one."""
    return GatewayProfile(
        kind="envoy",
        title="Envoy",
        sheds=Pattern(((503, 503),), body="no healthy upstream"),
        others=(
            OtherAnswer("Overflow", Pattern(headers={"x-envoy-overloaded": ""}), "a limit of its circuit breakers"),
            OtherAnswer(
                "UpstreamUnreachable",
                Pattern(((503, 503),), body="^upstream connect error"),
                "no connection to the host, or the host closed it",
            ),
            OtherAnswer(
                "UpstreamTimeout", Pattern(((504, 504),), body="^upstream request timeout"), "the host took too long"
            ),
        ),
        backend_headers=("x-tripcurve-backend",),
        backend_marks=("x-envoy-upstream-service-time",),
        wait=Wait("x-envoy-upstream-service-time", 1000),
        counting="consecutive",
        options=LocalOptions(success_clears=True),
        knobs=KNOBS,
        rounds=2,  # the order starts anew when a host is ejected or returns
        one_rule=True,
        late_s=SWEEP_S,
        at_once=False,  # the worker that got the answer leaves the ejection to the main thread
        truth=Truth(True, "the event log of outlier detection: each ejection and its end, in milliseconds"),
        install="pip install 'tripcurve[envoy]'",
        express=express,
        in_force=in_force,
    )


def express(rule: BreakerRule) -> Expression:
    """Return the rule as settings of outlier detection. Times are in seconds."""
    if rule.count is None:
        remedy = "Envoy judges a share once per sweep, not at each answer; use count"
        return Expression(refused=(FieldError("percentage", remedy),))
    knobs: dict[str, KnobValue] = {
        "consecutive_5xx": rule.count,
        "interval": SWEEP_S,
        "base_ejection_time": rule.trip_duration,
        "max_ejection_time": rule.trip_duration,
        "max_ejection_percent": 100,
        "healthy_panic_threshold": 0,
    }
    if rule.status_codes and rule.status_codes != DEFAULT_ERRORS:
        knobs["error_statuses"] = tuple(str(written_range(pair)) for pair in rule.status_codes)
    different = ["interval: Envoy counts errors in a row, however far apart, and a success sets the count to 0"]
    if not rule.status_codes:
        different.append("error_reasons: Envoy counts 500-599 and its own connection errors")
    elif rule.error_reasons:
        different.append("error_reasons: Envoy counts its own connection errors as a 503")
    if rule.accept_retry_after:
        different.append("accept_retry_after: Envoy ignores a Retry-After")
    if rule.failure_response not in (None, 503):
        different.append(f"failure_response: Envoy answers 503, not {rule.failure_response}")
    return Expression(knobs, tuple(different))


def in_force(rule: BreakerRule) -> BreakerRule:
    """Return the rule that Envoy runs: without a window, and without Retry-After."""
    statuses = rule.status_codes or DEFAULT_ERRORS
    return rule.model_copy(update={"interval": LONGEST_S, "accept_retry_after": False, "status_codes": statuses})
