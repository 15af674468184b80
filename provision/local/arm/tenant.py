"""The levels above resource groups: tenants, the subscription, its providers and regions."""

from __future__ import annotations

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.errors import ArmError
from provision.local.arm.groups import outline
from provision.local.arm.regions import NAMES, display_name
from provision.local.arm.roles import ASSIGNMENT_TYPE
from provision.local.arm.router import Router
from provision.local.arm.versions import API_MANAGEMENT
from provision.local.arm.world import World

__all__ = ["Tenant", "check_registered"]

# Each provider's types and api-versions, newest first, which `az` looks up before generic calls.
_NEWEST_FIRST = tuple(reversed(API_MANAGEMENT))
_PROVIDERS: dict[str, dict[str, tuple[str, ...]]] = {
    "Microsoft.ApiManagement": {"service": _NEWEST_FIRST, "deletedservices": _NEWEST_FIRST},
    "Microsoft.CognitiveServices": {"accounts": ("2025-09-01",), "deletedAccounts": ("2025-09-01",)},
    "Microsoft.Web": {"sites": ("2025-05-01",), "serverfarms": ("2025-05-01",)},
    "Microsoft.Storage": {"storageAccounts": ("2024-01-01",)},
    "Microsoft.EventGrid": {"eventSubscriptions": ("2025-02-15",)},
    "Microsoft.Authorization": {"roleAssignments": ("2022-04-01",), "roleDefinitions": ("2022-04-01",)},
    "Microsoft.ManagedIdentity": {"userAssignedIdentities": ("2024-11-30", "2023-01-31")},
    "Microsoft.Resources": {"resourceGroups": ("2025-04-01",), "subscriptions": ("2022-12-01",)},
}


class Tenant:
    """The handlers. The tenant has one subscription, and all its providers are registered at first."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        one = "/subscriptions/{subscription}"
        router.add("GET", "/tenants", self.tenants)
        router.add("GET", "/subscriptions", self.subscriptions)
        router.add("GET", one, self.subscription)
        router.add("GET", f"{one}/locations", self.locations)
        router.add("GET", f"{one}/providers", self.providers)
        router.add("GET", f"{one}/providers/{{namespace}}", self.provider)
        router.add("POST", f"{one}/providers/{{namespace}}/register", self.register_provider)
        router.add("POST", f"{one}/providers/{{namespace}}/unregister", self.unregister_provider)
        router.add("GET", f"{one}/resources", self.resources)

    async def tenants(self, call: ArmCall) -> Answer:
        del call
        tenant = self._world.tenant_id
        shown = {
            "id": f"/tenants/{tenant}",
            "tenantId": tenant,
            "displayName": "Tripcurve",
            "tenantCategory": "Home",
            "defaultDomain": "tripcurve.localhost",
        }
        return Answer(200, {"value": [shown]})

    async def subscriptions(self, call: ArmCall) -> Answer:
        del call
        return Answer(200, {"value": [self._shown()], "count": {"type": "Total", "value": 1}})

    async def subscription(self, call: ArmCall) -> Answer:
        del call
        return Answer(200, self._shown())

    async def locations(self, call: ArmCall) -> Answer:
        del call
        root = self._world.subscription_path
        shown = [
            {
                "id": f"{root}/locations/{name}",
                "name": name,
                "type": "Region",
                "displayName": display_name(name),
                "regionalDisplayName": display_name(name),
                "metadata": {"regionType": "Physical"},
            }
            for name in sorted(NAMES)
        ]
        return Answer(200, {"value": shown})

    async def providers(self, call: ArmCall) -> Answer:
        del call
        return Answer(200, {"value": [self._provider(name) for name in _PROVIDERS]})

    async def provider(self, call: ArmCall) -> Answer:
        """Answer with a resource provider. Raises ArmError 404 for an unknown one."""
        return Answer(200, self._provider(_known(call)))

    async def register_provider(self, call: ArmCall) -> Answer:
        """Register a resource provider, which on Azure takes a minute. Raises ArmError 404 for an unknown one."""
        name = _known(call)
        self._world.unregistered.discard(name.lower())
        return Answer(200, self._provider(name))

    async def unregister_provider(self, call: ArmCall) -> Answer:
        """Unregister a resource provider. Raises ArmError 404 for an unknown one."""
        name = _known(call)
        self._world.unregistered.add(name.lower())
        return Answer(200, self._provider(name))

    async def resources(self, call: ArmCall) -> Answer:
        """Return every resource directly in a group, without properties."""
        del call
        below = self._world.store.below(self._world.subscription_path + "/resourceGroups")
        tops = [found for found in below if found.id.count("/") == 8 and found.kind != ASSIGNMENT_TYPE]
        return Answer(200, {"value": [outline(found) for found in tops]})

    def _shown(self) -> Json:
        return {
            "id": self._world.subscription_path,
            "subscriptionId": self._world.subscription_id,
            "tenantId": self._world.tenant_id,
            "displayName": "Tripcurve local",
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
        }

    def _provider(self, name: str) -> Json:
        regions = [display_name(region) for region in sorted(NAMES)]
        types = [
            {"resourceType": kind, "locations": regions, "apiVersions": list(versions), "capabilities": "None"}
            for kind, versions in _PROVIDERS[name].items()
        ]
        return {
            "id": f"{self._world.subscription_path}/providers/{name}",
            "namespace": name,
            "registrationState": "NotRegistered" if name.lower() in self._world.unregistered else "Registered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": types,
        }


def check_registered(world: World, call: ArmCall) -> None:
    """Raise ArmError 409 if the call would create a resource of a provider that is not registered."""
    namespace = call.path.lower().rpartition("/providers/")[2].partition("/")[0]
    if call.method == "PUT" and namespace in world.unregistered:
        raise ArmError(
            409,
            "MissingSubscriptionRegistration",
            f"The subscription is not registered to use namespace '{namespace}'. "
            "See https://aka.ms/rps-not-found for how to register subscriptions.",
        )


def _known(call: ArmCall) -> str:
    """Return the provider's name in the spelling of Azure."""
    wanted = call.params["namespace"].lower()
    name = next((known for known in _PROVIDERS if known.lower() == wanted), None)
    if name is None:
        raise ArmError(
            404, "InvalidResourceNamespace", f"The resource namespace '{call.params['namespace']}' is invalid."
        )
    return name
