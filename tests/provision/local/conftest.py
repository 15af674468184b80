"""A running local cloud for the control plane's tests, and the Azure SDK's clients for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.provision.local.running import Running, running_cloud, token_for
from tests.provision.local.samples import SERVICE, Place
from tests.provision.local.sdk import Clients, clients_of, unique


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


@pytest.fixture
def group(clients: Clients) -> str:
    """A resource group of the test's own."""
    name = unique("group")
    clients.groups.resource_groups.create_or_update(name, {"location": "eastus"})
    return name


@pytest.fixture(scope="session")
def shared_place(clients: Clients) -> Place:
    place = Place(unique("group"), unique("service"))
    clients.groups.resource_groups.create_or_update(place.group, {"location": "eastus"})
    clients.apim.api_management_service.begin_create_or_update(*place.at, SERVICE).result()
    return place


@pytest.fixture
def place(shared_place: Place) -> Place:
    """A service that tests share: each names its own things inside."""
    return shared_place
