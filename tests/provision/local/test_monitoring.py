"""The local Log Analytics and storage queue refuse what Azure's refuse."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provision.local.running import Running, token_for

QUERY = "/v1/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/x/query"
QUEUE = "/_local/queues/tripcurve0/breaker-events/messages"


@pytest.mark.parametrize(("method", "path"), [("POST", QUERY), ("GET", QUEUE), ("DELETE", f"{QUEUE}/1?popreceipt=x")])
def test_a_call_without_a_token_is_refused(method: str, path: str, running: Running) -> None:
    status, body = running.call(method, path, {} if method == "POST" else None)
    assert (status, body["error"]["code"]) == (401, "AuthorizationRequiredError")


@pytest.mark.parametrize("body", [{}, {"query": "AzureActivity"}, {"query": 1}, [], "x", None])
def test_a_query_of_another_form_is_refused(body: Any, running: Running) -> None:
    status, answer = running.call("POST", QUERY, body, {"Authorization": f"Bearer {token_for(running)}"})
    assert (status, answer["error"]["code"]) == (400, "BadArgumentError")


@pytest.mark.parametrize(("method", "path"), [("POST", QUERY), ("GET", QUEUE)])
def test_a_sign_in_without_a_role_is_refused(method: str, path: str, running: Running) -> None:
    _, made = running.admin("POST", "clients", {"role": None})
    token = token_for(running, client_id=made["client_id"], client_secret=made["client_secret"])
    status, body = running.call(method, path, {} if method == "POST" else None, {"Authorization": f"Bearer {token}"})
    assert (status, body["error"]["code"]) == (403, "InsufficientAccessError")
