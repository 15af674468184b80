"""Storage accounts, queues and event subscriptions are refused where Azure refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provision.local.arm.refusals import refused
from tests.provision.local.running import Running
from tests.provision.local.sdk import Clients, unique

STORAGE, EVENTS = "2024-01-01", "2025-02-15"
ACCOUNT = {"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}


def put(clients: Clients, identifier: str, body: dict[str, Any], version: str = STORAGE) -> None:
    clients.groups.resources.begin_create_or_update_by_id(identifier, body, api_version=version).result()


@pytest.fixture
def root(running: Running, group: str) -> str:
    return f"/subscriptions/{running.connection['subscription_id']}/resourceGroups/{group}"


def account_id(root: str, name: str) -> str:
    return f"{root}/providers/Microsoft.Storage/storageAccounts/{name}"


@pytest.mark.parametrize("name", ["ab", "Capital", "with-hyphen", "x" * 25])
def test_a_name_that_azure_does_not_take_is_refused(name: str, clients: Clients, root: str) -> None:
    with refused() as said:
        put(clients, account_id(root, name), ACCOUNT)
    assert (said.status, said.code) == (400, "AccountNameInvalid")


def test_a_queue_needs_its_account_and_a_subscription_its_queue(clients: Clients, root: str) -> None:
    account = account_id(root, unique("store").replace("-", ""))
    queue = f"{account}/queueServices/default/queues/events"
    subscription = f"{account}/providers/Microsoft.EventGrid/eventSubscriptions/s"
    target = {"resourceId": account, "queueName": "events"}
    body = {"properties": {"destination": {"endpointType": "StorageQueue", "properties": target}}}
    with refused() as said:
        put(clients, queue, {"properties": {}})
    assert said.status == 404
    put(clients, account, ACCOUNT)
    with refused() as said:
        put(clients, subscription, body, EVENTS)
    assert (said.status, said.message) == (400, "Destination queue 'events' was not found.")
    put(clients, queue, {"properties": {}})
    put(clients, subscription, body, EVENTS)
    for wrong in ({"properties": {}}, {"properties": {"destination": {"endpointType": "WebHook", "properties": {}}}}):
        with refused() as said:
            put(clients, subscription, wrong, EVENTS)
        assert said.status == 400
