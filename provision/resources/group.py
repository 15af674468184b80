"""The resource group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from provision.resources.base import Fields, Found, Resource, none_if_absent, wait_for

__all__ = ["Group", "plain_location"]


class Group(Resource):
    """The group that contains all other resources. `down` deletes it only if `up` created it and it is empty."""

    type = "resource group"
    fixed: ClassVar[Mapping[str, str]] = {"location": "location"}
    taggable = True

    @property
    def id(self) -> str:
        return self.context.group_id

    @property
    def declared(self) -> bool:
        return self.context.lab.existing.resource_group

    @property
    def declare_with(self) -> str:
        return "existing: {resource_group: true}"

    def desired(self) -> Fields:
        # An existing group may be in any region, because each resource in it has its own.
        return {} if self.declared else {"location": self.context.lab.location}

    def read(self) -> Found | None:
        group = none_if_absent(lambda: self.context.clients.resources.resource_groups.get(self.name))
        if group is None:
            return None
        state = None if group.properties is None else group.properties.provisioning_state
        return Found({"location": plain_location(group.location)}, tags=group.tags or {}, state=state)

    def put(self, found: Found | None) -> None:
        from azure.mgmt.resource.resources.models import ResourceGroup

        body = ResourceGroup(location=self.context.lab.location, tags=self.context.tags)
        self.context.clients.resources.resource_groups.create_or_update(self.name, body)

    def delete(self) -> None:
        groups = self.context.clients.resources.resource_groups
        poller = none_if_absent(lambda: groups.begin_delete(self.name))
        if poller is not None:
            wait_for(poller, self.context.heartbeat)

    def members(self) -> list[str]:
        """Return ARM ids of the resources in the group."""
        found = self.context.clients.resources.resources.list_by_resource_group(self.name)
        return [item.id or "" for item in found]


def plain_location(location: str | None) -> str:
    """Return the name of a region as ARM uses it: `eastus` for `East US`; empty for None."""
    return (location or "").replace(" ", "").lower()
