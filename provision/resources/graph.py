"""The resources of a lab, in the order in which they are created."""

from __future__ import annotations

from provision.resources.account import Account, Deployment
from provision.resources.api import ApiImport, ApiPolicy, NamedValue
from provision.resources.backend import BackendEntity, PoolEntity
from provision.resources.base import Context, Resource
from provision.resources.events import event_resources
from provision.resources.gateway import GatewayService
from provision.resources.group import Group
from provision.resources.role import RoleAssignment
from provision.resources.site import ServicePlan, Site
from provision.resources.subscription import ApiSubscription, subscription_name

__all__ = ["gateway_of", "lab_resources"]


def lab_resources(context: Context) -> list[Resource]:
    """Return every resource of the lab, each after those it depends on. Delete them in reverse order."""
    group = Group(context, context.lab.resource_group)
    gateway = GatewayService(context, context.lab.gateway.name, group)
    models, roles = _accounts(context, group)
    events = event_resources(context, group) if context.lab.events else []
    return [group, *models, *_mocks(context, group), gateway, *roles, *_inside(context, gateway), *events]


def gateway_of(resources: list[Resource]) -> GatewayService:
    """Return the gateway among a lab's resources, which always have exactly one."""
    return next(resource for resource in resources if isinstance(resource, GatewayService))


def _accounts(context: Context, group: Group) -> tuple[list[Resource], list[Resource]]:
    """Return the accounts with their deployments, and the role assignments, which must come after the gateway."""
    models: list[Resource] = []
    roles: list[Resource] = []
    for backend in context.lab.backends:
        if backend.kind == "openai":
            account = Account(context, backend.name, group)
            models += [account, Deployment(context, f"{backend.name}/{context.lab.model.deployment}", account)]
            roles.append(RoleAssignment(context, f"gateway on {backend.name}", account))
    return models, roles


def _mocks(context: Context, group: Group) -> list[Resource]:
    """Return the mock web apps, and one plan for each region they are in."""
    mocks = [backend for backend in context.lab.backends if backend.kind == "mock"]
    plans: dict[str, ServicePlan] = {}
    sites: list[Resource] = []
    for backend in mocks:
        location = backend.location or context.lab.location
        name = f"{context.lab.name}-mock-{location}"
        plan = plans.setdefault(location, ServicePlan(context, name, group))
        sites.append(Site(context, backend.name, group, plan=plan))
    return [*plans.values(), *sites]


def _inside(context: Context, gateway: GatewayService) -> list[Resource]:
    """Return the parts of the gateway: backends, pool, the API, its subscription, its policy and the named values."""
    lab = context.lab
    api = ApiImport(context, lab.api.id, gateway)
    backends = [BackendEntity(context, backend.name, gateway) for backend in lab.backends]
    pool = [PoolEntity(context, lab.pool.name, gateway)] if lab.has_pool else []
    values = [NamedValue(context, name, gateway) for name in lab.api.named_values]
    own = lab.api.subscription == "api"
    keys = [ApiSubscription(context, subscription_name(lab.name), gateway)] if own else []
    return [*backends, *pool, api, *keys, *values, ApiPolicy(context, lab.api.id, api)]
