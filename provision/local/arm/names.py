"""Answers whether a name that is unique in all Azure is free: of an OpenAI account, or of a web app.

Each provider has an operation of its own for that; API Management's is in `apim/service.py`.
"""

from __future__ import annotations

from provision.local.arm.call import Answer, ArmCall
from provision.local.arm.cognitive import ACCOUNT, DELETED_ACCOUNT_TYPE, subdomain
from provision.local.arm.errors import ArmError
from provision.local.arm.router import Router
from provision.local.arm.web import SITE
from provision.local.arm.world import World

__all__ = ["Names"]


class Names:
    """The handlers of both operations."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add the routes."""
        root = "/subscriptions/{subscription}/providers"
        router.add("POST", f"{root}/Microsoft.CognitiveServices/checkDomainAvailability", self.domain)
        router.add("POST", f"{root}/Microsoft.Web/checknameavailability", self.site)

    async def domain(self, call: ArmCall) -> Answer:
        """Answer whether a new account may have the custom domain."""
        name = _sent(call, "subdomainName")
        domains = [subdomain(account).lower() for account in self._world.store.of_kind(ACCOUNT.type)]
        free = name.lower() not in domains and not self._taken(name, DELETED_ACCOUNT_TYPE)
        reason = None if free else f"Sub domain name '{name}' is already used. Please pick a different name."
        shown = {"isSubdomainAvailable": free, "reason": reason, "subdomainName": name, "type": call.json().get("type")}
        return Answer(200, shown)

    async def site(self, call: ArmCall) -> Answer:
        """Answer whether a new web app may have the name."""
        name = _sent(call, "name")
        if not self._taken(name, SITE.type):
            return Answer(200, {"nameAvailable": True, "reason": "", "message": ""})
        message = f"Hostname '{name}' already exists. Please select a different name."
        return Answer(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})

    def _taken(self, name: str, *kinds: str) -> bool:
        return any(held.name.lower() == name.lower() for kind in kinds for held in self._world.store.of_kind(kind))


def _sent(call: ArmCall, field: str) -> str:
    value = call.json().get(field)
    if not isinstance(value, str) or not value:
        raise ArmError(400, "InvalidRequestContent", f"The request content was invalid: '{field}' is required.")
    return value
