"""Signing in: the token endpoints, what ARM says to a wrong token, and the gateway's own identity."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from tests.provision.local.running import Running, ask_token, token_for
from tests.provision.local.samples import SERVICE
from tests.provision.local.sdk import Clients, unique


def arm(running: Running, header: str | None) -> tuple[int, dict[str, Any]]:
    path = f"/subscriptions/{running.connection['subscription_id']}/resourcegroups?api-version=2025-04-01"
    status, body = running.call("GET", path, headers={} if header is None else {"Authorization": header})
    return status, body


def test_a_token_says_who_and_for_what(running: Running) -> None:
    claims = jwt.decode(token_for(running), options={"verify_signature": False})
    assert claims["aud"] == running.url
    assert claims["tid"] == running.connection["tenant_id"]
    assert claims["exp"] - claims["iat"] == 3600


def test_the_published_key_checks_a_token(running: Running) -> None:
    _, published = running.call("GET", f"/{running.connection['tenant_id']}/discovery/v2.0/keys")
    key = jwt.PyJWK(published["keys"][0])
    assert jwt.decode(token_for(running), key, algorithms=["RS256"], audience=running.url)


@pytest.mark.parametrize(
    "scope", ["https://management.azure.com/.default", "https://management.core.windows.net//.default"]
)
def test_azures_own_audiences_are_taken_too(running: Running, scope: str) -> None:
    status, _ = arm(running, f"Bearer {token_for(running, scope)}")
    assert status == 200


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Basic abc", "AuthenticationFailedInvalidHeader"),
        ("Bearer", "AuthenticationFailedInvalidHeader"),
        ("Bearer nonsense", "InvalidAuthenticationToken"),
    ],
)
def test_without_a_good_token_nothing_is_told(running: Running, header: str | None, code: str) -> None:
    status, body = arm(running, header)
    assert (status, body["error"]["code"]) == (401, code)


def test_a_token_for_something_else_is_refused(running: Running) -> None:
    status, body = arm(running, f"Bearer {token_for(running, 'https://cognitiveservices.azure.com/.default')}")
    assert (status, body["error"]["code"]) == (401, "InvalidAuthenticationTokenAudience")


def test_a_token_signed_by_somebody_else_is_refused(running: Running) -> None:
    claims = jwt.decode(token_for(running), options={"verify_signature": False})
    forged = jwt.encode(claims, "a-secret-of-another-kind-altogether-0123", algorithm="HS256")
    assert arm(running, f"Bearer {forged}")[1]["error"]["code"] == "InvalidAuthenticationToken"
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert arm(running, f"Bearer {unsigned}")[1]["error"]["code"] == "InvalidAuthenticationToken"


@pytest.mark.parametrize(
    ("change", "status", "number"),
    [
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_id": "nobody"}, 400, 700016),
        ({"tenant": "11111111-1111-4111-8111-111111111111"}, 400, 90002),
        ({"grant_type": "password"}, 400, 70003),
        ({"scope": ""}, 400, 70011),
    ],
)
def test_a_wrong_sign_in_gets_entras_own_number(
    running: Running, change: dict[str, str], status: int, number: int
) -> None:
    scope = change.pop("scope", None)
    answered, body = ask_token(running, scope, **change)
    assert answered == status
    assert body["error_codes"] == [number]
    assert "access_token" not in body


def test_the_gateways_identity_gets_a_token_by_its_secret_alone(clients: Clients, group: str, running: Running) -> None:
    name = unique("service")
    made = clients.apim.api_management_service.begin_create_or_update(group, name, SERVICE).result()
    identity = [told for told in running.told() if told["service"]["name"] == name][-1]["service"]["identity"]
    path = identity["endpoint"].removeprefix(running.url) + "?resource=https://cognitiveservices.azure.com"
    status, body = running.call("GET", path, headers={"X-IDENTITY-HEADER": identity["secret"]})
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert (status, claims["oid"]) == (200, made.identity.principal_id)
    assert claims["aud"] == "https://cognitiveservices.azure.com"
    status, body = running.call("GET", path, headers={"X-IDENTITY-HEADER": "wrong"})
    assert (status, "access_token" in body) == (401, False)


def test_cloud_metadata_is_what_the_cli_reads(running: Running) -> None:
    status, one = running.call("GET", "/metadata/endpoints?api-version=2022-09-01")
    assert (status, one["resourceManager"], one["authentication"]["loginEndpoint"]) == (200, running.url, running.url)
    _, many = running.call("GET", "/metadata/endpoints?api-version=2019-05-01")
    assert [cloud["name"] for cloud in many] == [one["name"]]
