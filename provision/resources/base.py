"""One resource of a lab: its desired state, its state on the cloud, and how it is created, changed and deleted."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from provision.resources.clients import Clients
from provision.resources.clouds import Cloud
from tripcurve.lab import LABS, Lab
from tripcurve.shipped import shipped_folder

__all__ = [
    "IN_PROGRESS",
    "TAG",
    "UNKNOWN",
    "Context",
    "Fields",
    "Found",
    "Resource",
    "SoftDeleting",
    "none_if_absent",
    "wait_for",
]

TAG: Final = "tripcurve-lab"
"""Name of the tag, on every resource that takes tags, whose value is the lab that created the resource."""

UNKNOWN: Final = "(known after apply)"
"""Value of a field that depends on a resource that does not exist yet."""

IN_PROGRESS: Final = frozenset(
    {"accepted", "activating", "created", "creating", "updating", "deleting", "moving", "resolvingdns", "inprogress"}
)
"""Provisioning states, lower case, in which ARM refuses another change."""

HEARTBEAT_S = 1.0
"""Seconds between two calls of a heartbeat."""

Fields = dict[str, Any]
Answer = TypeVar("Answer")
Heartbeat = Callable[[], None]


@dataclass
class Context:
    """The state that the resources of one lab share while they are read, created and deleted.

    `lab_file` is None for a lab that was not read from a file. `principal_id`, the `client_id` of a user-assigned
    identity and `gateway_url` are None until the gateway exists. `heartbeat` is called about once a second while a long
    operation runs.
    """

    lab: Lab
    cloud: Cloud
    clients: Clients
    policy_file: Path
    lab_file: Path | None = None
    principal_id: str | None = None
    client_id: str | None = None
    gateway_url: str | None = None
    heartbeat: Heartbeat = field(default=lambda: None)

    @property
    def group_id(self) -> str:
        """The ARM id of the lab's resource group."""
        return f"/subscriptions/{self.cloud.subscription_id}/resourceGroups/{self.lab.resource_group}"

    @property
    def gateway_id(self) -> str:
        """The ARM id of the lab's API Management service."""
        return f"{self.group_id}/providers/Microsoft.ApiManagement/service/{self.lab.gateway.name}"

    @cached_property
    def gateway_versions(self) -> frozenset[str] | None:
        """The api-versions of Microsoft.ApiManagement that the cloud knows; None if they cannot be read."""
        from azure.core.exceptions import HttpResponseError

        try:
            kinds = self.clients.resources.providers.get("Microsoft.ApiManagement").resource_types or []
        except HttpResponseError:
            return None  # the check only gives an earlier and clearer message than the failing call would
        versions = {version for kind in kinds if kind.resource_type == "service" for version in kind.api_versions or []}
        return frozenset(versions) or None

    @property
    def purge_command(self) -> str:
        """Return the command that purges this lab's soft-deleted resources, with the lab's name or file."""
        shipped = self.lab_file is None or self.lab_file.parent == shipped_folder(LABS)
        return f"tripcurve down {self.lab.name if shipped else shlex.quote(str(self.lab_file))} --purge"

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of every resource that this lab creates."""
        return {TAG: self.lab.name}


@dataclass(frozen=True)
class Found:
    """A resource as the service describes it.

    `tags` is None for types without tags. `state` is the provisioning state; None for types without one. A change with
    a stale `etag` is refused; None for types without one.
    """

    fields: Fields
    tags: Mapping[str, str] | None = None
    state: str | None = None
    etag: str | None = None

    @property
    def in_progress(self) -> bool:
        """Whether the resource is still being created, changed or deleted."""
        return self.state is not None and self.state.lower() in IN_PROGRESS

    @property
    def lab(self) -> str | None:
        """Return the name of the lab in the resource's tag; None if it has no such tag."""
        return None if self.tags is None else self.tags.get(TAG)


@dataclass(eq=False)
class Resource(ABC):
    """A resource of the lab. `parent` is the resource that contains it; None for the group."""

    context: Context
    name: str
    parent: Resource | None = None

    type: ClassVar[str]
    fixed: ClassVar[Mapping[str, str]] = {}
    """Fields that ARM cannot change after the creation, each with the lab's key that sets it."""
    hidden: ClassVar[frozenset[str]] = frozenset()
    """Fields whose values are never shown."""
    taggable: ClassVar[bool] = False
    slow: ClassVar[str | None] = None
    """How long its creation takes on Azure, for the progress line; None if it is quick."""

    @property
    @abstractmethod
    def id(self) -> str:
        """Return the ARM id."""

    @property
    def declared(self) -> bool:
        """Return whether the lab lists the resource under `existing:`."""
        return False

    @property
    def declare_with(self) -> str | None:
        """Return the lab's line that declares the resource as existing; None if its type has no such line."""
        return None

    @abstractmethod
    def desired(self) -> Fields:
        """Return the fields as the lab sets them; UNKNOWN if a field depends on a resource that does not exist yet."""

    @abstractmethod
    def read(self) -> Found | None:
        """Return the resource as it is on the cloud; None if it does not exist."""

    @abstractmethod
    def put(self, found: Found | None) -> None:
        """Create the resource, or change what differs from the lab. Returns when the cloud has finished.

        `found` is the resource as it was read; None if it does not exist. Raises the SDK's errors.
        """

    @abstractmethod
    def delete(self) -> None:
        """Delete the resource. Returns when it is gone; does nothing if it does not exist."""

    def obstacle(self) -> str | None:
        """Return why the resource cannot be created, found without creating anything; None if there is no reason."""
        return None


class SoftDeleting(Resource):
    """A resource whose name stays taken for days after its deletion, until it is purged."""

    @abstractmethod
    def holder(self) -> str | None:
        """Return the ARM id of the soft-deleted resource that holds this name; None when the name is free."""

    @abstractmethod
    def purge(self) -> None:
        """Free the name. Returns when it is free; does nothing if it already is."""

    @abstractmethod
    def purge_command(self) -> str:
        """Return the Azure CLI command that frees the name."""


def none_if_absent(call: Callable[[], Answer]) -> Answer | None:
    """Return the result of the call; None if ARM reports that the resource does not exist (404)."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return call()
    except ResourceNotFoundError:
        return None


def none_if_hidden(call: Callable[[], Answer]) -> Answer | None:
    """Return the result of the call; None if the resource does not exist, or reading it is forbidden.

    For optional look-ups only, which give an earlier and clearer message than the failing creation would.
    """
    from azure.core.exceptions import HttpResponseError

    try:
        return call()
    except HttpResponseError as error:
        if error.status_code in (403, 404):
            return None
        raise


def wait_for(poller: Any, heartbeat: Heartbeat) -> Any:
    """Wait for a long operation and return its result; call `heartbeat` every HEARTBEAT_S meanwhile."""
    while not poller.done():
        poller.wait(timeout=HEARTBEAT_S)
        if not poller.done():
            heartbeat()
    return poller.result()
