"""The API Management service itself: names, tiers, identity, gateway URL, soft delete."""

from __future__ import annotations

import copy
import re
import secrets
from datetime import UTC, datetime, timedelta

from provision.local.arm.apim.skus import MOST_UNITS
from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind, merge
from provision.local.arm.errors import ArmError, validation_error
from provision.local.arm.identities import assigned_identities
from provision.local.arm.regions import display_name, region
from provision.local.arm.router import Router
from provision.local.arm.shapes import ServiceShape
from provision.local.arm.store import Resource
from provision.local.arm.trash import Trash
from provision.local.arm.world import World

__all__ = ["KIND", "NAMESPACE", "SERVICE", "SERVICE_TYPE", "Services"]

NAMESPACE = "Microsoft.ApiManagement"
SERVICE_TYPE = f"{NAMESPACE}/service"
SERVICE = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{SERVICE_TYPE}/{{service}}"
"""The route of a service; those of its parts begin with it."""
DELETED_TYPE = f"{NAMESPACE}/deletedservices"
KEPT = timedelta(hours=48)
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
_GLOBAL_POLICY = (
    "<policies>\r\n\t<inbound />\r\n\t<backend>\r\n\t\t<forward-request />\r\n\t</backend>\r\n\t<outbound />\r\n"
    "\t<on-error />\r\n</policies>"
)


def _prepare(draft: Draft) -> Json:
    if draft.existing is None:
        _check_new(draft)
    location = region(draft.sent.get("location"), SERVICE_TYPE)
    if draft.existing is not None and draft.existing.secrets["location"] != location:
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{draft.name}' already exists in location '{draft.existing.secrets['location']}' in "
            f"resource group '{draft.parent.name}'. A resource with the same name cannot be created in location "
            f"'{location}'. Please select a new resource name.",
        )
    sku = _sku(draft)
    draft.secrets["location"] = location
    return {
        "location": display_name(location),
        "tags": draft.sent.get("tags") or {},
        "sku": sku,
        **_identity(draft),
        "properties": _properties(draft),
    }


def _check_new(draft: Draft) -> None:
    if not _NAME.fullmatch(draft.name):
        raise ArmError(
            400,
            "InvalidParameters",
            "Invalid parameter: The provided service name is not valid: 1 to 50 characters, a letter first, then "
            "letters, digits and hyphens, no hyphen last.",
            target="name",
        )
    for other in draft.world.store.of_kind(SERVICE_TYPE):
        if other.name.lower() == draft.name.lower():
            raise ArmError(
                409, "ServiceNameNotAvailable", f"Api Management service name is not available: '{draft.name}'."
            )


def _sku(draft: Draft) -> Json:
    sent = draft.sent.get("sku")
    if not isinstance(sent, dict) or not sent.get("name"):
        raise ArmError(400, "InvalidParameters", "Invalid parameter: sku is required.", target="sku")
    name = next((known for known in MOST_UNITS if known.lower() == str(sent["name"]).lower()), None)
    if name is None:
        raise ArmError(
            400, "InvalidParameters", f"Invalid parameter: sku '{sent['name']}' must be one of {', '.join(MOST_UNITS)}."
        )
    capacity = 0 if name == "Consumption" else int(1 if sent.get("capacity") is None else sent["capacity"])
    if name != "Consumption" and not 1 <= capacity <= MOST_UNITS[name]:
        raise ArmError(
            400,
            "InvalidSkuCapacity",
            f"Sku capacity {capacity} is not valid for {name}: 1 to {MOST_UNITS[name]}.",
            target="sku.capacity",
        )
    _check_tier_change(draft, name)
    return {"name": name, "capacity": capacity}


def _check_tier_change(draft: Draft, name: str) -> None:
    known = name if draft.existing is None else str(draft.existing.body["sku"]["name"])
    families = {sku: "v2" if sku.endswith("V2") else sku if sku == "Consumption" else "classic" for sku in MOST_UNITS}
    if families[known] != families[name]:
        raise ArmError(400, "InvalidOperation", f"Changing the tier from {known} to {name} is not supported.")


