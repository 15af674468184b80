"""Subscriptions, which contain keys to the gateway. A GET never shows the keys."""

from __future__ import annotations

import copy
import secrets
from datetime import UTC, datetime

from provision.local.arm.apim.service import SERVICE, SERVICE_TYPE
from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import validation_error
from provision.local.arm.router import Router
from provision.local.arm.shapes import SubscriptionShape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["KIND", "Subscriptions"]

_STATES = ("suspended", "active", "expired", "submitted", "rejected", "cancelled")
_KEYS = ("primaryKey", "secondaryKey")


def _prepare(draft: Draft) -> Json:
    sent = copy.deepcopy(draft.properties)
    old = {} if draft.existing is None else draft.existing.properties
    faults: list[tuple[str, str]] = []
    for key in _KEYS:
        given = sent.pop(key, None)
        if given is not None and not 1 <= len(str(given)) <= 256:
            faults.append((key, f"{key} must be 1 to 256 characters long."))
        draft.secrets[key] = str(given) if given else draft.secrets.get(key) or secrets.token_hex(16)
    for key in ("displayName", "scope"):
        if not sent.get(key) and not old.get(key):
            faults.append((key, f"'{key}' is required."))
    state = str(sent.get("state") or old.get("state") or "active")
    if state not in _STATES:
        faults.append(("state", f"State must be one of {', '.join(_STATES)}."))
    if faults:
        raise validation_error(*faults)
    scope = _full_scope(draft, str(sent.get("scope") or old.get("scope")))
    created = old.get("createdDate") or datetime.now(UTC).isoformat()
    return {
        "properties": {"allowTracing": False, **old, **sent, "scope": scope, "state": state, "createdDate": created}
    }


def _full_scope(draft: Draft, scope: str) -> str:
    """Return the full id for a scope such as `/apis/openai`; a GET shows the full id."""
    full = scope if scope.lower().startswith("/subscriptions/") else f"{draft.parent.id}/{scope.strip('/')}"
    below = full[len(draft.parent.id) :].strip("/")
    whole = below.lower() in ("", "apis")
    if not full.lower().startswith(draft.parent.id.lower()) or not (whole or draft.world.store.get(full)):
        raise validation_error(("scope", f"Subscription scope '{scope}' should be one of '/apis', '/apis/{{apiId}}', "
                                "'/products/{productId}', and exist."))  # fmt: skip
    return full


async def _keep_master(world: World, subscription: Resource) -> None:
    del world
    if subscription.name == "master":
        raise validation_error(("subscriptionId", "The built-in all-access subscription cannot be deleted."))


KIND = Kind(
    f"{SERVICE_TYPE}/subscriptions",
    f"{SERVICE}/subscriptions/{{sid}}",
    _prepare,
    shape=SubscriptionShape,
    deleting=_keep_master,
    etags=True,
    label="Subscription",
)


class Subscriptions(Crud):
    """The handlers of subscriptions and of their keys."""

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        super().register(router, only)
        router.add("POST", f"{KIND.template}/listSecrets", self.list_secrets)
        router.add("POST", f"{KIND.template}/regeneratePrimaryKey", self.regenerate_primary)
        router.add("POST", f"{KIND.template}/regenerateSecondaryKey", self.regenerate_secondary)

    async def list_secrets(self, call: ArmCall) -> Answer:
        """Answer with both keys of the subscription."""
        found = self.find(call)
        return Answer(200, {key: found.secrets[key] for key in _KEYS}, {"ETag": found.etag})

    async def regenerate_primary(self, call: ArmCall) -> Answer:
        """Replace the primary key."""
        return self._regenerate(call, "primaryKey")

    async def regenerate_secondary(self, call: ArmCall) -> Answer:
        """Replace the secondary key."""
        return self._regenerate(call, "secondaryKey")

    def _regenerate(self, call: ArmCall, key: str) -> Answer:
        self.find(call).secrets[key] = secrets.token_hex(16)
        return Answer(204)
