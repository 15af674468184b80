"""LiteLLM's proxy: a deployment cools down after too many failures, and with none left it answers 429 itself.

Its count does not slide: it starts with the first failure and is forgotten `cooldown_time` later [LITELLM-SRC].
"""

from __future__ import annotations

from tripcurve.field_errors import FieldError
from tripcurve.gateways.profile import Expression, GatewayProfile, Knob, Pattern, Truth
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.model import Lab
from tripcurve.lab.rule import BreakerRule, written_range

__all__ = ["profile"]

COOLED = ((401, 402), (404, 404), (408, 408), (429, 429), (500, 599))
"""The statuses of a backend that can cool a deployment down in version 1.110."""

KNOBS = (
    Knob("allowed_fails", "failures that a deployment may have before one more cools it down"),
    Knob("cooldown_time", "how long it is not asked; failures are counted for as long, from the first one on"),
    Knob("num_retries", "attempts after the first, on other deployments of the group"),
    Knob("fallbacks", "groups that are asked when a group has no deployment left"),
)


def profile(lab: Lab) -> GatewayProfile:
    """Return LiteLLM's profile. Answers of deployments have headers that name them; errors may have none."""
    return GatewayProfile(
        kind="litellm",
        title="LiteLLM",
        sheds=Pattern(((429, 429),), body="No deployments available"),
        backend_headers=("x-litellm-model-id", "x-litellm-model-api-base"),
        unmarked="backend",
        key_header="authorization",
        counting="fixed window",
        options=LocalOptions(breaker_window="fixed_first_failure", counter_after_reset="continues"),
        in_turns=False,
        at_once=False,  # the failure is counted after it was answered
        knobs=KNOBS,
        not_alone="LiteLLM does not cool down the only deployment of a group that has no fallbacks, so it never opens",
        truth=Truth(True, "a callback at the start of each cooldown, whose length is known"),
        install="pip install 'tripcurve[litellm]'",
        express=express,
        in_force=in_force,
    )


def express(rule: BreakerRule) -> Expression:
    """Return the rule as settings of the router. Times are in seconds."""
    if rule.count is None:
        return Expression(refused=(FieldError("percentage", "LiteLLM counts failures per deployment; use count"),))
    different = []
    if rule.interval != rule.trip_duration:
        length = f"{rule.trip_duration:g} s"
        different.append(f"interval: LiteLLM counts for its cooldown_time, {length}, from the first failure")
    different += [
        f"status_codes: LiteLLM does not count {written_range(pair)}, or not all of it"
        for pair in rule.status_codes
        if not _within(pair, COOLED)
    ]
    missing = [pair for pair in COOLED if not _within(pair, rule.status_codes)]
    if missing:
        different.append(f"status_codes: LiteLLM also counts {', '.join(str(written_range(pair)) for pair in missing)}")
    if not rule.accept_retry_after:
        different.append("accept_retry_after: LiteLLM takes the backend's Retry-After for its cooldown_time")
    if rule.failure_response not in (None, 429):
        different.append(f"failure_response: LiteLLM answers 429, not {rule.failure_response}")
    if rule.error_reasons:
        different.append("error_reasons: LiteLLM does not count failed connections")
    return Expression(
        {"allowed_fails": rule.count - 1, "cooldown_time": rule.trip_duration, "num_retries": 0}, tuple(different)
    )


def in_force(rule: BreakerRule) -> BreakerRule:
    """Return the rule that LiteLLM runs: its own statuses, a window as long as the cooldown, and with Retry-After."""
    return rule.model_copy(update={"interval": rule.trip_duration, "accept_retry_after": True, "status_codes": COOLED})


def _within(pair: tuple[int, int], ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= pair[0] and pair[1] <= high for low, high in ranges)
