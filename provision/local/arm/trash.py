"""Soft delete: keep records of deleted resources, restore and purge them."""

from __future__ import annotations

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.errors import ArmError
from provision.local.arm.operations import Style
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["Trash"]


class Trash:
    """The deleted resources of one type, whose names stay taken until they are purged.

    `kind` is the record's type, and `origin` its property with the id that the resource had.
    """

    def __init__(self, world: World, kind: str, origin: str, style: Style = "location") -> None:
        self._world = world
        self._kind = kind
        self._origin = origin
        self._style = style

    def keep(self, identifier: str, resource: Resource, properties: Json) -> None:
        """Record a resource, with everything below it, before it is deleted."""
        tree = [resource, *self._world.store.below(resource.id)]
        body: Json = {"location": resource.body.get("location"), "properties": properties}
        self._world.store.put(Resource(identifier, self._kind, resource.name, body, secrets={"tree": tree}))

    def by_id(self, resource_id: str) -> Resource | None:
        """Return the record of the deleted resource with this id; None if there is none."""
        wanted = resource_id.lower()
        return next((found for found in self._all() if str(found.properties[self._origin]).lower() == wanted), None)

    def by_name(self, name: str) -> Resource | None:
        """Return the record of a deleted resource of this name in any group; None if there is none."""
        return next((found for found in self._all() if found.name.lower() == name.lower()), None)

    def restore(self, record: Resource) -> Resource:
        """Put a deleted resource and everything below it back into the store, and return the resource."""
        self._world.store.remove(record.id)
        tree: list[Resource] = record.secrets["tree"]
        for resource in tree:
            self._world.store.put(resource)
        return tree[0]

    async def index(self, call: ArmCall) -> Answer:
        """List the deleted resources."""
        return Answer(200, {"value": [_shown(record) for record in self._all()]})

    async def get(self, call: ArmCall) -> Answer:
        """Answer with the record of a deleted resource. Raises ArmError 404 if there is none."""
        return Answer(200, _shown(self._find(call)))

    async def purge(self, call: ArmCall) -> Answer:
        """Delete the record, which frees the name. Answers 204 if there is no record."""
        record = self._world.store.get(call.path)
        if record is None:
            return Answer(204)
        found = record

        async def work() -> None:
            self._world.store.remove(found.id)

        operation = await self._world.operations.begin(
            self._kind.split("/")[0], str(found.body["location"]).replace(" ", "").lower(), work, lambda: Answer(200)
        )
        return Answer(202, None, self._world.operations.headers(operation, self._style, call))

    def _find(self, call: ArmCall) -> Resource:
        found = self._world.store.get(call.path)
        if found is None:
            name = call.path.rsplit("/", 1)[1]
            raise ArmError(404, "ResourceNotFound", f"The deleted resource '{name}' was not found.")
        return found

    def _all(self) -> list[Resource]:
        return self._world.store.of_kind(self._kind)


def _shown(record: Resource) -> Json:
    return {"id": record.id, "name": record.name, "type": record.kind, **record.body}
