"""The storage queue for the breaker's events, and the Event Grid subscription that delivers them to it [D-EG]."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from provision.resources.base import Context, Fields, Found, Resource, none_if_absent, wait_for
from provision.resources.group import plain_location

if TYPE_CHECKING:
    from azure.mgmt.resource.resources.models import GenericResource

__all__ = ["QUEUE", "EventAccount", "EventQueue", "EventSubscription", "account_name", "event_resources"]

QUEUE = "breaker-events"
TYPES = ("Microsoft.ApiManagement.CircuitBreaker.Opened", "Microsoft.ApiManagement.CircuitBreaker.Closed")
KEPT_S = 86_400
"""How long the queue keeps an event that nobody fetched, in seconds."""

NAMESPACE = uuid.UUID("5a2f4c1e-8d1b-4b7e-9c56-2f1d6f0a7c3b")


def account_name(group_id: str, lab: str) -> str:
    """Return the storage account's name: unique in all Azure, lower-case letters and digits, at most 24."""
    return f"tripcurve{uuid.uuid5(NAMESPACE, f'{group_id.lower()}|{lab}').hex[:15]}"


class _ById(Resource):
    """A resource that ARM's generic operations read and write, because the lab needs nothing else of its provider."""

    api_version: ClassVar[str]

    @abstractmethod
    def body(self) -> dict[str, object]:
        """Return the body of the PUT."""

    def get(self) -> GenericResource | None:
        """Return the resource; None if it does not exist."""
        resources = self.context.clients.resources.resources
        return none_if_absent(lambda: resources.get_by_id(self.id, api_version=self.api_version))

    def put(self, found: Found | None) -> None:
        resources = self.context.clients.resources.resources
        poller = resources.begin_create_or_update_by_id(self.id, self.body(), api_version=self.api_version)
        wait_for(poller, self.context.heartbeat)

    def delete(self) -> None:
        resources = self.context.clients.resources.resources
        poller = none_if_absent(lambda: resources.begin_delete_by_id(self.id, api_version=self.api_version))
        if poller is not None:
            wait_for(poller, self.context.heartbeat)


class EventAccount(_ById):
    """The storage account of the queue."""

    type = "storage account"
    fixed: ClassVar[Mapping[str, str]] = {"location": "location"}
    taggable = True
    api_version = "2024-01-01"

    @property
    def location(self) -> str:
        """The region, which is the lab's."""
        return self.context.lab.location

    @property
    def id(self) -> str:
        return f"{self.context.group_id}/providers/Microsoft.Storage/storageAccounts/{self.name}"

    def desired(self) -> Fields:
        return {"location": self.location, "sku": "Standard_LRS"}

    def read(self) -> Found | None:
        found = self.get()
        if found is None:
            return None
        sku = None if found.sku is None else found.sku.name
        state = (found.properties or {}).get("provisioningState")
        return Found({"location": plain_location(found.location), "sku": sku}, tags=found.tags or {}, state=state)

    def body(self) -> dict[str, object]:
        return {
            "location": self.location,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "tags": self.context.tags,
            "properties": {"minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": False},
        }


class EventQueue(_ById):
    """The queue."""

    type = "storage queue"
    api_version = "2024-01-01"

    @property
    def id(self) -> str:
        assert self.parent is not None  # noqa: S101  # built with its account, for the type checker
        return f"{self.parent.id}/queueServices/default/queues/{self.name}"

    def desired(self) -> Fields:
        return {}

    def read(self) -> Found | None:
        return None if self.get() is None else Found({})

    def body(self) -> dict[str, object]:
        return {"properties": {}}


class EventSubscription(_ById):
    """The subscription of the gateway's breaker events. Its parent is the storage account, which it cannot outlive."""

    type = "event subscription"
    api_version = "2025-02-15"

    @property
    def id(self) -> str:
        return f"{self.context.gateway_id}/providers/Microsoft.EventGrid/eventSubscriptions/{self.name}"

    def desired(self) -> Fields:
        assert self.parent is not None  # noqa: S101  # built with its account, for the type checker
        return {"account": self.parent.id.lower(), "queue": QUEUE, "types": sorted(TYPES)}

    def read(self) -> Found | None:
        found = self.get()
        if found is None:
            return None
        properties = found.properties or {}
        destination = (properties.get("destination") or {}).get("properties") or {}
        types = (properties.get("filter") or {}).get("includedEventTypes") or []
        fields = {
            "account": str(destination.get("resourceId")).lower(),
            "queue": destination.get("queueName"),
            "types": sorted(types),
        }
        return Found(fields, state=properties.get("provisioningState"))

    def body(self) -> dict[str, object]:
        assert self.parent is not None  # noqa: S101  # built with its account, for the type checker
        queue = {"resourceId": self.parent.id, "queueName": QUEUE, "queueMessageTimeToLiveInSeconds": KEPT_S}
        return {
            "properties": {
                "destination": {"endpointType": "StorageQueue", "properties": queue},
                "filter": {"includedEventTypes": list(TYPES)},
                "eventDeliverySchema": "EventGridSchema",
            }
        }


def event_resources(context: Context, group: Resource) -> list[Resource]:
    """Return the resources of a lab with `events: true`; create them after the gateway."""
    account = EventAccount(context, account_name(context.group_id, context.lab.name), group)
    queue = EventQueue(context, QUEUE, account)
    return [account, queue, EventSubscription(context, f"tripcurve-{context.lab.name}", account)]
