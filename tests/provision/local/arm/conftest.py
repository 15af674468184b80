"""A group and a service to work in."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.provision.local.sdk import Clients, unique

SERVICE = {
    "location": "eastus",
    "sku": {"name": "BasicV2", "capacity": 1},
    "identity": {"type": "SystemAssigned"},
    "properties": {"publisherEmail": "noreply@contoso.com", "publisherName": "Contoso"},
}


@dataclass(frozen=True)
class Place:
    """A service in a group; `at` is how the SDK names it."""

    group: str
    service: str

    @property
    def at(self) -> tuple[str, str]:
        return self.group, self.service


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