def _identity(draft: Draft) -> Json:
    """Return the service's identities as ARM shows them: its own, and the user-assigned ones."""
    sent, directory = draft.sent.get("identity"), draft.world.directory
    if sent is None and draft.existing is not None:
        kept = draft.existing.body.get("identity")
        return {} if kept is None else {"identity": kept}
    sent = sent if isinstance(sent, dict) else {}
    kind = str(sent.get("type"))
    shown: Json = {"type": kind, "tenantId": draft.world.tenant_id}
    assigned = assigned_identities(draft, sent) if "UserAssigned" in kind else {}
    directory.assign(draft.id, tuple(assigned))
    if assigned:
        shown["userAssignedIdentities"] = assigned
    if "SystemAssigned" in kind:
        shown["principalId"] = directory.add_identity(draft.id).principal_id
    else:
        directory.remove_identity(draft.id)
    return {"identity": shown} if assigned or "SystemAssigned" in kind else {}


def _properties(draft: Draft) -> Json:
    old = {} if draft.existing is None else draft.existing.properties
    sent = {key: value for key, value in draft.properties.items() if key != "restore"}
    for key in ("publisherEmail", "publisherName"):
        if not sent.get(key) and not old.get(key):
            raise validation_error((key, f"'{key}' is required."))
    name = draft.name.lower()
    fixed: Json = {
        "notificationSenderEmail": "apimgmt-noreply@mail.windowsazure.com",
        "publicNetworkAccess": "Enabled",
        "virtualNetworkType": "None",
        "disableGateway": False,
        "customProperties": {},
        "developerPortalStatus": "Enabled",
    }
    given: Json = {
        "targetProvisioningState": "",
        "createdAtUtc": old.get("createdAtUtc") or datetime.now(UTC).isoformat(),
        "gatewayUrl": old.get("gatewayUrl") or _reserve(draft),
        "developerPortalUrl": f"https://{name}.developer.azure-api.net",
        "managementApiUrl": f"https://{name}.management.azure-api.net",
        "scmUrl": f"https://{name}.scm.azure-api.net",
        "platformVersion": "stv2.1",
        "hostnameConfigurations": [
            {
                "type": "Proxy",
                "hostName": f"{name}.azure-api.net",
                "defaultSslBinding": True,
                "certificateSource": "BuiltIn",
            }
        ],
    }
    return {**fixed, **copy.deepcopy(old), **copy.deepcopy(sent), **given}


def _reserve(draft: Draft) -> str:
    try:
        return draft.world.data_plane.reserve(draft.id)
    except OSError as error:
        raise ArmError(
            409, "GatewayPortInUse", f"The gateway's port cannot be used: {error}. Give another --gateway-port."
        ) from None


async def _created(world: World, service: Resource) -> None:
    """Add the child resources that every service has, then start its units."""
    if world.store.get(f"{service.id}/subscriptions/master") is None:
        _add_master(world, service)
        policy = Resource(
            f"{service.id}/policies/policy",
            f"{SERVICE_TYPE}/policies",
            "policy",
            {"properties": {"format": "xml", "value": _GLOBAL_POLICY}},
        )
        world.store.put(policy)
    try:
        await world.data_plane.start(service)
    except RuntimeError as error:
        raise ArmError(500, "ActivationFailed", f"The gateway did not start: {error}") from None


def _add_master(world: World, service: Resource) -> None:
    world.store.put(
        Resource(
            f"{service.id}/subscriptions/master",
            f"{SERVICE_TYPE}/subscriptions",
            "master",
            {
                "properties": {
                    "displayName": "Built-in all-access subscription",
                    "scope": f"{service.id}/",
                    "ownerId": f"{service.id}/users/1",
                    "state": "active",
                    "createdDate": datetime.now(UTC).isoformat(),
                    "allowTracing": False,
                }
            },
            secrets={"primaryKey": secrets.token_hex(16), "secondaryKey": secrets.token_hex(16)},
        )
    )


