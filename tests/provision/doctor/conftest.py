"""Faults of the control plane, and sign-ins of other rights than the owner's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from provision.resources.clouds import Cloud, local

Inject = Callable[..., None]
SignedIn = Callable[[str | None], tuple[Cloud, str]]
Ask = Callable[[str, str, dict[str, Any] | None], requests.Response]


@pytest.fixture
def ask(connection: dict[str, Any]) -> Ask:
    """Calls the local cloud's own API as its owner."""
    owner = (connection["client_id"], connection["client_secret"])

    def call(method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        url, ca_file = f"{connection['admin_url']}/{path}", connection["ca_file"]
        return requests.request(method, url, json=body, auth=owner, verify=ca_file, timeout=10)

    return call


@pytest.fixture
def inject(ask: Ask) -> Iterator[Inject]:
    """Adds a fault to the control plane; in the end all faults are removed."""

    def add(action: str, path: str, **more: Any) -> None:
        answer = ask("POST", "faults", {"action": action, "path": path, **more})
        assert answer.status_code == 201, answer.text

    yield add
    ask("DELETE", "faults", None)


@pytest.fixture
def signed_in(connection: dict[str, Any], ask: Ask) -> SignedIn:
    """Makes a client with a built-in role on the subscription, or with none; returns its cloud and its object id."""

    def make(role: str | None) -> tuple[Cloud, str]:
        made = ask("POST", "clients", {"role": role}).json()
        client = {name: made[name] for name in ("client_id", "client_secret")}
        return local({**connection, **client}), str(made["object_id"])

    return make
