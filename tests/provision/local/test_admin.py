"""The local cloud's own API: anybody on the machine reads it, its owner alone changes something."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.provision.local.running import Running, token_for

CHANGES = [
    ("POST", "clients", {"role": "Owner"}),
    ("PUT", "options", {"rule_bounds": "reject"}),
    ("POST", "faults", {"action": "drop", "path": "/nowhere"}),
    ("DELETE", "faults", None),
]


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change_without_a_credential_is_refused_and_changes_nothing(
    running: Running, method: str, path: str, body: Any
) -> None:
    before = running.admin("GET", "options"), running.admin("GET", "faults")
    status, answer = running.call(method, f"/_local/{path}", body)
    assert (status, list(answer)) == (401, ["error"])
    assert (running.admin("GET", "options"), running.admin("GET", "faults")) == before


@pytest.mark.parametrize(
    "header",
    [
        "Bearer nonsense",
        "Basic nonsense",
        "nonsense",
        basic("00000000-0000-4000-8000-00000000000c", "guess"),
        basic("nobody", ""),
    ],
)
def test_a_wrong_credential_is_refused(running: Running, header: str) -> None:
    status, _ = running.call("POST", "/_local/clients", {"role": "Owner"}, {"Authorization": header})
    assert status == 401


@pytest.mark.parametrize("role", ["Reader", "Contributor", None])
def test_a_client_without_the_owner_role_makes_no_owner(running: Running, role: str | None) -> None:
    _, made = running.admin("POST", "clients", {"role": role})
    token = token_for(running, client_id=made["client_id"], client_secret=made["client_secret"])
    for header in (f"Bearer {token}", basic(made["client_id"], made["client_secret"])):
        status, _ = running.call("POST", "/_local/clients", {"role": "Owner"}, {"Authorization": header})
        assert status == 403


def test_an_owners_bearer_token_opens_it(running: Running) -> None:
    header = {"Authorization": f"Bearer {token_for(running)}"}
    status, made = running.call("POST", "/_local/clients", {"role": "Reader"}, header)
    assert (status, set(made)) == (201, {"client_id", "object_id", "client_secret"})


@pytest.mark.parametrize("path", ["health", "counts", "options", "faults"])
def test_reading_needs_no_credential(running: Running, path: str) -> None:
    assert running.call("GET", f"/_local/{path}")[0] == 200
