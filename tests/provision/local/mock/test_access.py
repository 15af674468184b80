"""Who may call an account."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provision.local.identity.tokens import TokenIssuer
from provision.local.mock.access import Access
from provision.local.mock.errors import ApiError
from provision.local.mock.snapshot import Account, RoleAssignment
from tests.provision.local.mock.conftest import ACCOUNT as HOST
from tests.provision.local.mock.conftest import CHAT, HELLO, KEY, Bench, account

OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
PRINCIPAL = "11111111-2222-3333-4444-555555555555"
NOW = 1_700_000_000.0
ACCOUNT = Account.model_validate(account())
RESOURCE = ACCOUNT.resource_id


@cache
def _keys() -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    return rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)


def _access(scope: str = RESOURCE, role: str = OPENAI_USER, now: float = NOW) -> Access:
    pem = _keys()[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    role_id = f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{role}"
    assignment = RoleAssignment(scope=scope, principal_id=PRINCIPAL, role_definition_id=role_id)
    return Access(pem, [assignment], lambda: now)


def _token(signed_by: int = 0, **claims: Any) -> str:
    usual = {"aud": "https://cognitiveservices.azure.com", "oid": PRINCIPAL, "exp": NOW + 60}
    return "Bearer " + jwt.encode({**usual, **claims}, _keys()[signed_by], algorithm="RS256")


def _check(access: Access, key: str | None = None, token: str | None = None) -> ApiError | None:
    path = "/openai/deployments/gpt-4o/chat/completions"
    try:
        access.check(ACCOUNT, key, token, "deployments/chat/completions/action", "POST", path)
    except ApiError as error:
        return error
    return None


@pytest.mark.parametrize("key", [KEY, ACCOUNT.keys[1]])
def test_either_key_opens_the_account(key: str) -> None:
    assert _check(_access(), key) is None


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "0", "\u00e9"])
def test_another_key_or_none_is_a_401(key: str | None) -> None:
    error = _check(_access(), key)
    assert error is not None
    assert error.status == 401
    assert json.loads(error.body)["error"]["code"] == "401"


@pytest.mark.parametrize(
    "scope", [RESOURCE, RESOURCE.upper(), "/subscriptions/s", "/subscriptions/s/resourceGroups/g/"]
)
def test_a_role_on_the_account_or_above_it_is_enough(scope: str) -> None:
    assert _check(_access(scope), token=_token()) is None


@pytest.mark.parametrize(
    ("scope", "role"),
    [(RESOURCE + "2", OPENAI_USER), (RESOURCE[:-1], OPENAI_USER), ("/subscriptions/t", OPENAI_USER), (RESOURCE, OWNER)],
)
def test_a_role_elsewhere_or_without_data_actions_is_not_enough(scope: str, role: str) -> None:
    error = _check(_access(scope, role), token=_token())
    assert error is not None
    assert error.status == 401
    assert json.loads(error.body)["error"] == {
        "code": "PermissionDenied",
        "message": f"The principal `{PRINCIPAL}` lacks the required data action "
        "`Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action` to perform "
        "`POST /openai/deployments/gpt-4o/chat/completions` operation.",
    }


@pytest.mark.parametrize(
    "token",
    [
        _token(1),
        _token(aud="https://management.azure.com"),
        _token(exp=NOW - 1),
        _token(aud=["https://cognitiveservices.azure.com"]),
        _token(oid=7),
        "Bearer ",
        "Bearer x.y.z",
        "Bearer " + jwt.encode({"oid": PRINCIPAL}, None, algorithm="none"),
    ],
)
def test_a_token_of_another_key_audience_or_time_is_a_401(token: str) -> None:
    error = _check(_access(), KEY, token)
    assert error is not None
    assert error.status == 401


@pytest.mark.parametrize("audience", ["https://cognitiveservices.azure.com/", "https://ai.azure.com"])
def test_both_audiences_are_accepted_with_and_without_a_slash(audience: str) -> None:
    assert _check(_access(), token=_token(aud=audience)) is None


def test_a_remembered_token_still_expires() -> None:
    now = [NOW]
    access = _access()
    access._unix_time = lambda: now[0]
    token = _token()
    assert _check(access, token=token) is None
    now[0] = NOW + 60
    assert _check(access, token=token) is not None


@pytest.mark.parametrize(("path", "status"), [("/openai/v1/chat/completions", 200), (CHAT, 401)])
async def test_a_key_as_bearer_token_opens_v1_only(bench: Bench, path: str, status: int) -> None:
    answered, _, _ = await bench.ask({**HELLO, "model": "gpt-4o"}, host=HOST, path=path, authorization="Bearer " + KEY)
    assert answered == status


def test_a_token_of_the_local_tenant_is_accepted() -> None:
    issuer = TokenIssuer("https://sts.windows.net/t/", "t")
    assignment = RoleAssignment(scope=RESOURCE, principal_id=PRINCIPAL, role_definition_id=OPENAI_USER)
    access = Access(issuer.public_pem, [assignment], time.time)
    token, _ = issuer.mint("https://cognitiveservices.azure.com", PRINCIPAL, "client")
    assert _check(access, token="Bearer " + token) is None
    token, _ = issuer.mint("https://management.azure.com/", PRINCIPAL, "client")
    assert _check(access, token="Bearer " + token) is not None


def test_without_the_tenants_key_no_token_is_valid() -> None:
    assert _check(Access(None, [], lambda: NOW), token=_token()) is not None