async def _deleting(world: World, service: Resource) -> None:
    await world.data_plane.stop(service.id)
    world.directory.remove_identity(service.id)
    world.directory.assign(service.id, ())


def _show(world: World, service: Resource) -> Json:
    return {**service.body, "etag": service.etag.strip('"')}


KIND = Kind(
    SERVICE_TYPE,
    SERVICE,
    _prepare,
    shape=ServiceShape,
    created=_created,
    deleting=_deleting,
    show=_show,
    put_style="both",
    delete_style="location",
)


class Services(Crud):
    """The handlers of services, with soft delete: Azure keeps a deleted service for 48 hours."""

    def __init__(self, world: World, trash: Trash) -> None:
        super().__init__(world, KIND)
        self._trash = trash

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        super().register(router, only)
        provider = f"/subscriptions/{{subscription}}/providers/{NAMESPACE}"
        deleted = f"{provider}/locations/{{location}}/deletedservices/{{service}}"
        router.add("GET", f"{provider}/service", self.list_all)
        router.add("POST", f"{provider}/checkNameAvailability", self.check_name)
        router.add("GET", f"{provider}/deletedservices", self._trash.index)
        router.add("GET", deleted, self._trash.get)
        router.add("DELETE", deleted, self._trash.purge)

    async def put(self, call: ArmCall) -> Answer:
        """Create, change or restore a service. Raises ArmError 409 if a soft-deleted service still has the name."""
        record = self._trash.by_name(call.params["service"])
        if record is None:
            return await super().put(call)
        self.parent(call)
        if not call.properties().get("restore"):
            raise ArmError(
                409,
                "ServiceAlreadyExistsInSoftDeletedState",
                f"Api service {record.name} was soft-deleted. In order to create the new service with the same name, "
                "you have to either undelete the service or purge it. See https://aka.ms/apimsoftdelete.",
            )
        return await self._undelete(call, record)

    async def _undelete(self, call: ArmCall, record: Resource) -> Answer:
        """Restore a service. All properties of the request except `restore` are ignored [D-SOFT]."""
        service = self._trash.restore(record)
        service.properties.pop("gatewayUrl", None)
        body = merge(service.body, {"properties": {"restore": None}})
        body["location"] = service.secrets["location"]
        call.body = body
        return await super().put(call)

    async def list_all(self, call: ArmCall) -> Answer:
        """List the services of all resource groups."""
        found = self._world.store.of_kind(SERVICE_TYPE)
        return Answer(200, {"value": [self.shown(service) for service in found]})

    async def check_name(self, call: ArmCall) -> Answer:
        """Answer whether a service can have this name."""
        name = str(call.json().get("name", ""))
        taken = any(found.name.lower() == name.lower() for found in self._world.store.of_kind(SERVICE_TYPE))
        if not _NAME.fullmatch(name):
            return Answer(200, {"nameAvailable": False, "reason": "Invalid", "message": f"'{name}' is not valid."})
        if taken or self._trash.by_name(name) is not None:
            return Answer(
                200, {"nameAvailable": False, "reason": "AlreadyExists", "message": f"{name} is already in use."}
            )
        return Answer(200, {"nameAvailable": True, "reason": "Valid", "message": ""})

    async def remove(self, resource: Resource) -> None:
        location = resource.secrets["location"]
        now = datetime.now(UTC)
        self._trash.keep(
            f"{self._world.subscription_path}/providers/{NAMESPACE}/locations/{location}/deletedservices/{resource.name}",
            resource,
            {
                "serviceId": resource.id,
                "deletionDate": now.isoformat(),
                "scheduledPurgeDate": (now + KEPT).isoformat(),
            },
        )
        await super().remove(resource)
