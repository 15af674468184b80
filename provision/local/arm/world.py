"""The state that all handlers share: the store, the principals, the operations and the data plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from provision.local.arm.operations import Operations
from provision.local.arm.store import Resource, Store
from provision.local.identity.directory import Directory
from tripcurve.lab.local_options import LocalOptions

__all__ = ["DataPlane", "World"]


class DataPlane(Protocol):
    """The processes behind the control plane, as the control plane sees them."""

    def reserve(self, service_id: str) -> str:
        """Hold a port for a service and return its gateway URL. Raises OSError if the port is in use."""
        ...

    async def start(self, service: Resource) -> None:
        """Start the gateway's units and wait until all answer. Raises RuntimeError if one does not."""
        ...

    async def stop(self, service_id: str) -> None:
        """Stop the units of a service and free its port."""
        ...

    async def publish(self) -> None:
        """Send every running process its changed state, and wait until each has applied it."""
        ...


@dataclass(slots=True)
class World:
    """The shared state of the local subscription's handlers.

    `unregistered`: namespaces of the resource providers that are not registered, in lower case.
    """

    subscription_id: str
    tenant_id: str
    store: Store
    directory: Directory
    operations: Operations
    data_plane: DataPlane
    options: LocalOptions
    unregistered: set[str] = field(default_factory=set)

    @property
    def subscription_path(self) -> str:
        """The ARM id of the only subscription."""
        return f"/subscriptions/{self.subscription_id}"
