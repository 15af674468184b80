"""Checks of what Azure offers to the subscription: resource providers, regions, the gateway's tier and models."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provision.doctor.findings import Finding, error, ok, warning
from provision.resources.access import operation_of
from provision.resources.account import Account, Deployment
from provision.resources.base import Context, Resource, none_if_hidden
from provision.resources.events import EventAccount
from provision.resources.gateway import GatewayService
from provision.resources.graph import gateway_of, lab_resources
from provision.resources.group import plain_location
from provision.resources.site import ServicePlan, Site
from tripcurve.errors import BadInput

if TYPE_CHECKING:
    from azure.mgmt.apimanagement.models import ApiManagementSku, ApiManagementSkuRestrictions
    from azure.mgmt.cognitiveservices.models import Model
    from azure.mgmt.resource.resources.models import Provider

__all__ = ["gateway_tier", "models", "providers"]

ALWAYS_REGISTERED = {"Microsoft.Resources", "Microsoft.Authorization"}
RETIRES_SOON_DAYS = 90


def providers(context: Context) -> list[Finding]:
    """Check that each resource provider of the lab is registered, and offers its types in the lab's regions."""
    resources = lab_resources(context)
    places = _places(resources)
    found: list[Finding] = []
    for namespace in sorted({_kind(resource).partition("/")[0] for resource in resources} - ALWAYS_REGISTERED):
        provider = context.clients.resources.providers.get(namespace)
        found.append(_registration(namespace, provider.registration_state or "NotRegistered"))
        wanted = [(kind, location) for kind, location in places if kind.partition("/")[0] == namespace]
        found += _regions(provider, wanted)
    return found


def _places(resources: Iterable[Resource]) -> list[tuple[str, str]]:
    """Return type and region of each resource that has a region of its own, each pair once."""
    found = [(_kind(resource), location) for resource in resources if (location := _location(resource)) is not None]
    return list(dict.fromkeys(found))


def _kind(resource: Resource) -> str:
    """Return the ARM type, such as `Microsoft.ApiManagement/service`."""
    return operation_of("GET", resource.id).removesuffix("/read")


def _location(resource: Resource) -> str | None:
    if isinstance(resource, GatewayService):
        return resource.context.lab.location
    if isinstance(resource, Site):
        return resource.plan.location
    return resource.location if isinstance(resource, Account | ServicePlan | EventAccount) else None


def _registration(namespace: str, state: str) -> Finding:
    check, register = "provider", f"az provider register --namespace {namespace} --wait"
    if state == "Registered":
        return ok(check, f"{namespace} is registered")
    if state == "Registering":
        return warning(check, f"{namespace} is still being registered", "wait some minutes before `up`")
    return error(check, f"{namespace} is not registered in this subscription", f"run `{register}`")


def _regions(provider: Provider, wanted: list[tuple[str, str]]) -> list[Finding]:
    """Return a finding for each type that its provider does not offer in a region, or one for all that it does."""
    offered = {
        (kind.resource_type or "").lower(): [plain_location(region) for region in kind.locations or []]
        for kind in provider.resource_types or []
    }
    found: list[Finding] = []
    for kind, location in wanted:
        regions = offered.get(kind.partition("/")[2].lower())
        if regions is None or location in regions:
            continue
        detail = f"{kind} is not offered in {location}"
        found.append(error("region", detail, f"choose another location: {_several(regions)}", BadInput))
    if found or not wanted:
        return found
    return [ok("region", f"{', '.join(sorted({place for _, place in wanted}))} offers {provider.namespace}")]


def gateway_tier(context: Context) -> list[Finding]:
    """Check that the gateway's tier may be created in the region, with so many units."""
    gateway, lab = gateway_of(lab_resources(context)), context.lab
    check, tier = "gateway tier", lab.gateway.sku
    if gateway.read() is not None:
        return [ok(check, f"gateway {gateway.name} exists")]
    listed = none_if_hidden(lambda: list(context.clients.apim.api_management_skus.list()))
    rows = [row for row in listed or [] if (row.resource_type or "service").lower() == "service"]
    same = [row for row in rows if row.name == tier]
    if not same:
        look = f"look in the portal whether a gateway of tier {tier} can be created in {lab.location}"
        return [warning(check, f"Azure does not list the tier {tier} for this subscription", look)]
    here = [row for row in same if lab.location in map(plain_location, row.locations or [])]
    if not here:
        others = sorted({row.name or "" for row in rows if lab.location in map(plain_location, row.locations or [])})
        detail = f"{tier} is not offered in {lab.location}, which has {_several(others)}"
        return [error(check, detail, "change gateway.sku or location", BadInput)]
    units = 1 if lab.stated_units is None else lab.stated_units
    return _restrictions(here, tier, lab.location) or [_units(here, tier, units)]


