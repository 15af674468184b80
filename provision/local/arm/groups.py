"""Resource groups. Deleting one deletes each resource in it by the rules of its type, soft delete included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import ArmError, group_not_found
from provision.local.arm.regions import region
from provision.local.arm.router import Router
from provision.local.arm.shapes import GroupShape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["Groups", "Remover", "outline"]

TYPE = "Microsoft.Resources/resourceGroups"
Remover = Callable[[Resource], Awaitable[None]]


def _prepare(draft: Draft) -> Json:
    location = region(draft.sent.get("location"), TYPE)
    if draft.existing is not None and draft.existing.body["location"] != location:
        raise ArmError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. "
            f"The Resource group already exists in location '{draft.existing.body['location']}'.",
        )
    return {
        "location": location,
        "tags": draft.sent.get("tags") or {},
        "properties": {"provisioningState": "Succeeded"},
    }


KIND = Kind(
    TYPE, "/subscriptions/{subscription}/resourceGroups/{group}", _prepare, shape=GroupShape, delete_style="location"
)


class Groups(Crud):
    """The handlers of groups. `removers` maps a resource type to the function that deletes such a resource."""

    def __init__(self, world: World, removers: dict[str, Remover]) -> None:
        super().__init__(world, KIND)
        self._removers = removers

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        super().register(router, only)
        router.add("GET", "/subscriptions/{subscription}/resourceGroups/{group}/resources", self.resources)

    def _missing(self, identifier: str) -> ArmError:
        return group_not_found(identifier.rsplit("/", 1)[1])

    async def head(self, call: ArmCall) -> Answer:
        self.find(call)
        return Answer(204)

    async def resources(self, call: ArmCall) -> Answer:
        """List the top-level resources of the group, without properties as ARM does."""
        group = self.find(call)
        return Answer(200, {"value": [outline(found) for found in self._held(group)]})

    async def remove(self, resource: Resource) -> None:
        for held in self._held(resource):
            await self._removers[held.kind](held)
        await super().remove(resource)

    def _held(self, group: Resource) -> list[Resource]:
        return [found for found in self._world.store.below(group.id) if found.kind in self._removers]


def outline(resource: Resource) -> Json:
    """Return a resource without its properties, as generic lists show it."""
    shown: Json = {"id": resource.id, "name": resource.name, "type": resource.kind}
    for key in ("location", "tags", "sku", "kind"):
        if key in resource.body:
            shown[key] = resource.body[key]
    return shown
