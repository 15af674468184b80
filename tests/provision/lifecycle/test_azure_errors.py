"""Each way Azure refuses becomes one message with its remedy."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any
from unittest.mock import Mock

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.identity import CredentialUnavailableError

from provision.lifecycle.azure_errors import explained
from tests.provision.samples import AZURE, SUBSCRIPTION
from tripcurve.errors import BadInput, TargetUnavailable, TripcurveError

SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g"
DENIED = (
    "The client 'a@b' with object id '1' does not have authorization to perform action '{action}' over scope "
    f"'{SCOPE}' or the scope is invalid."
)


def _response(status: int, code: str, message: str, details: list[dict[str, str]] | None = None) -> Mock:
    """An answer as azure-core hands it to its errors."""
    body = json.dumps({"error": {"code": code, "message": message, "details": details or []}})
    headers = {"Date": formatdate(1_000_000, usegmt=True), "Content-Type": "application/json"}
    answer = Mock(spec=["status_code", "reason", "headers", "text"])
    answer.configure_mock(status_code=status, reason=code, headers=headers, text=lambda *_: body)
    return answer


def _raised(error: Exception, now: float = 1_000_000) -> TripcurveError:
    with pytest.raises(TripcurveError) as caught, explained(AZURE, wall_clock=lambda: now):
        raise error
    return caught.value


def _http(status: int, code: str, message: str, **more: Any) -> HttpResponseError:
    return HttpResponseError(response=_response(status, code, message, **more))


@pytest.mark.parametrize(
    ("error", "kind", "wanted"),
    [
        (
            _http(403, "AuthorizationFailed", DENIED.format(action="Microsoft.ApiManagement/service/write")),
            TargetUnavailable,
            f"Microsoft.ApiManagement/service/write on {SCOPE}; ask for the role `Contributor`",
        ),
        (
            _http(403, "AuthorizationFailed", DENIED.format(action="Microsoft.Authorization/roleAssignments/write")),
            TargetUnavailable,
            "ask for the role `Role Based Access Control Administrator`",
        ),
        (_http(404, "SubscriptionNotFound", "no"), TargetUnavailable, "`az account list`"),
        (_http(409, "MissingSubscriptionRegistration", "not registered"), TargetUnavailable, "az provider register"),
        (_http(400, "InsufficientQuota", "This operation require 30 new capacity"), TargetUnavailable, "quota: This"),
        (_http(409, "Conflict", "Website with given name x already exists."), TargetUnavailable, "name taken"),
        (
            _http(409, "ServiceNameNotAvailable", "Api Management service name is not available: 'x'."),
            TargetUnavailable,
            "choose another",
        ),
        (_http(409, "FlagMustBeSetForRestore", "has been soft-deleted"), TargetUnavailable, "down LAB --purge"),
        (_http(400, "DeploymentModelNotSupported", "not in eastus"), BadInput, "location or model"),
        (_http(412, "PreconditionFailed", "stale"), TargetUnavailable, "at the same time"),
        (
            _http(400, "ValidationError", "One or more fields contain incorrect values:",
                  details=[{"code": "x", "target": "url", "message": "Url is not supported for backend pool."}]),
            BadInput,
            "url: Url is not supported for backend pool",
        ),
        (_http(500, "InternalServerError", "boom"), TargetUnavailable, "the service failed: InternalServerError: boom"),
        (CredentialUnavailableError("nobody is signed in"), TargetUnavailable, "`az login`"),
        (ClientAuthenticationError("no credential"), TargetUnavailable, "AZURE_CLIENT_SECRET"),
        (
            ClientAuthenticationError(response=_response(401, "InvalidAuthenticationTokenTenant", "wrong issuer")),
            TargetUnavailable,
            "az login --tenant",
        ),
        (ServiceRequestError("Connection refused"), TargetUnavailable, "running the same command again continues"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_what_to_do(error: Exception, kind: type[TripcurveError], wanted: str) -> None:
    found = _raised(error)
    assert type(found) is kind
    assert wanted in str(found)


QUOTA = "This region has quota of 0 instances for your subscription. Try selecting different region or SKU."


@pytest.mark.parametrize(
    "body",
    [{"Code": "Unauthorized", "Message": QUOTA}, {"error": {"code": "Unauthorized", "message": QUOTA}}],
    ids=["flat", "nested"],
)
def test_a_quota_of_app_service_that_comes_as_401_is_not_a_failed_sign_in(body: dict[str, Any]) -> None:
    answer = _response(401, "Unauthorized", "")
    answer.configure_mock(text=lambda *_: json.dumps(body))
    found = str(_raised(ClientAuthenticationError(response=answer)))
    assert found.startswith("quota: This region has quota of 0 instances")
    assert "ask for more App Service instances" in found
    assert "sign" not in found


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '"quota"', '{"error": "quota"}', '{"Message": null}'])
def test_any_other_401_stays_a_failed_sign_in(text: str) -> None:
    answer = _response(401, "Unauthorized", "")
    answer.configure_mock(text=lambda *_: text)
    assert "refused the sign-in" in str(_raised(ClientAuthenticationError(response=answer)))


@pytest.mark.parametrize(("offset", "word"), [(900, "ahead"), (-900, "behind")])
def test_a_wrong_clock_is_reported_as_the_cause_of_a_refused_token(offset: int, word: str) -> None:
    error = ClientAuthenticationError(response=_response(401, "InvalidAuthenticationToken", "lifetime"))
    assert f"clock is 900 s {word}" in str(_raised(error, now=1_000_000 + offset))


def test_our_own_errors_pass_unchanged() -> None:
    with pytest.raises(BadInput, match="mine"), explained(AZURE):
        raise BadInput("mine")
