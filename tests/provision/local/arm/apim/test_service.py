"""API Management services through the SDK."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.provision.local.running import Running
from tests.provision.local.samples import SERVICE, Place
from tests.provision.local.sdk import Clients, unique


def test_a_new_service_has_gateway_identity_and_the_built_in_subscription(clients: Clients, group: str) -> None:
    name = unique("service")
    made = clients.apim.api_management_service.begin_create_or_update(group, name, SERVICE).result()
    assert made.provisioning_state == "Succeeded"
    assert made.gateway_url.startswith("http://127.0.0.1:")
    assert made.identity.principal_id
    assert made.location == "East US"
    keys = clients.apim.subscription.list_secrets(group, name, "master")
    assert len(keys.primary_key) == 32
    assert keys.primary_key != keys.secondary_key


def test_a_get_shows_no_key(clients: Clients, place: Place, running: Running) -> None:
    keys = clients.apim.subscription.list_secrets(*place.at, "master")
    shown = clients.apim.subscription.get(*place.at, "master").as_dict()
    assert keys.primary_key not in str(shown)


def test_a_service_needs_a_group_that_exists(clients: Clients) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        clients.apim.api_management_service.begin_create_or_update("nowhere", "service-x", SERVICE)
    assert caught.value.error is not None
    assert caught.value.error.code == "ResourceGroupNotFound"


def test_a_name_is_taken_across_groups(clients: Clients, place: Place, group: str) -> None:
    with pytest.raises(ResourceExistsError, match="name is not available"):
        clients.apim.api_management_service.begin_create_or_update(group, place.service, SERVICE)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sku": {"name": "Gold", "capacity": 1}}, "InvalidParameters"),
        ({"sku": {"name": "BasicV2", "capacity": 99}}, "InvalidSkuCapacity"),
        ({"location": "atlantis"}, "LocationNotAvailableForResourceType"),
        ({"properties": {"publisherName": "Contoso"}}, "ValidationError"),
    ],
)
def test_a_wrong_service_is_refused_and_not_created(
    clients: Clients, group: str, change: dict[str, object], code: str
) -> None:
    name = unique("service")
    with pytest.raises(HttpResponseError) as caught:
        clients.apim.api_management_service.begin_create_or_update(group, name, {**SERVICE, **change})
    assert caught.value.error is not None
    assert caught.value.error.code == code
    with pytest.raises(ResourceNotFoundError):
        clients.apim.api_management_service.get(group, name)


@pytest.mark.parametrize("name", ["1st", "ends-", "under_score", "x" * 51])
def test_a_name_arm_would_refuse_is_refused(running: Running, clients: Clients, group: str, name: str) -> None:
    services = clients.apim.api_management_service
    del running
    with pytest.raises((HttpResponseError, ValueError)):
        services.begin_create_or_update(group, name, SERVICE)


def test_a_service_does_not_move(clients: Clients, place: Place) -> None:
    with pytest.raises(ResourceExistsError, match="already exists in location 'eastus'"):
        clients.apim.api_management_service.begin_create_or_update(*place.at, {**SERVICE, "location": "westus"})


def test_a_deleted_service_keeps_its_name_until_purged(clients: Clients, group: str) -> None:
    services, deleted, name = clients.apim.api_management_service, clients.apim.deleted_services, unique("service")
    services.begin_create_or_update(group, name, SERVICE).result()
    services.begin_delete(group, name).result()
    assert name in [found.name for found in deleted.list_by_subscription()]
    with pytest.raises(ResourceExistsError, match="was soft-deleted"):
        services.begin_create_or_update(group, name, SERVICE)
    deleted.begin_purge(name, "eastus").result()
    assert name not in [found.name for found in deleted.list_by_subscription()]
    services.begin_create_or_update(group, name, SERVICE).result()


def test_a_restored_service_has_its_former_children(clients: Clients, group: str) -> None:
    services, name = clients.apim.api_management_service, unique("service")
    services.begin_create_or_update(group, name, SERVICE).result()
    backend = {"properties": {"url": "https://a.openai.azure.com/openai", "protocol": "http"}}
    clients.apim.backend.create_or_update(group, name, "kept", backend)
    services.begin_delete(group, name).result()
    restore = {**SERVICE, "properties": {**SERVICE["properties"], "restore": True}}  # type: ignore[dict-item]  # a dict
    back = services.begin_create_or_update(group, name, restore).result()
    assert back.provisioning_state == "Succeeded"
    assert clients.apim.backend.get(group, name, "kept").url == "https://a.openai.azure.com/openai"


def test_deleting_the_group_deletes_the_service_softly(clients: Clients) -> None:
    group, name = unique("group"), unique("service")
    clients.groups.resource_groups.create_or_update(group, {"location": "eastus"})
    clients.apim.api_management_service.begin_create_or_update(group, name, SERVICE).result()
    clients.groups.resource_groups.begin_delete(group).result()
    assert not clients.groups.resource_groups.check_existence(group)
    assert name in [found.name for found in clients.apim.deleted_services.list_by_subscription()]


def test_a_new_tier_capacity_changes_the_units(clients: Clients, group: str, running: Running) -> None:
    name = unique("service")
    services = clients.apim.api_management_service
    services.begin_create_or_update(group, name, SERVICE).result()
    services.begin_update(group, name, {"sku": {"name": "BasicV2", "capacity": 2}}).result()
    units = {told["service"]["unit"] for told in running.told() if told["service"]["name"] == name}
    assert units == {0, 1}
    ports = {told["service"]["port"] for told in running.told() if told["service"]["name"] == name}
    assert len(ports) == 1
