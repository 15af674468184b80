"""Quotas of the subscription by region: their use and limits, and the refusal of more than a limit allows.

The limits are above those of a new Azure subscription, so that only a lab that asks for very much meets them.
"""

from __future__ import annotations

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.errors import ArmError
from provision.local.arm.models import usage_name, usage_names
from provision.local.arm.regions import display_name
from provision.local.arm.router import Router
from provision.local.arm.world import World

__all__ = [
    "ACCOUNT_LIMIT",
    "MODEL_LIMIT",
    "PLAN_LIMIT",
    "Quotas",
    "check_model_quota",
    "check_plan_quota",
]

MODEL_LIMIT = 10_000
"""Capacity of all deployments of one model and deployment type in a region: thousands of tokens per minute."""

ACCOUNT_LIMIT = 100
PLAN_LIMIT = 100
"""Instances of the Basic tier of App Service in a region, one for each plan."""

ACCOUNTS = "Microsoft.CognitiveServices/accounts"
DEPLOYMENTS = f"{ACCOUNTS}/deployments"
PLANS = "Microsoft.Web/serverfarms"


class Quotas:
    """The handlers of the lists of usages."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add the routes."""
        root = "/subscriptions/{subscription}/providers"
        router.add("GET", f"{root}/Microsoft.CognitiveServices/locations/{{location}}/usages", self.models)
        router.add("GET", f"{root}/Microsoft.Web/locations/{{location}}/usages", self.plans)

    async def models(self, call: ArmCall) -> Answer:
        """List the number of accounts, and the capacity in use of each model and deployment type, in a region."""
        location = call.params["location"].lower()
        accounts = [held for held in self._world.store.of_kind(ACCOUNTS) if held.body["location"] == location]
        used = dict.fromkeys(usage_names(location), 0) | _used(self._world, location)
        shown = [_usage("OpenAI.S0.AccountCount", len(accounts), ACCOUNT_LIMIT)]
        return Answer(200, {"value": shown + [_usage(name, count, MODEL_LIMIT) for name, count in used.items()]})

    async def plans(self, call: ArmCall) -> Answer:
        """List the instances of App Service in use in a region."""
        held = _plans(self._world, call.params["location"].lower())
        return Answer(200, {"value": [_usage("Basic VMs", held, PLAN_LIMIT)]})


def check_model_quota(world: World, location: str, name: str, asked: int, replaced_id: str) -> None:
    """Raise ArmError 400 InsufficientQuota if a deployment's capacity is more than what is left of the quota `name`.

    `replaced_id`: the id of the deployment, whose capacity so far is given back.
    """
    used = _used(world, location, without=replaced_id).get(name, 0)
    if used + asked > MODEL_LIMIT:
        quota = f"quota Tokens Per Minute (thousands) - {name}"
        raise ArmError(
            400,
            "InsufficientQuota",
            f"This operation require {asked} new capacity in {quota}, which is bigger than the current available "
            f"capacity {MODEL_LIMIT - used}. The current quota usage is {used} and the quota limit is {MODEL_LIMIT} "
            f"for {quota}.",
        )


def check_plan_quota(world: World, location: str) -> None:
    """Raise ArmError 401, as App Service does, if a region has no instance left for a new plan [AZCLI-31665]."""
    used = _plans(world, location)
    if used >= PLAN_LIMIT:
        raise ArmError(
            401,
            "Unauthorized",
            "Operation cannot be completed without additional quota. Additional details - Location: "
            f"{display_name(location)} Current Limit (Basic VMs): {PLAN_LIMIT} Current Usage: {used} "
            "Amount required for this deployment (Basic VMs): 1",
        )


def _used(world: World, location: str, without: str = "") -> dict[str, int]:
    """Return the capacity in use by the quota's name."""
    found: dict[str, int] = {}
    for held in world.store.of_kind(DEPLOYMENTS):
        account = world.store.get(held.id.rsplit("/", 2)[0])
        if account is None or account.body["location"] != location or held.id.lower() == without.lower():
            continue
        name = usage_name(held.body["sku"]["name"], held.properties["model"]["name"])
        found[name] = found.get(name, 0) + int(held.body["sku"]["capacity"])
    return found


def _plans(world: World, location: str) -> int:
    return sum(held.body["location"] == display_name(location) for held in world.store.of_kind(PLANS))


def _usage(name: str, used: int, limit: int) -> Json:
    return {
        "name": {"value": name, "localizedValue": name},
        "unit": "Count",
        "currentValue": used,
        "limit": limit,
    }
