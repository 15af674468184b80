"""The operations that all resource types share: PUT, PATCH, GET, HEAD, DELETE and listing, with etags and operations.

A `Kind` describes one type: its data, and functions for the rules that only it has.
"""

from __future__ import annotations

import builtins
import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from provision.local.arm.call import Answer, ArmCall, Json, properties_of
from provision.local.arm.errors import ArmError, group_not_found, resource_not_found
from provision.local.arm.faults import current_plan
from provision.local.arm.listing import page
from provision.local.arm.operations import Style
from provision.local.arm.router import Router
from provision.local.arm.shapes import Shape, check_shape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["Crud", "Draft", "Kind", "merge"]


@dataclass(slots=True)
class Draft:
    """A resource before it is written. `existing` is None on creation; `sent` is the request's body."""

    world: World
    call: ArmCall
    id: str
    name: str
    parent: Resource
    existing: Resource | None
    sent: Json
    secrets: Json

    @property
    def properties(self) -> Json:
        """The `properties` of the request's body."""
        return properties_of(self.sent)


def _as_sent(draft: Draft) -> Json:
    return {"properties": copy.deepcopy(draft.properties)}


@dataclass(frozen=True)
class Kind:
    """One resource type.

    `prepare` checks a draft and returns the body to store, without id, name and type; it raises ArmError. `created`
    and `deleting` run as part of the long-running operation. `show` returns the body of a GET. Each may be None.
    """

    type: str
    template: str
    prepare: Callable[[Draft], Json] = _as_sent
    shape: builtins.type[Shape] = Shape
    created: Callable[[World, Resource], Awaitable[None]] | None = None
    deleting: Callable[[World, Resource], Awaitable[None]] | None = None
    show: Callable[[World, Resource], Json] | None = None
    put_style: Style = "sync"
    delete_style: Style = "sync"
    created_status: int = 201
    etags: bool = False
    label: str | None = None
    """The type's name in API Management's 404 (`Backend not found.`); None for ARM's 404."""

    @property
    def namespace(self) -> str:
        """The resource provider's namespace, such as `Microsoft.ApiManagement`."""
        return self.type.split("/")[0]

    @property
    def collection(self) -> str:
        """The path template of the list of all such resources in their parent."""
        return self.template.rsplit("/", 1)[0]

    @property
    def parent_template(self) -> str:
        """The path template of the parent."""
        cut = 4 if self.template.split("/")[-4] == "providers" else 2
        return self.template.rsplit("/", cut)[0]


