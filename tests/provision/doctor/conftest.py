"""Sign-ins of other rights than the owner's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from provision.resources.clouds import Cloud, local

SignedIn = Callable[[str | None], tuple[Cloud, str]]


@pytest.fixture
def signed_in(connection: dict[str, Any]) -> SignedIn:
    """Makes a client with a built-in role on the subscription, or with none; returns its cloud and its object id."""
    owner = (connection["client_id"], connection["client_secret"])

    def make(role: str | None) -> tuple[Cloud, str]:
        url, ca_file = f"{connection['admin_url']}/clients", connection["ca_file"]
        made = requests.post(url, json={"role": role}, auth=owner, verify=ca_file, timeout=10).json()
        client = {name: made[name] for name in ("client_id", "client_secret")}
        return local({**connection, **client}), str(made["object_id"])

    return make
