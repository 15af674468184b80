"""The 429's wording and headers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provision.local.mock.errors import ApiError
from provision.local.mock.throttling import throttled
from tripcurve.quota import Refusal

NAMES: dict[str, Any] = {
    "operation": "ChatCompletions_Create",
    "api_version": "2024-02-01",
    "deployment": "chat",
    "model": "gpt-4o",
    "region": "East US",
}


def _message(error: ApiError) -> str:
    body = json.loads(error.body)
    assert body["error"]["code"] == "429"
    return str(body["error"]["message"])


def test_old_api_versions_have_the_old_wording() -> None:
    error = throttled(Refusal("token", 8.2), "payg", **NAMES)
    assert _message(error) == (
        "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-02-01 have exceeded "
        "token rate limit of your current OpenAI S0 pricing tier. Please retry after 9 seconds. Please go here: "
        "https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."
    )


@pytest.mark.parametrize(("version", "said"), [("2025-01-01-preview", "2025-01-01-preview"), (None, "v1")])
def test_new_api_versions_have_the_new_wording(version: str | None, said: str) -> None:
    error = throttled(Refusal("call", 1.0), "payg", **{**NAMES, "api_version": version})
    assert _message(error) == (
        "Your requests to chat for gpt-4o in East US have exceeded the call rate limit for your current OpenAI S0 "
        f"pricing tier. This request was for ChatCompletions_Create under Azure OpenAI API version {said}. Please "
        "retry after 1 second. To increase your default rate limit, visit: https://aka.ms/oai/quotaincrease."
    )


@pytest.mark.parametrize(
    ("flavour", "expected"),
    [
        (
            "payg",
            {
                "retry-after": "3",
                "policy-id": "DeploymentRatelimit-Token",
                "x-ratelimit-reset-tokens": "3",
                "x-ratelimit-remaining-tokens": "0",
            },
        ),
        ("ptu", {"retry-after": "3", "retry-after-ms": "2500", "azure-openai-deployment-utilization": "100.0%"}),
        ("none", {}),
        (
            "day",
            {
                "retry-after": "86400",
                "policy-id": "DeploymentRatelimit-Token",
                "x-ratelimit-reset-tokens": "86400",
                "x-ratelimit-remaining-tokens": "0",
            },
        ),
    ],
)
def test_each_set_of_headers(flavour: str, expected: dict[str, str]) -> None:
    state = (("x-ratelimit-remaining-tokens", "0"),)
    headers = dict(throttled(Refusal("token", 2.5), flavour, extra=state, **NAMES).headers)
    assert headers.pop("content-type").startswith("application/json")
    assert headers == expected


def test_a_rounding_error_of_the_window_adds_no_second() -> None:
    wait_s = (1e6 + 0.1) + 10.0 - (1e6 + 0.1) + 1e-9
    assert dict(throttled(Refusal("call", wait_s), "payg", **NAMES).headers)["retry-after"] == "10"


def test_a_simulated_429_has_no_retry_after_unless_it_was_asked_for() -> None:
    error = throttled(None, "payg", **NAMES)
    assert "retry-after" not in dict(error.headers)
    assert "Please retry after" not in _message(error)


@pytest.mark.parametrize(("wanted", "sent"), [(0.0, "0"), (2.0, "2"), (1.2, "2"), (86400.0, "86400")])
@pytest.mark.parametrize("flavour", ["payg", "ptu", "none", "day"])
def test_a_simulated_retry_after_is_sent_in_whole_seconds_whatever_the_set(
    flavour: str, wanted: float, sent: str
) -> None:
    assert dict(throttled(None, flavour, retry_after_s=wanted, **NAMES).headers)["retry-after"] == sent


def test_provisioned_units_answer_in_their_own_set() -> None:
    headers = dict(throttled(Refusal("utilisation", 0.4), "payg", **NAMES).headers)
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("1", "400")
    assert "policy-id" not in headers