def _restrictions(rows: list[ApiManagementSku], tier: str, location: str) -> list[Finding]:
    # The SDK's models declare these two attributes as None.
    every: list[ApiManagementSkuRestrictions] = [
        each for row in rows for each in getattr(row, "restrictions", None) or []
    ]
    found = [each for each in every if location in _restricted(each, location)]
    reasons = sorted({str(each.reason_code) for each in found})
    if not reasons:
        return []
    detail = f"{tier} may not be created in {location} by this subscription ({', '.join(reasons)})"
    return [error("gateway tier", detail, "choose another gateway.sku or location, or ask Azure support to lift it")]


def _restricted(restriction: ApiManagementSkuRestrictions, location: str) -> list[str]:
    """Return the regions that a restriction concerns: `location` if it names none."""
    info = restriction.restriction_info
    named = (None if info is None else info.locations) or restriction.values or [location]
    return [plain_location(region) for region in named]


def _units(rows: list[ApiManagementSku], tier: str, units: int) -> Finding:
    capacities = [getattr(row, "capacity", None) for row in rows]
    most = max((capacity.maximum or 0 for capacity in capacities if capacity is not None), default=0)
    if tier == "Consumption" or most == 0 or units <= most:
        return ok("gateway tier", f"{tier} with {units} {'unit' if units == 1 else 'units'} is offered")
    detail = f"{tier} has at most {most} units; the lab asks for {units}"
    return error("gateway tier", detail, "lower gateway.units, or choose a larger tier", BadInput)


def models(context: Context, now: datetime | None = None) -> list[Finding]:
    """Check that each account's region offers the lab's model and deployment type, and when the model retires.

    `now` None means the time at the call.
    """
    deployments = [resource for resource in lab_resources(context) if isinstance(resource, Deployment)]
    return [_model(context, deployment, datetime.now(UTC) if now is None else now) for deployment in deployments]


def _model(context: Context, deployment: Deployment, now: datetime) -> Finding:
    if deployment.parent is not None and deployment.parent.read() is not None and deployment.read() is not None:
        return ok("model", f"deployment {deployment.name} exists")
    wanted, location = context.lab.model, deployment.location
    named = f"{wanted.name} {wanted.version} in {location}"
    obstacle = deployment.obstacle()
    if obstacle is not None:
        return error("model", *obstacle.partition("; ")[::2], BadInput)
    catalogue = none_if_hidden(lambda: list(context.clients.cognitive.models.list(location))) or []
    entry = next((item for item in catalogue if _is(item, wanted.name, wanted.version)), None)
    if entry is None:
        return warning("model", f"the models of {location} cannot be listed", "ask for the role `Reader`")
    types = [sku.name or "" for sku in (entry.model.skus if entry.model is not None else None) or []]
    if types and wanted.sku not in types:
        detail = f"{named} has no deployment type {wanted.sku}; it has {_several(types)}"
        return error("model", detail, "change model.sku or location", BadInput)
    return _retirement(named, entry, now)


def _is(item: Model, name: str, version: str) -> bool:
    return item.model is not None and (item.model.name, item.model.version) == (name, version)


def _retirement(named: str, entry: Model, now: datetime) -> Finding:
    deprecation = None if entry.model is None else entry.model.deprecation
    date = None if deprecation is None else _instant(deprecation.inference)
    if date is None:
        return ok("model", f"{named} is offered")
    other = "choose a newer model.version or model.name"
    if date <= now:
        return error("model", f"{named} was retired on {date:%Y-%m-%d}", other, BadInput)
    if (date - now).days < RETIRES_SOON_DAYS:
        return warning("model", f"{named} retires on {date:%Y-%m-%d}", other)
    return ok("model", f"{named} is offered until {date:%Y-%m-%d}")


def _instant(text: str | None) -> datetime | None:
    """Return an ISO 8601 instant; None if there is none, or it has another form."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _several(names: list[str], most: int = 6) -> str:
    """Return the first of some names as a list in words."""
    if not names:
        return "none"
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