class Crud:
    """The handlers of one kind."""

    def __init__(self, world: World, kind: Kind) -> None:
        self._world = world
        self._kind = kind

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        """Add the kind's routes for the operations in `only`."""
        handlers = {"PUT": self.put, "PATCH": self.patch, "GET": self.get, "HEAD": self.head, "DELETE": self.delete}
        for method, handler in handlers.items():
            if method in only:
                router.add(method, self._kind.template, handler)
        if "LIST" in only:
            router.add("GET", self._kind.collection, self.index)

    async def get(self, call: ArmCall) -> Answer:
        """Answer with the resource. Raises ArmError 404 if it does not exist."""
        resource = self.find(call)
        return Answer(200, self.shown(resource), self._etag(resource))

    async def head(self, call: ArmCall) -> Answer:
        """Answer whether the resource exists, with its entity tag. Raises ArmError 404 if it does not."""
        return Answer(200, None, self._etag(self.find(call)))

    async def index(self, call: ArmCall) -> Answer:
        """Answer with the parent's resources of this kind. Raises ArmError 404 if the parent does not exist."""
        parent = self.parent(call)
        found = self._world.store.children(parent.id, self._kind.type)
        return page(call, [self.shown(resource) for resource in found])

    async def put(self, call: ArmCall) -> Answer:
        """Create or replace the resource. Raises ArmError if it may not be written."""
        parent = self.parent(call)
        identifier, name = self._identify(call, parent)
        existing = self._world.store.get(identifier)
        self._check_match(call, existing, needed=False)
        secrets = {} if existing is None else dict(existing.secrets)
        draft = Draft(self._world, call, identifier, name, parent, existing, call.json(), secrets)
        return await self._write(draft)

    async def patch(self, call: ArmCall) -> Answer:
        """Merge the request's body into the resource. Raises ArmError if there is none, or it may not be written."""
        existing = self.find(call)
        self._check_match(call, existing, needed=self._kind.etags)
        sent = merge(existing.body, call.json())
        draft = Draft(
            self._world, call, existing.id, existing.name, self.parent(call), existing, sent, dict(existing.secrets)
        )
        return await self._write(draft)

    async def delete(self, call: ArmCall) -> Answer:
        """Delete the resource; 204 if it does not exist. Raises ArmError if it may not be deleted."""
        self.parent(call)
        existing = self._world.store.get(self._identify(call, self.parent(call))[0])
        if existing is None:
            return Answer(204)
        self._check_match(call, existing, needed=self._kind.etags)
        resource = existing

        async def work() -> None:
            await current_plan().suffer()
            await self.remove(resource)

        if self._kind.delete_style == "sync":
            await work()
            return Answer(200)
        operation = await self._world.operations.begin(
            self._kind.namespace, self._location(resource), work, lambda: Answer(200)
        )
        return Answer(202, None, self._world.operations.headers(operation, self._kind.delete_style, call))

    async def remove(self, resource: Resource) -> None:
        """Delete a resource with everything below it."""
        if self._kind.deleting is not None:
            await self._kind.deleting(self._world, resource)
        self._world.store.remove(resource.id)
        await self._world.data_plane.publish()

    def find(self, call: ArmCall) -> Resource:
        """Return the resource at the path. Raises ArmError 404 for a missing parent, else for the resource."""
        identifier, _ = self._identify(call, self.parent(call))
        found = self._world.store.get(identifier)
        if found is None:
            raise self._missing(identifier)
        return found

    def parent(self, call: ArmCall) -> Resource:
        """Return the group or resource that contains this kind. Raises ArmError 404."""
        path = _fill(self._kind.parent_template, call.params)
        found = self._world.store.get(path)
        if found is None:
            is_group = path.lower().count("/") == 4 and "/resourcegroups/" in path.lower()
            raise group_not_found(path.rsplit("/", 1)[1]) if is_group else resource_not_found(path)
        return found

    def shown(self, resource: Resource) -> Json:
        """Return the body of a GET of the resource."""
        body = resource.body if self._kind.show is None else self._kind.show(self._world, resource)
        return {"id": resource.id, "type": self._kind.type, "name": resource.name, **body}

    async def _write(self, draft: Draft) -> Answer:
        check_shape(self._kind.shape, draft.sent)
        body = self._kind.prepare(draft)
        created = draft.existing is None
        name = draft.name if draft.existing is None else draft.existing.name
        resource = Resource(draft.id, self._kind.type, name, body, secrets=draft.secrets)
        if self._kind.put_style != "sync":
            resource.properties["provisioningState"] = "Creating" if created else "Updating"
        if self._kind.put_style == "sync":
            await current_plan().suffer()
        self._world.store.put(resource)
        if self._kind.put_style == "sync":
            await self._finish(resource)
            return Answer(self._kind.created_status if created else 200, self.shown(resource), self._etag(resource))
        return await self._write_slowly(draft.call, resource, created)

    async def _write_slowly(self, call: ArmCall, resource: Resource, created: bool) -> Answer:
        async def work() -> None:
            try:
                await current_plan().suffer()
                await self._finish(resource)
            except BaseException:
                resource.properties["provisioningState"] = "Failed"
                raise
            resource.properties["provisioningState"] = "Succeeded"

        def result() -> Answer:
            return Answer(200, self.shown(resource), self._etag(resource))

        operations, style = self._world.operations, self._kind.put_style
        operation = await operations.begin(self._kind.namespace, self._location(resource), work, result)
        status = 201 if created else 202 if call.method == "PATCH" else 200
        shown = self.shown(resource)
        if operation.error is not None:
            # Leave the failure to the first poll: the SDKs ignore one in the answer itself.
            shown = merge(shown, {"properties": {"provisioningState": "Creating" if created else "Updating"}})
        return Answer(status, shown, self._etag(resource) | operations.headers(operation, style, call))

    async def _finish(self, resource: Resource) -> None:
        if self._kind.created is not None:
            await self._kind.created(self._world, resource)
        await self._world.data_plane.publish()

    def _identify(self, call: ArmCall, parent: Resource) -> tuple[str, str]:
        below = self._kind.template[len(self._kind.parent_template) :]
        tail = _fill(below, call.params)
        return parent.id + tail, tail.rsplit("/", 1)[1]

    def _missing(self, identifier: str) -> ArmError:
        if self._kind.label is None:
            return resource_not_found(identifier)
        return ArmError(404, "ResourceNotFound", f"{self._kind.label} not found.")

    def _etag(self, resource: Resource) -> dict[str, str]:
        return {"ETag": resource.etag} if self._kind.etags else {}

    def _check_match(self, call: ArmCall, existing: Resource | None, *, needed: bool) -> None:
        wanted = call.headers.get("if-match") if self._kind.etags else None
        if wanted is None and needed:
            raise ArmError(400, "MissingIfMatchHeader", "The header If-Match is required: an entity tag, or * for any.")
        if wanted is None or (wanted == "*" and existing is not None):
            return
        if existing is None or wanted.strip('"') != existing.etag.strip('"'):
            raise ArmError(
                412, "PreconditionFailed", "Resource was modified since last retrieval: the entity tag is not current."
            )

    def _location(self, resource: Resource) -> str:
        place = resource
        while "location" not in place.body:
            above = self._world.store.get(place.id.rsplit("/", 2)[0])
            if above is None:
                return "global"
            place = above
        return str(place.body["location"]).replace(" ", "").lower()


def _fill(template: str, params: dict[str, str]) -> str:
    parts = [params[part[1:-1]] if part[:1] == "{" else part for part in template.split("/")]
    return "/".join(parts)


def merge(old: Json, new: Json) -> Json:
    """Return `old` with a JSON merge patch [RFC7396]: null removes a key, objects merge, other values replace."""
    merged = copy.deepcopy(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
