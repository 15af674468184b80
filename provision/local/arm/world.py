"""The state that every handler shares: the store, the principals, the operations and the outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from provision.local.arm.operations import Operations
from provision.local.arm.store import Resource, Store
from provision.local.identity.directory import Directory
from tripcurve.lab.local_options import LocalOptions

__all__ = ["DataPlane", "World"]


class DataPlane(Protocol):
    """The processes behind the control plane, as the control plane sees them."""

    def reserve(self, service_id: str) -> str:
        """The gateway URL of a service, held from now on. Raises OSError when its port is in use."""
        ...

    async def start(self, service: Resource) -> None:
        """Start the gateway's units; returns when they all answer. Raises RuntimeError when one does not."""
        ...

    async def stop(self, service_id: str) -> None:
        """Stop the units of a service and free its port."""
        ...

    async def publish(self) -> None:
        """Bring every running process up to date; returns when each has said so."""
        ...


@dataclass(slots=True)
class World:
    """The local subscription."""

    subscription_id: str
    tenant_id: str
    store: Store
    directory: Directory
    operations: Operations
    data_plane: DataPlane
    options: LocalOptions

    @property
    def subscription_path(self) -> str:
        return f"/subscriptions/{self.subscription_id}"
