"""One resource of a lab: its desired state, its state on the cloud, and how it is created, changed and deleted."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
"""Tag, on every resource that takes tags, naming the lab that created it."""

UNKNOWN: Final = "(known after apply)"
"""Value of a field that depends on a resource not made yet."""

IN_PROGRESS: Final = frozenset(
    {"accepted", "activating", "created", "creating", "updating", "deleting", "moving", "resolvingdns", "inprogress"}
)
"""Provisioning states, lower case, in which ARM refuses another change."""

Fields = dict[str, Any]
Answer = TypeVar("Answer")
Heartbeat = Callable[[], None]


@dataclass
class Context:
    """What the resources of one lab share while they are read or made.

    `lab_file` is None for a lab that came from no file. `principal_id` and `gateway_url` are None until the
    gateway is there. `heartbeat` is called about once a second while a long operation runs.
    """

    lab: Lab
    cloud: Cloud
    clients: Clients
    policy_file: Path
    lab_file: Path | None = None
    principal_id: str | None = None
    gateway_url: str | None = None
    heartbeat: Heartbeat = field(default=lambda: None)

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.cloud.subscription_id}/resourceGroups/{self.lab.resource_group}"

    @property
    def gateway_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.ApiManagement/service/{self.lab.gateway.name}"

    @property
    def purge_command(self) -> str:
        """The command that frees what this lab soft-deleted, naming the lab as a command line can find it."""
        shipped = self.lab_file is None or self.lab_file.parent == shipped_folder(LABS)
        return f"tripcurve down {self.lab.name if shipped else shlex.quote(str(self.lab_file))} --purge"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of what this lab creates."""
        return {TAG: self.lab.name}


@dataclass(frozen=True)
class Found:
    """A resource as the service describes it.

    `tags` is None for types that take none. `state` is the provisioning state, None where the type has
    none. `etag` guards a change against another's, None where the type has none.
    """

    fields: Fields
    tags: Mapping[str, str] | None = None
    state: str | None = None
    etag: str | None = None

    @property
    def in_progress(self) -> bool:
        return self.state is not None and self.state.lower() in IN_PROGRESS

    @property
    def lab(self) -> str | None:
        """The lab that its tag names; None without that tag."""
        return None if self.tags is None else self.tags.get(TAG)


@dataclass(eq=False)
class Resource(ABC):
    """A resource of the lab. `parent` is the resource it lives and dies with, None for the group."""

    context: Context
    name: str
    parent: Resource | None = None

    type: ClassVar[str]
    fixed: ClassVar[Mapping[str, str]] = {}
    """Fields that ARM cannot change once made, each with the lab's key that sets it."""
    hidden: ClassVar[frozenset[str]] = frozenset()
    """Fields whose values are never shown."""
    taggable: ClassVar[bool] = False
    slow: ClassVar[str | None] = None
    """What to tell a person who waits for its creation on Azure; None when it is quick."""

    @property
    @abstractmethod
    def id(self) -> str:
        """ARM id."""

    @property
    def declared(self) -> bool:
        """Whether the lab says, under `existing:`, that it was there before."""
        return False

    @property
    def declare_with(self) -> str | None:
        """The lab's line that would declare it existing; None when there is no such line."""
        return None

    @abstractmethod
    def desired(self) -> Fields:
        """The fields the lab asks for, UNKNOWN where they depend on what is not made yet."""

    @abstractmethod
    def read(self) -> Found | None:
        """What is there; None when it is not."""

    @abstractmethod
    def put(self, found: Found | None) -> None:
        """Create it (found is None) or bring it to what the lab asks for. Returns when it is done."""

    @abstractmethod
    def delete(self) -> None:
        """Delete it. Returns when it is gone, at once when it was."""

    def obstacle(self) -> str | None:
        """Why it cannot be created, known without asking the service; None when nothing is in the way."""
        return None


class SoftDeleting(Resource):
    """A resource whose name stays taken for days after its deletion, until it is purged."""

    @abstractmethod
    def holder(self) -> str | None:
        """ARM id of the soft-deleted resource that holds this name; None when the name is free."""

    @abstractmethod
    def purge(self) -> None:
        """Free the name. Returns when it is free, at once when it was."""

    @abstractmethod
    def purge_command(self) -> str:
        """The Azure CLI command that frees the name."""


def none_if_absent(call: Callable[[], Answer]) -> Answer | None:
    """What the call returns; None when ARM says there is no such resource."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return call()
    except ResourceNotFoundError:
        return None


def none_if_hidden(call: Callable[[], Answer]) -> Answer | None:
    """What the call returns; None when there is no such resource, or we may not look.

    For look-ups that are a courtesy: what they would find, the creation itself tells too, in worse words.
    """
    from azure.core.exceptions import HttpResponseError

    try:
        return call()
    except HttpResponseError as error:
        if error.status_code in (403, 404):
            return None
        raise


def wait_for(poller: Any, heartbeat: Heartbeat) -> Any:
    """The result of a long operation, calling `heartbeat` about once a second until it is there."""
    while not poller.done():
        poller.wait(timeout=1.0)
        if not poller.done():
            heartbeat()
    return poller.result()
