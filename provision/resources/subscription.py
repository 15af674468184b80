"""The subscription whose key calls the lab's API and nothing else on the gateway."""

from __future__ import annotations

import re

from provision.resources.base import Fields, Found, Resource, none_if_absent

__all__ = ["ApiSubscription", "subscription_name"]

ANY = "*"


def subscription_name(lab: str) -> str:
    """Return the name of a lab's subscription on the gateway."""
    return f"tripcurve-{lab}"


class ApiSubscription(Resource):
    """A subscription to the lab's API alone. Some organisations forbid the all-access key [PIIPAN-1188]."""

    type = "API subscription"

    @property
    def id(self) -> str:
        return f"{self.context.gateway_id}/subscriptions/{self.name}"

    def desired(self) -> Fields:
        return {
            "scope": f"/apis/{self.context.lab.api.id}",
            "display_name": f"Tripcurve lab {self.context.lab.name}",
            "state": "active",
        }

    def read(self) -> Found | None:
        subscriptions, lab = self.context.clients.apim.subscription, self.context.lab
        found = none_if_absent(lambda: subscriptions.get(lab.resource_group, lab.gateway.name, self.name))
        if found is None:
            return None
        scope = re.sub("^.*/service/[^/]+", "", found.scope or "", flags=re.IGNORECASE)  # ARM shows the full id
        state = None if found.state is None else str(found.state)
        return Found({"scope": scope, "display_name": found.display_name, "state": state})

    def put(self, found: Found | None) -> None:
        from azure.mgmt.apimanagement import models

        subscriptions, lab = self.context.clients.apim.subscription, self.context.lab
        body = models.SubscriptionCreateParameters(**self.desired())
        subscriptions.create_or_update(lab.resource_group, lab.gateway.name, self.name, body)

    def delete(self) -> None:
        subscriptions, lab = self.context.clients.apim.subscription, self.context.lab
        none_if_absent(lambda: subscriptions.delete(lab.resource_group, lab.gateway.name, self.name, if_match=ANY))
