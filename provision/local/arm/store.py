"""All resources of the local subscription, in memory, by id without regard to case."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from provision.local.arm.call import Json

__all__ = ["Resource", "Store"]


@dataclass(slots=True)
class Resource:
    """One resource. `body` is the body of a GET; `secrets` are returned only by operations of their own.

    `kind` is the resource type in ARM's spelling, such as `Microsoft.ApiManagement/service/backends`.
    """

    id: str
    kind: str
    name: str
    body: Json
    etag: str = ""
    secrets: Json = field(default_factory=dict, repr=False)

    @property
    def properties(self) -> Json:
        """The `properties` of the body; changes to them are changes to the resource."""
        found: Json = self.body.setdefault("properties", {})
        return found


class Store:
    """A flat map of resources in order of creation. A child's id begins with its parent's."""

    def __init__(self) -> None:
        self._by_id: dict[str, Resource] = {}
        self._versions = itertools.count(1)

    def get(self, identifier: str) -> Resource | None:
        """Return the resource with this id; None if there is none."""
        return self._by_id.get(identifier.lower())

    def put(self, resource: Resource) -> None:
        """Add or replace a resource and give it a new etag."""
        resource.etag = self.next_etag()
        self._by_id[resource.id.lower()] = resource

    def next_etag(self) -> str:
        """Return a new quoted entity tag in APIM's form (base64 of a row version)."""
        return f'"{base64.b64encode(next(self._versions).to_bytes(8, "big")).decode()}"'

    def remove(self, identifier: str) -> list[Resource]:
        """Remove a resource and everything below it, and return all of them, the resource first."""
        prefix = identifier.lower()
        gone = [key for key in self._by_id if key == prefix or key.startswith(prefix + "/")]
        return [self._by_id.pop(key) for key in gone]

    def children(self, parent_id: str, kind: str) -> list[Resource]:
        """Return the resources of one type directly below a parent."""
        steps = (2, 4)  # `/<type>/<name>` below a resource, `/providers/<namespace>/<type>/<name>` below a group
        depths = {parent_id.rstrip("/").count("/") + step for step in steps}
        return [found for found in self.below(parent_id) if found.kind == kind and found.id.count("/") in depths]

    def below(self, prefix: str) -> Iterator[Resource]:
        """Yield every resource whose id is below `prefix`."""
        start = prefix.lower().rstrip("/") + "/"
        return (found for key, found in list(self._by_id.items()) if key.startswith(start))

    def of_kind(self, kind: str) -> list[Resource]:
        """Return all resources of one type in all groups."""
        return [found for found in self._by_id.values() if found.kind == kind]
