"""The API Management service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from provision.resources.base import UNKNOWN, Fields, Found, SoftDeleting, none_if_absent, none_if_hidden, wait_for
from provision.resources.group import plain_location

if TYPE_CHECKING:
    from azure.mgmt.apimanagement.models import (
        ApiManagementServiceResource,
        ApiManagementServiceUpdateParameters,
        DeletedServiceContract,
    )

__all__ = ["GatewayService"]

MASTER = "master"
"""The built-in subscription with access to all APIs, whose key the seed uses."""


class GatewayService(SoftDeleting):
    """The gateway, with the managed identity that authenticates it to its backends."""

    type = "gateway"
    fixed: ClassVar[Mapping[str, str]] = {"location": "location", "sku": "gateway.sku"}
    taggable = True
    slow = "Azure takes a few minutes (v2 tiers) to almost an hour (classic tiers)"

    @property
    def id(self) -> str:
        return f"{self.context.group_id}/providers/Microsoft.ApiManagement/service/{self.name}"

    @property
    def declared(self) -> bool:
        return self.context.lab.existing.gateway

    @property
    def declare_with(self) -> str:
        return "existing: {gateway: true}"

    def desired(self) -> Fields:
        lab = self.context.lab
        fields: Fields = {"location": lab.location, "sku": lab.gateway.sku, "identity": "SystemAssigned"}
        if lab.gateway.sku != "Consumption" and lab.stated_units is not None:  # Consumption has no units
            fields["units"] = lab.stated_units
        if not self.declared:
            fields["publisher_name"] = lab.gateway.publisher.name
            fields["publisher_email"] = lab.gateway.publisher.email
        return fields

    def read(self) -> Found | None:
        services = self.context.clients.apim.api_management_service
        service = none_if_absent(lambda: services.get(self.context.lab.resource_group, self.name))
        if service is None:
            return None
        self._remember(service)
        identity = None if service.identity is None else str(service.identity.type)
        fields = {
            "location": plain_location(service.location),
            "sku": service.sku.name,
            "units": service.sku.capacity,
            # A user-assigned identity beside the system-assigned one does not count as a difference.
            "identity": "SystemAssigned" if identity is not None and "SystemAssigned" in identity else identity,
            "publisher_name": service.publisher_name,
            "publisher_email": service.publisher_email,
        }
        return Found(fields, tags=service.tags or {}, state=service.provisioning_state, etag=service.etag)

    def put(self, found: Found | None) -> None:
        services = self.context.clients.apim.api_management_service
        group = self.context.lab.resource_group
        if found is None or (found.state or "").lower() == "failed":
            poller = services.begin_create_or_update(group, self.name, self._whole(found))
        else:
            poller = services.begin_update(group, self.name, self._part(found))
        self._remember(wait_for(poller, self.context.heartbeat))

    def _whole(self, found: Found | None) -> ApiManagementServiceResource:
        from azure.mgmt.apimanagement import models

        gateway = self.context.lab.gateway
        return models.ApiManagementServiceResource(
            location=self.context.lab.location,
            sku=models.ApiManagementServiceSkuProperties(name=gateway.sku, capacity=self.capacity(found)),
            identity=models.ApiManagementServiceIdentity(type="SystemAssigned"),
            publisher_name=gateway.publisher.name,
            publisher_email=gateway.publisher.email,
            tags=self.context.tags,
        )

    def _part(self, found: Found) -> ApiManagementServiceUpdateParameters:
        """Return an update with only the fields that the lab sets, so that host names, networks and others stay."""
        from azure.mgmt.apimanagement import models

        whole = self._whole(found)
        return models.ApiManagementServiceUpdateParameters(
            sku=whole.sku,
            identity=whole.identity,
            publisher_name=whole.publisher_name,
            publisher_email=whole.publisher_email,
        )

    def capacity(self, found: Found | None) -> int:
        """Return the number of units to ask for. If unknown: the present one, or 1 for a new one."""
        lab = self.context.lab
        if lab.gateway.sku == "Consumption":
            return 0
        if lab.stated_units is not None:
            return lab.stated_units
        return 1 if found is None else int(found.fields.get("units") or 1)

    def _remember(self, service: ApiManagementServiceResource) -> None:
        self.context.gateway_url = service.gateway_url
        self.context.principal_id = None if service.identity is None else service.identity.principal_id

    def master_key(self) -> str:
        """Return the primary key of the all-access subscription, which is a secret."""
        subscriptions = self.context.clients.apim.subscription
        keys = subscriptions.list_secrets(self.context.lab.resource_group, self.name, MASTER)
        return keys.primary_key or ""

    def delete(self) -> None:
        services = self.context.clients.apim.api_management_service
        poller = none_if_absent(lambda: services.begin_delete(self.context.lab.resource_group, self.name))
        if poller is not None:
            wait_for(poller, self.context.heartbeat)

    def holder(self) -> str | None:
        record = self._soft_deleted()
        return None if record is None else record.service_id or UNKNOWN

    def _soft_deleted(self) -> DeletedServiceContract | None:
        """Return the soft-deleted service of this name in any location; None if there is none."""
        deleted = self.context.clients.apim.deleted_services
        name = self.name.lower()
        found = none_if_hidden(
            lambda: [one for one in deleted.list_by_subscription() if (one.name or "").lower() == name]
        )
        return None if not found else found[0]

    def purge(self) -> None:
        deleted = self.context.clients.apim.deleted_services
        record = self._soft_deleted()
        if record is None:
            return
        location = plain_location(record.location) or self.context.lab.location
        poller = none_if_absent(lambda: deleted.begin_purge(self.name, location))
        if poller is not None:
            wait_for(poller, self.context.heartbeat)

    def purge_command(self) -> str:
        record = self._soft_deleted()
        location = (None if record is None else plain_location(record.location)) or self.context.lab.location
        return f"az apim deletedservice purge --service-name {self.name} --location {location}"
