"""Policy documents of each scope, compiled before they are accepted."""

from __future__ import annotations

from provision.local.arm.apim.compiler import check_policy, exported
from provision.local.arm.apim.service import SERVICE, SERVICE_TYPE
from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import ArmError, validation_error
from provision.local.arm.links import fetch
from provision.local.arm.router import Router
from provision.local.arm.shapes import PolicyShape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["KINDS", "register"]

_FORMATS = ("xml", "rawxml")
_LINKS = ("xml-link", "rawxml-link")


def _prepare(draft: Draft) -> Json:
    if draft.name.lower() != "policy":
        raise validation_error(("policyId", f"The only policy id is 'policy', not '{draft.name}'."))
    sent = draft.properties
    form = str(sent.get("format") or "xml")
    value = sent.get("value")
    if form not in _FORMATS:
        raise validation_error(("format", f"Format '{form}' is not supported; choose {', '.join(_FORMATS + _LINKS)}."))
    if not isinstance(value, str) or not value.strip():
        raise validation_error(("value", "Value is required: the policy document."))
    check_policy(draft, form, value)
    return {"properties": {"format": form, "value": value}}


async def _not_global(world: World, policy: Resource) -> None:
    """Raise ArmError for the service's own document: without its `forward-request` no request would be sent."""
    del world
    if policy.kind == f"{SERVICE_TYPE}/policies":
        raise ArmError(400, "MethodNotAllowedInPolicy", "The service's own policy cannot be deleted; put another one.")


class Policies(Crud):
    """The handlers of policies. A document that is named by its address is fetched first, then stored as if sent.

    A GET returns the format that it asks for; xml if it names none.
    """

    async def get(self, call: ArmCall) -> Answer:
        """Answer with the policy in the format that the request asks for. Raises ArmError 400 for an unknown format."""
        policy = self.find(call)
        asked = call.query.get("format", "xml").removesuffix("-link")
        if asked not in _FORMATS:
            raise validation_error(("format", f"Format '{asked}' is not supported; choose {', '.join(_FORMATS)}."))
        shown = self.shown(policy)
        value = exported(policy.properties["value"], policy.properties["format"], asked)
        return Answer(200, {**shown, "properties": {"format": asked, "value": value}}, {"ETag": policy.etag})

    async def put(self, call: ArmCall) -> Answer:
        sent = call.properties()
        form = sent.get("format")
        if form in _LINKS and isinstance(sent.get("value"), str):
            text = await fetch(sent["value"])
            call.body = {"properties": {"format": str(form).removesuffix("-link"), "value": text}}
        return await super().put(call)


def _kind(below: str) -> Kind:
    types = "".join(f"/{part}" for part in below.split("/")[::2] if part)
    return Kind(
        f"{SERVICE_TYPE}{types}/policies",
        f"{SERVICE}{'/' + below if below else ''}/policies/{{policy}}",
        _prepare,
        shape=PolicyShape,
        deleting=_not_global,
        etags=True,
        label="Policy",
    )


KINDS = tuple(_kind(below) for below in ("", "apis/{api}", "apis/{api}/operations/{operation}", "products/{product}"))


def register(world: World, router: Router) -> None:
    """Add the routes for the policies of the service and of each API, operation and product."""
    for kind in KINDS:
        Policies(world, kind).register(router)
