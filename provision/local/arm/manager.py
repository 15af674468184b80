"""The control plane: the routes of all types, and the checks that ARM makes before each call."""

from __future__ import annotations

from provision.local.arm import eventing, web
from provision.local.arm.apim import apis, backends, policies, products, service, skus, subscriptions, values
from provision.local.arm.call import Answer, ArmCall
from provision.local.arm.cognitive import ACCOUNT, DELETED_ACCOUNT_TYPE, DEPLOYMENT, Accounts
from provision.local.arm.crud import Crud
from provision.local.arm.errors import ArmError
from provision.local.arm.eventing import EventSubscriptions
from provision.local.arm.groups import Groups, Remover
from provision.local.arm.identities import IDENTITY
from provision.local.arm.names import Names
from provision.local.arm.permissions import Permissions, check_permission
from provision.local.arm.quotas import Quotas
from provision.local.arm.roles import Roles
from provision.local.arm.router import Router
from provision.local.arm.store import Resource
from provision.local.arm.tenant import Tenant, check_registered
from provision.local.arm.trash import Trash
from provision.local.arm.versions import check_version
from provision.local.arm.world import World

__all__ = ["Manager"]


class Manager:
    """Answers calls; the caller has already checked the token."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._router = Router()
        world.store.put(
            Resource(world.subscription_path, "Microsoft.Resources/subscriptions", world.subscription_id, {})
        )
        self._register()

    def _register(self) -> None:
        world, router = self._world, self._router
        services = service.Services(world, Trash(world, service.DELETED_TYPE, "serviceId"))
        accounts = Accounts(world, Trash(world, DELETED_ACCOUNT_TYPE, "accountId"))
        sites, plans, identities = web.Sites(world), Crud(world, web.PLAN), Crud(world, IDENTITY)
        removers: dict[str, Remover] = {
            service.KIND.type: services.remove,
            ACCOUNT.type: accounts.remove,
            web.SITE.type: sites.remove,
            web.PLAN.type: plans.remove,
            IDENTITY.type: identities.remove,
        }
        Tenant(world).register(router)
        Groups(world, removers).register(router)
        for crud in (services, accounts, sites, plans, identities, Crud(world, DEPLOYMENT)):
            crud.register(router)
        self._register_service_children()
        stores = Crud(world, eventing.ACCOUNT)
        stores.register(router)
        removers[eventing.ACCOUNT.type] = stores.remove
        Crud(world, eventing.QUEUE).register(router)
        for more in (Roles(world), Permissions(world), Names(world), Quotas(world), EventSubscriptions(world)):
            more.register(router)
        skus.register_skus(router)
        self._register_operations()

    def _register_service_children(self) -> None:
        world, router = self._world, self._router
        backends.Backends(world, backends.KIND).register(router)
        apis.Apis(world, apis.API).register(router)
        Crud(world, apis.OPERATION).register(router)
        policies.register(world, router)
        subscriptions.Subscriptions(world, subscriptions.KIND).register(router)
        values.NamedValues(world, values.NAMED_VALUE).register(router)
        Crud(world, values.FRAGMENT).register(router)
        products.Products(world, products.KIND).register(router)

    def _register_operations(self) -> None:
        root = "/subscriptions/{subscription}/providers/{namespace}/locations/{location}"
        self._router.add("GET", f"{root}/operationStatuses/{{operation}}", self._world.operations.status)
        self._router.add("GET", f"{root}/operationResults/{{operation}}", self._world.operations.outcome)
        tenant = f"{service.SERVICE}/tenant"
        self._router.add("GET", f"{tenant}/operationStatuses/{{operation}}", self._world.operations.status)
        self._router.add("GET", f"{tenant}/operationResults/{{operation}}", self._world.operations.outcome)

    async def answer(self, call: ArmCall) -> Answer:
        """Answer a call. A change is answered only after every process has applied it. Raises ArmError."""
        if not call.api_version:
            raise ArmError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        handler, params = self._router.find(call.method, call.path)
        call.params = params
        self._check_subscription(call)
        check_version(call)
        check_permission(self._world, call)
        check_registered(self._world, call)
        answer = await handler(call)
        if call.method not in ("GET", "HEAD"):
            await self._world.data_plane.publish()
        return answer

    def _check_subscription(self, call: ArmCall) -> None:
        parts = call.path.strip("/").split("/")
        if parts[0].lower() == "subscriptions" and len(parts) > 1 and parts[1].lower() != self._world.subscription_id:
            raise ArmError(404, "SubscriptionNotFound", f"The subscription '{parts[1]}' could not be found.")
        if "subscription" in call.params:
            call.params["subscription"] = self._world.subscription_id
