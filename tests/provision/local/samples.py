"""What tests make: a service's body, and where a shared one stands."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SERVICE", "Place"]

SERVICE = {
    "location": "eastus",
    "sku": {"name": "BasicV2", "capacity": 1},
    "identity": {"type": "SystemAssigned"},
    "properties": {"publisherEmail": "noreply@contoso.com", "publisherName": "Contoso"},
}


@dataclass(frozen=True)
class Place:
    """A service in a group; `at` is how the SDK names it."""

    group: str
    service: str

    @property
    def at(self) -> tuple[str, str]:
        return self.group, self.service
