"""The API Management service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from provision.resources.base import UNKNOWN, Fields, Found, SoftDeleting, none_if_absent, none_if_hidden, wait_for
from provision.resources.group import plain_location
from provision.resources.subscription import subscription_name

if TYPE_CHECKING:
    from azure.mgmt.apimanagement.models import (
        ApiManagementServiceIdentity,
        ApiManagementServiceResource,
        ApiManagementServiceUpdateParameters,
        DeletedServiceContract,
    )

__all__ = ["GatewayService"]

IDENTITY_VERSION = "2023-01-31"
"""The api-version of user-assigned identities."""
MASTER = "master"
"""The built-in subscription with access to all APIs, whose key the seed uses."""


class GatewayService(SoftDeleting):
    """The gateway, with the managed identity that authenticates it to its backends.

    `_identity` is the identity as it was read; None if it was not read or has none.
    """

    type = "gateway"
    fixed: ClassVar[Mapping[str, str]] = {"location": "location", "sku": "gateway.sku"}
    taggable = True
    slow = "Azure takes a few minutes (v2 tiers) to almost an hour (classic tiers)"
    _identity: ApiManagementServiceIdentity | None = None

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
        fields: Fields = {"location": lab.location, "sku": lab.gateway.sku, "identity": self._wanted_identity}
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
        present = _present(service.identity)
        fields = {
            "location": plain_location(service.location),
            "sku": service.sku.name,
            "units": service.sku.capacity,
            # Other identities beside the lab's do not count as a difference.
            "identity": self._wanted_identity if self._wanted_identity in present else ", ".join(present) or None,
            "publisher_name": service.publisher_name,
            "publisher_email": service.publisher_email,
        }
        return Found(fields, tags=service.tags or {}, state=service.provisioning_state, etag=service.etag)

    def put(self, found: Found | None) -> None:
        services = self.context.clients.apim.api_management_service
        group = self.context.lab.resource_group
        if found is None or (found.state or "").lower() == "failed":
            poller = services.begin_create_or_update(group, self.name, self._whole(found), **self._version)
        else:
            poller = services.begin_update(group, self.name, self._part(found), **self._version)
        self._remember(wait_for(poller, self.context.heartbeat))

    @property
    def _version(self) -> dict[str, str]:
        """Return the api-version if the SDK's own, 2024-05-01, does not have the tier."""
        gateway = self.context.lab.gateway
        return {"api_version": gateway.api_version} if gateway.sku == "PremiumV2" else {}

    def _whole(self, found: Found | None) -> ApiManagementServiceResource:
        from azure.mgmt.apimanagement import models

        gateway = self.context.lab.gateway
        return models.ApiManagementServiceResource(
            location=self.context.lab.location,
            sku=models.ApiManagementServiceSkuProperties(name=gateway.sku, capacity=self.capacity(found)),
            identity=self._identities(),
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

    @property
    def _wanted_identity(self) -> str:
        """The lab's identity as `_present` names it."""
        identity = self.context.lab.gateway.identity
        return "SystemAssigned" if identity == "system" else identity.lower()

    def _identities(self) -> ApiManagementServiceIdentity:
        """Return the identities in force and the lab's, because an update replaces them all."""
        from azure.mgmt.apimanagement import models

        wanted = sorted({*_present(self._identity), self._wanted_identity})
        assigned = {name: models.UserIdentityProperties() for name in wanted if name != "SystemAssigned"}
        kinds = [*(["SystemAssigned"] if "SystemAssigned" in wanted else []), *(["UserAssigned"] if assigned else [])]
        return models.ApiManagementServiceIdentity(type=", ".join(kinds), user_assigned_identities=assigned or None)

    def obstacle(self) -> str | None:
        identity, resources = self.context.lab.gateway.identity, self.context.clients.resources.resources
        if identity == "system":
            return None
        if none_if_hidden(lambda: resources.get_by_id(identity, api_version=IDENTITY_VERSION)) is not None:
            return None
        return (
            f"gateway.identity: {identity} does not exist, or must not be read; create it, ask for the role `Reader` "
            "on it, or write `system`"
        )

    def _remember(self, service: ApiManagementServiceResource) -> None:
        self.context.gateway_url = service.gateway_url
        self._identity = identity = service.identity
        assigned = {} if identity is None else identity.user_assigned_identities or {}
        own = next((one for name, one in assigned.items() if name.lower() == self._wanted_identity), None)
        self.context.client_id = None if own is None else own.client_id
        caller = identity if self._wanted_identity == "SystemAssigned" else own
        self.context.principal_id = None if caller is None else caller.principal_id

    def api_key(self) -> str:
        """Return the primary key of the subscription that the lab asks for, which is a secret."""
        lab, subscriptions = self.context.lab, self.context.clients.apim.subscription
        name = MASTER if lab.api.subscription == "master" else subscription_name(lab.name)
        return subscriptions.list_secrets(lab.resource_group, self.name, name).primary_key or ""

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


def _present(identity: ApiManagementServiceIdentity | None) -> list[str]:
    """Return `SystemAssigned` if the service has its own identity, and the lower-case ids of user-assigned ones."""
    if identity is None:
        return []
    own = ["SystemAssigned"] if "SystemAssigned" in str(identity.type) else []
    return [*own, *(name.lower() for name in identity.user_assigned_identities or {})]
