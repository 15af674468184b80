"""The 429: its text in both of Azure's wordings, and its headers in each set that Azure is known to send."""

from __future__ import annotations

import math

from provision.local.mock.errors import ApiError, service_error
from tripcurve.quota import DAY_S, UTILISATION, Refusal

__all__ = ["throttled"]

TIER = "OpenAI S0"
QUOTA_LINK = "https://aka.ms/oai/quotaincrease"
NEW_WORDING_FROM = "2025"
"""The first year whose api-versions answer in the newer wording, as /openai/v1 does."""
_WORDS = {"call": "call rate limit", "token": "token rate limit"}


def throttled(
    refusal: Refusal | None,
    flavour: str,
    *,
    operation: str,
    api_version: str | None,
    deployment: str,
    model: str,
    region: str,
    retry_after_s: float | None = None,
    extra: tuple[tuple[str, str], ...] = (),
) -> ApiError:
    """Return the 429 for a quota's refusal, or for a simulation if `refusal` is None.

    `flavour` is the option mock_429_headers. `retry_after_s` is the simulation's Retry-After; None: it sets none, and a
    simulated 429 then has no Retry-After.
    """
    wait_s = _wait(refusal, flavour, retry_after_s)
    kind = "token" if refusal is None else refusal.kind
    if kind == "utilisation":
        kind = "token"
        flavour = "ptu" if flavour == "payg" else flavour
    # The wait has a rounding error, which must not be rounded up to a whole second.
    seconds = None if wait_s is None else max(1 if refusal is not None else 0, math.ceil(wait_s - 1e-6))
    message = _message(_WORDS[kind], seconds, operation, api_version, deployment, model, region)
    headers = [*_waiting(flavour, wait_s, seconds), *_state(flavour, extra)]
    if flavour in ("payg", "day"):
        headers.append(("policy-id", "DeploymentRatelimit-Token" if kind == "token" else "DeploymentRatelimit-Call"))
        if seconds is not None:
            headers.append(
                ("x-ratelimit-reset-tokens" if kind == "token" else "x-ratelimit-reset-requests", str(seconds))
            )
    return service_error(429, "429", message, tuple(headers))


def _wait(refusal: Refusal | None, flavour: str, retry_after_s: float | None) -> float | None:
    """Return the seconds of Retry-After; None for an answer without it. A simulation's value takes precedence."""
    if retry_after_s is not None:
        return retry_after_s
    if flavour == "none":
        return None
    if flavour == "day":
        return DAY_S
    return None if refusal is None else refusal.wait_s


def _waiting(flavour: str, wait_s: float | None, seconds: int | None) -> list[tuple[str, str]]:
    if wait_s is None:
        return []
    found = [("retry-after", str(seconds))]
    if flavour == "ptu":
        found.append(("retry-after-ms", str(math.ceil(wait_s * 1000 - 1e-3))))
    return found


def _state(flavour: str, extra: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the set's headers about the quota. Provisioned units report utilisation instead of x-ratelimit-*."""
    if flavour == "none":
        return ()
    if flavour != "ptu":
        return extra
    shown = tuple(pair for pair in extra if pair[0] == UTILISATION)
    return shown if shown else ((UTILISATION, "100.0%"),)


def _message(
    words: str,
    seconds: int | None,
    operation: str,
    api_version: str | None,
    deployment: str,
    model: str,
    region: str,
) -> str:
    retry = "" if seconds is None else f"Please retry after {seconds} second{'' if seconds == 1 else 's'}. "
    version = "v1" if api_version is None else api_version
    if version < NEW_WORDING_FROM:
        return (
            f"Requests to the {operation} Operation under Azure OpenAI API version {version} have exceeded {words} of "
            f"your current {TIER} pricing tier. {retry}Please go here: {QUOTA_LINK} if you would like to further "
            "increase the default rate limit."
        )
    return (
        f"Your requests to {deployment} for {model} in {region} have exceeded the {words} for your current {TIER} "
        f"pricing tier. This request was for {operation} under Azure OpenAI API version {version}. {retry}"
        f"To increase your default rate limit, visit: {QUOTA_LINK}."
    )
