"""Check that the subscription's quotas have room for the lab: model capacity, accounts, App Service instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from provision.doctor.findings import Finding, error, ok, warning
from provision.resources.account import Account, Deployment
from provision.resources.base import Context, none_if_hidden
from provision.resources.graph import lab_resources
from provision.resources.site import ServicePlan
from tripcurve.lab import Model

if TYPE_CHECKING:
    from azure.mgmt.cognitiveservices.models import Usage
    from azure.mgmt.web.models import CsmUsageQuota

__all__ = ["model_quota", "site_quota"]

ACCOUNTS = "OpenAI.S0.AccountCount"
BASIC = ("basic", "b1")
"""Words in the name of App Service's quota for the tier of the mocks' plans; no document lists the names."""

Room = dict[str, tuple[float, float]]
"""Use and limit of each quota by its name in lower case."""


def model_quota(context: Context) -> list[Finding]:
    """Check the capacity of each model and deployment type, and the number of accounts, in each region."""
    needed = _needed(context)
    findings: list[Finding] = []
    for location in sorted({place for place, _ in needed}):
        room = _model_room(context, location)
        for (place, name), amount in needed.items():
            if place == location:
                findings.append(_fits(name, amount, room.get(name.lower()), location))
    return findings


def _model_room(context: Context, location: str) -> Room:
    """Return the quotas of Azure OpenAI in a region; none if they may not be read."""
    return _room(none_if_hidden(lambda: list(context.clients.cognitive.usages.list(location))) or [])


def _needed(context: Context) -> Counter[tuple[str, str]]:
    """Return what the lab adds to each quota, by region and the quota's name."""
    needed: Counter[tuple[str, str]] = Counter()
    for resource in lab_resources(context):
        if isinstance(resource, Account) and resource.read() is None:
            needed[resource.location, ACCOUNTS] += 1
        elif isinstance(resource, Deployment):
            needed[resource.location, _usage_name(context.lab.model)] += context.lab.model.capacity - _held(resource)
    return Counter({quota: amount for quota, amount in needed.items() if amount > 0})


def _usage_name(model: Model) -> str:
    return f"OpenAI.{model.sku}.{model.name}"


def _held(deployment: Deployment) -> int:
    """Return the capacity that an existing deployment has already; 0 if it does not exist."""
    found = deployment.read()
    return 0 if found is None else int(found.fields["capacity"] or 0)


def site_quota(context: Context) -> list[Finding]:
    """Check the App Service instances for the mocks, one in each region."""
    plans = [resource for resource in lab_resources(context) if isinstance(resource, ServicePlan)]
    return [_plan(context, plan) for plan in plans]


def _plan(context: Context, plan: ServicePlan) -> Finding:
    if plan.read() is not None:
        return ok("quota", f"app service plan {plan.name} exists")
    usages = none_if_hidden(lambda: list(context.clients.web.get_usages_in_location.list(plan.location))) or []
    names = {name: room for name, room in _room(usages).items() if any(word in name.split() for word in BASIC)}
    return _fits("App Service B1", 1, next(iter(names.values()), None), plan.location)


def _room(usages: Iterable[Usage] | Iterable[CsmUsageQuota]) -> Room:
    return {
        (usage.name.value or "").lower(): (float(usage.current_value or 0), float(usage.limit or 0))
        for usage in usages
        if usage.name is not None
    }


def _fits(name: str, amount: int, room: tuple[float, float] | None, location: str) -> Finding:
    """Return the finding about one quota, whose use and limit are None if the service does not list it."""
    if room is None:
        look = f"look at Quotas in the portal: {name}, {location}"
        return warning("quota", f"{name} in {location}: the service lists no limit", look)
    used, limit = room
    if used + amount <= limit:
        return ok("quota", f"{name} in {location}: room for {amount:,} more ({used:,.0f} of {limit:,.0f} used)")
    detail = f"{name} in {location}: no room for {amount:,} more ({used:,.0f} of {limit:,.0f} used)"
    return error("quota", detail, "lower model.capacity, change the location, or ask for more in the portal (Quotas)")
