"""Resources that `up` once created and the lab no longer asks for."""

from __future__ import annotations

from collections.abc import Callable

from provision.lifecycle.state import State
from provision.resources.account import Account, Deployment
from provision.resources.api import ApiImport, NamedValue
from provision.resources.backend import BackendEntity
from provision.resources.base import Context, Resource, SoftDeleting
from provision.resources.events import EventAccount, EventSubscription, account_name
from provision.resources.gateway import GatewayService
from provision.resources.graph import gateway_of
from provision.resources.group import Group
from provision.resources.site import ServicePlan, Site
from provision.resources.subscription import ApiSubscription

__all__ = ["orphans_of", "soft_deleted_of"]

Maker = Callable[[Context, str, Resource], Resource]


def orphans_of(context: Context, resources: list[Resource], state: State) -> list[Resource]:
    """Return the resources that `up` created and the lab no longer names, in the order of their creation.

    Parts of an orphan are not listed, because they are deleted with it. Only call `read` and `delete` on the results:
    the lab has no desired fields for them.
    """
    wanted = {resource.id.lower() for resource in resources}
    lost = [arm_id for arm_id in state.created if arm_id not in wanted]
    whole = [arm_id for arm_id in lost if not any(arm_id.startswith(f"{other}/") for other in lost)]
    return _resources(context, resources, whole)


def soft_deleted_of(context: Context, resources: list[Resource], state: State) -> list[SoftDeleting]:
    """Return the resources that were soft-deleted and not purged, whether or not the lab still names them."""
    found = _resources(context, resources, state.deleted)
    return [resource for resource in found if isinstance(resource, SoftDeleting)]


def _resources(context: Context, resources: list[Resource], arm_ids: list[str]) -> list[Resource]:
    named = {resource.id.lower(): resource for resource in resources}
    made = [named.get(arm_id) or _resource(context, resources, arm_id) for arm_id in arm_ids]
    return [resource for resource in made if resource is not None]


def _resource(context: Context, resources: list[Resource], arm_id: str) -> Resource | None:
    """Return the resource with this ARM id in the lab's group or gateway; None for a type that labs do not have."""
    group = next(resource for resource in resources if isinstance(resource, Group))
    gateway = gateway_of(resources)
    for prefix, parent, kinds in (
        (f"{gateway.id}/".lower(), gateway, _IN_GATEWAY),
        (f"{group.id}/providers/".lower(), group, _IN_GROUP),
    ):
        kind, _, name = arm_id.removeprefix(prefix).rpartition("/")
        if arm_id.startswith(prefix) and kind in kinds:
            return kinds[kind](context, name, parent)
    return _deployment(context, resources, arm_id)


def _deployment(context: Context, resources: list[Resource], arm_id: str) -> Resource | None:
    account_id, mark, name = arm_id.partition("/deployments/")
    account = next((resource for resource in resources if resource.id.lower() == account_id), None)
    return Deployment(context, f"{account.name}/{name}", account) if mark and account is not None else None


def _site(context: Context, name: str, group: Resource) -> Site:
    plan = ServicePlan(context, f"{context.lab.name}-mock-{context.lab.location}", group)
    return Site(context, name, group, plan=plan)


def _event_subscription(context: Context, name: str, gateway: Resource) -> EventSubscription:
    assert gateway.parent is not None  # noqa: S101  # the group, for the type checker
    account = EventAccount(context, account_name(context.group_id, context.lab.name), gateway.parent)
    return EventSubscription(context, name, account)


_IN_GROUP: dict[str, Maker] = {
    "microsoft.cognitiveservices/accounts": Account,
    "microsoft.apimanagement/service": GatewayService,
    "microsoft.web/serverfarms": ServicePlan,
    "microsoft.web/sites": _site,
    "microsoft.storage/storageaccounts": EventAccount,
}

_IN_GATEWAY: dict[str, Maker] = {
    "apis": ApiImport,
    "backends": BackendEntity,  # a pool is the same ARM type
    "namedvalues": NamedValue,
    "providers/microsoft.eventgrid/eventsubscriptions": _event_subscription,
    "subscriptions": ApiSubscription,
}
