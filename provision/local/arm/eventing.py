"""Storage accounts with their queues, and Event Grid subscriptions that deliver a resource's events to one."""

from __future__ import annotations

import re

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Draft, Kind
from provision.local.arm.errors import ArmError, resource_not_found
from provision.local.arm.regions import region
from provision.local.arm.router import Router
from provision.local.arm.shapes import PlanShape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["ACCOUNT", "QUEUE", "EventSubscriptions", "subscribed"]

ACCOUNT_TYPE = "Microsoft.Storage/storageAccounts"
QUEUE_TYPE = f"{ACCOUNT_TYPE}/queueServices/queues"
SUBSCRIPTION_TYPE = "Microsoft.EventGrid/eventSubscriptions"
_ACCOUNTS = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{ACCOUNT_TYPE}/{{account}}"
_ROOT = f"{{scope*}}/providers/{SUBSCRIPTION_TYPE}/{{name}}"
_ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}")
_QUEUE_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def _prepare_account(draft: Draft) -> Json:
    if not _ACCOUNT_NAME.fullmatch(draft.name):
        raise ArmError(
            400,
            "AccountNameInvalid",
            f"{draft.name} is not a valid storage account name. Storage account name must be between 3 and 24 "
            "characters in length and use numbers and lower-case letters only.",
        )
    for other in draft.world.store.of_kind(ACCOUNT_TYPE):
        if other.name == draft.name and other.id.lower() != draft.id.lower():
            raise ArmError(
                409, "StorageAccountAlreadyTaken", f"The storage account named {draft.name} is already taken."
            )
    host = f"https://{draft.name}.queue.core.windows.net/"
    return {
        "location": region(draft.sent.get("location"), ACCOUNT_TYPE),
        "kind": draft.sent.get("kind") or "StorageV2",
        "sku": draft.sent.get("sku") or {"name": "Standard_LRS"},
        "tags": draft.sent.get("tags") or {},
        "properties": {**draft.properties, "primaryEndpoints": {"queue": host}, "provisioningState": "Succeeded"},
    }


async def _add_queue_service(world: World, account: Resource) -> None:
    """Add the queue service that every account has, which contains the queues."""
    path = f"{account.id}/queueServices/default"
    if world.store.get(path) is None:
        world.store.put(Resource(path, f"{ACCOUNT_TYPE}/queueServices", "default", {"properties": {}}))


def _prepare_queue(draft: Draft) -> Json:
    if not _QUEUE_NAME.fullmatch(draft.name):
        raise ArmError(400, "InvalidResourceName", "The specified resource name contains invalid characters.")
    return {"properties": {"metadata": draft.properties.get("metadata") or {}}}


ACCOUNT = Kind(
    ACCOUNT_TYPE, _ACCOUNTS, _prepare_account, shape=PlanShape, created=_add_queue_service, created_status=200
)
QUEUE = Kind(QUEUE_TYPE, f"{_ACCOUNTS}/queueServices/default/queues/{{queue}}", _prepare_queue, created_status=200)


class EventSubscriptions:
    """The handlers of event subscriptions, at the scope of any resource."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add the routes."""
        router.add("PUT", _ROOT, self.put)
        router.add("GET", _ROOT, self.get)
        router.add("DELETE", _ROOT, self.delete)

    async def put(self, call: ArmCall) -> Answer:
        """Create or replace a subscription. Raises ArmError for an unknown scope, or a destination that is no queue."""
        scope = self._world.store.get(call.params["scope"])
        if scope is None:
            raise resource_not_found(call.params["scope"])
        sent = call.properties().get("destination")
        destination: Json = sent if isinstance(sent, dict) else {}
        target = destination.get("properties")
        if not isinstance(target, dict) or destination.get("endpointType") != "StorageQueue":
            raise ArmError(400, "InvalidRequest", "The local cloud delivers events to storage queues only.")
        queue = f"{target.get('resourceId')}/queueServices/default/queues/{target.get('queueName')}"
        if self._world.store.get(queue) is None:
            raise ArmError(400, "InvalidRequest", f"Destination queue '{target.get('queueName')}' was not found.")
        known = self._world.store.get(call.path)
        body = {"properties": {**call.properties(), "topic": scope.id, "provisioningState": "Succeeded"}}
        made = Resource(call.path, SUBSCRIPTION_TYPE, call.params["name"], body)
        self._world.store.put(made)
        return Answer(201 if known is None else 200, _shown(made))

    async def get(self, call: ArmCall) -> Answer:
        """Answer with a subscription. Raises ArmError 404 if there is none."""
        found = self._world.store.get(call.path)
        if found is None:
            raise resource_not_found(call.path)
        return Answer(200, _shown(found))

    async def delete(self, call: ArmCall) -> Answer:
        """Delete a subscription; 204 if there is none."""
        return Answer(200 if self._world.store.remove(call.path) else 204)


def subscribed(world: World, account: str, queue: str) -> list[tuple[str, list[str]]] | None:
    """Return topic and event types of each subscription that delivers to a queue; None if there is no such queue."""
    accounts = [held for held in world.store.of_kind(ACCOUNT_TYPE) if held.name == account]
    if not accounts or world.store.get(f"{accounts[0].id}/queueServices/default/queues/{queue}") is None:
        return None
    found = []
    for held in world.store.of_kind(SUBSCRIPTION_TYPE):
        target = held.properties["destination"]["properties"]
        if str(target["resourceId"]).lower() == accounts[0].id.lower() and target["queueName"] == queue:
            types = (held.properties.get("filter") or {}).get("includedEventTypes") or []
            found.append((str(held.properties["topic"]), list(types)))
    return found


def _shown(resource: Resource) -> Json:
    return {"id": resource.id, "type": resource.kind, "name": resource.name, **resource.body}
