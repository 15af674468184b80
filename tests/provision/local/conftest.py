"""A running local cloud for the control plane's tests, and the Azure SDK's clients for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.provision.local.running import Running, running_cloud, token_for
from tests.provision.local.sdk import Clients, clients_of


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One control plane for all tests; each makes its own group."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def clients(running: Running) -> Iterator[Clients]:
    """The unmodified SDK clients, signed in as the owner."""
    with clients_of(running.connection) as made:
        yield made


@pytest.fixture(scope="session")
def owner_token(running: Running) -> str:
    """An ARM token of the owner, for calls without the SDK."""
    return token_for(running)
