"""Named values and policy fragments, to which policy documents refer."""

from __future__ import annotations

import copy
import re

from provision.local.arm.apim.compiler import (
    check_dependents,
    check_fragment,
    fragments_of,
    named_values_of,
    service_of,
)
from provision.local.arm.apim.service import SERVICE, SERVICE_TYPE
from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import validation_error
from provision.local.arm.router import Router
from provision.local.arm.shapes import FragmentShape, NamedValueShape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["FRAGMENT", "NAMED_VALUE", "NamedValues"]

_DISPLAY = re.compile(r"[A-Za-z0-9._-]{1,256}")
LONGEST = 4096


def _prepare_value(draft: Draft) -> Json:
    sent = copy.deepcopy(draft.properties)
    value = sent.pop("value", draft.secrets.get("value"))
    faults: list[tuple[str, str]] = []
    if not _DISPLAY.fullmatch(str(sent.get("displayName") or "")):
        faults.append(("displayName", "DisplayName may contain only letters, digits, periods, dashes and underscores."))
    if sent.get("keyVault") is not None:
        faults.append(("keyVault", "The local cloud has no key vault; give the value itself."))
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST:
        faults.append(("value", f"Value must be 1 to {LONGEST} characters long."))
    if faults:
        raise validation_error(*faults)
    if draft.existing is not None:
        _check_value_change(draft, str(sent["displayName"]), str(value))
    draft.secrets["value"] = value
    return {"properties": {"tags": [], "secret": False, **sent}}


def _check_value_change(draft: Draft, name: str, value: str) -> None:
    service = service_of(draft.world, draft.id)
    changed = named_values_of(draft.world.store, service)
    if draft.existing is not None:
        changed.pop(str(draft.existing.properties["displayName"]), None)
    changed[name] = value
    check_dependents(draft.world, service, changed, fragments_of(draft.world.store, service))


def _show_value(world: World, resource: Resource) -> Json:
    """Return the body of a GET, which has no `value` for a secret: only listValue returns that."""
    del world
    if resource.properties.get("secret"):
        return resource.body
    return {"properties": {**resource.properties, "value": resource.secrets["value"]}}


def _prepare_fragment(draft: Draft) -> Json:
    sent = copy.deepcopy(draft.properties)
    form = str(sent.get("format") or "xml")
    if form not in ("xml", "rawxml"):
        raise validation_error(("format", f"Format '{form}' is not supported; choose xml or rawxml."))
    value = sent.get("value")
    if not isinstance(value, str) or not value.strip():
        raise validation_error(("value", "Value is required: the fragment."))
    check_fragment(draft, form, value)
    if draft.existing is not None:
        service = service_of(draft.world, draft.id)
        changed = {**fragments_of(draft.world.store, service), draft.name: {"format": form, "value": value}}
        check_dependents(draft.world, service, named_values_of(draft.world.store, service), changed)
    return {"properties": {**sent, "format": form}}


async def _check_value_unused(world: World, value: Resource) -> None:
    service = service_of(world, value.id)
    left = named_values_of(world.store, service)
    left.pop(str(value.properties["displayName"]), None)
    check_dependents(world, service, left, fragments_of(world.store, service))


async def _check_fragment_unused(world: World, fragment: Resource) -> None:
    service = service_of(world, fragment.id)
    left = {name: text for name, text in fragments_of(world.store, service).items() if name != fragment.name}
    check_dependents(world, service, named_values_of(world.store, service), left)


NAMED_VALUE = Kind(
    f"{SERVICE_TYPE}/namedValues",
    f"{SERVICE}/namedValues/{{value}}",
    _prepare_value,
    shape=NamedValueShape,
    deleting=_check_value_unused,
    show=_show_value,
    put_style="both",
    etags=True,
    label="NamedValue",
)
FRAGMENT = Kind(
    f"{SERVICE_TYPE}/policyFragments",
    f"{SERVICE}/policyFragments/{{fragment}}",
    _prepare_fragment,
    shape=FragmentShape,
    deleting=_check_fragment_unused,
    put_style="both",
    etags=True,
    label="PolicyFragment",
)


class NamedValues(Crud):
    """The handlers of named values, with the operation that returns a secret one."""

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        super().register(router, only)
        router.add("POST", f"{NAMED_VALUE.template}/listValue", self.list_value)

    async def list_value(self, call: ArmCall) -> Answer:
        """Answer with the value, including a secret one."""
        found = self.find(call)
        return Answer(200, {"value": found.secrets["value"]}, {"ETag": found.etag})
