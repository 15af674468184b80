"""APIs and their operations, given in the request or imported from an OpenAPI document."""

from __future__ import annotations

import copy
import re

from provision.local.arm.apim.openapi import LINKS, read_document
from provision.local.arm.apim.service import SERVICE, SERVICE_TYPE
from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import validation_error
from provision.local.arm.links import fetch, is_local
from provision.local.arm.shapes import ApiShape, OperationShape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["API", "OPERATION", "Apis"]

API_TYPE = f"{SERVICE_TYPE}/apis"
OPERATION_TYPE = f"{API_TYPE}/operations"
_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE")
_KEY_NAMES = {"header": "Ocp-Apim-Subscription-Key", "query": "subscription-key"}
_BEARER = "bearer"
"""Says whether a bearer token may be the key. Microsoft's samples set it; no specification has it [AIG]."""
_IMPORTED = "imported"


def _prepare_api(draft: Draft) -> Json:
    sent = copy.deepcopy(draft.properties)
    old = {} if draft.existing is None else copy.deepcopy(draft.existing.properties)
    document = None
    if sent.get("value") is not None or sent.get("format") is not None:
        document = read_document(str(sent.pop("format", "")), sent.pop("value", None))
        draft.secrets[_IMPORTED] = document.operations
    for key in ("import", "translateRequiredQueryParameters", "sourceApiId"):
        sent.pop(key, None)
    properties: Json = {
        "displayName": (document.title if document is not None else None) or draft.name,
        "apiRevision": "1",
        "description": document.description if document is not None else None,
        "subscriptionRequired": True,
        "serviceUrl": document.server if document is not None else None,
        "path": "",
        "protocols": ["https"],
        "authenticationSettings": {"oAuth2AuthenticationSettings": [], "openidAuthenticationSettings": []},
        "isCurrent": True,
        "provisioningState": "Succeeded",
        **old,
        **{key: value for key, value in sent.items() if value is not None},
    }
    names = properties.get("subscriptionKeyParameterNames") or {}
    kept = {_BEARER: names[_BEARER]} if names.get(_BEARER) is not None else {}
    named = {key: names.get(key) or word for key, word in _KEY_NAMES.items()}
    properties["subscriptionKeyParameterNames"] = {**named, **kept}
    _check_api(draft, properties)
    return {"properties": properties}


def _check_api(draft: Draft, properties: Json) -> None:
    faults: list[tuple[str, str]] = []
    path = str(properties["path"])
    if len(path) > 400 or path.startswith("/") or path.endswith("/"):
        faults.append(("path", "Path must be at most 400 characters, without a leading or trailing slash."))
    if not 1 <= len(str(properties["displayName"])) <= 300:
        faults.append(("displayName", "DisplayName must be 1 to 300 characters long."))
    if not re.fullmatch(r"[^*#&+:<>?]{1,256}", draft.name):
        faults.append(("apiId", f"'{draft.name}' is not a valid API id."))
    if properties["subscriptionKeyParameterNames"].get(_BEARER) not in (None, "enabled", "disabled"):
        faults.append(("subscriptionKeyParameterNames.bearer", "Bearer must be enabled or disabled."))
    for other in draft.world.store.children(draft.parent.id, API_TYPE):
        if other.id.lower() != draft.id.lower() and str(other.properties["path"]).lower() == path.lower():
            faults.append(("path", f"Cannot create API '{draft.name}' with path '{path}': API '{other.name}' uses it."))
    if faults:
        raise validation_error(*faults)


async def _api_created(world: World, api: Resource) -> None:
    """Replace the operations of an imported API by those of the document."""
    operations: list[Json] | None = api.secrets.pop(_IMPORTED, None)
    if operations is None:
        return
    kept = {str(operation["name"]).lower() for operation in operations}
    for old in world.store.children(api.id, OPERATION_TYPE):
        if old.name.lower() not in kept:
            world.store.remove(old.id)
    for operation in operations:
        name = str(operation["name"])
        world.store.put(
            Resource(f"{api.id}/operations/{name}", OPERATION_TYPE, name, {"properties": operation["properties"]})
        )


def _prepare_operation(draft: Draft) -> Json:
    properties = copy.deepcopy(draft.properties)
    faults: list[tuple[str, str]] = []
    if str(properties.get("method", "")).upper() not in _METHODS:
        faults.append(("method", f"Method must be one of {', '.join(_METHODS)}."))
    if not str(properties.get("urlTemplate", "")).startswith(("/", "*")):
        faults.append(("urlTemplate", "UrlTemplate must begin with a slash."))
    if not properties.get("displayName"):
        faults.append(("displayName", "DisplayName is required."))
    if faults:
        raise validation_error(*faults)
    return {"properties": {"templateParameters": [], "responses": [], **properties}}


API = Kind(
    API_TYPE,
    f"{SERVICE}/apis/{{api}}",
    _prepare_api,
    shape=ApiShape,
    created=_api_created,
    put_style="both",
    delete_style="location",
    etags=True,
    label="API",
)
OPERATION = Kind(
    OPERATION_TYPE,
    f"{SERVICE}/apis/{{api}}/operations/{{operation}}",
    _prepare_operation,
    shape=OperationShape,
    etags=True,
    label="Operation",
)


class Apis(Crud):
    """The handlers of APIs. PATCH is synchronous, as the SDK expects."""

    async def put(self, call: ArmCall) -> Answer:
        """Create or change an API. A document at an address of this machine is fetched, then imported as if sent."""
        sent = call.properties()
        form, link = str(sent.get("format")), str(sent.get("value"))
        if form in LINKS and is_local(link):
            call.body = {**call.json(), "properties": {**sent, "format": LINKS[form], "value": await fetch(link)}}
        return await super().put(call)

    async def patch(self, call: ArmCall) -> Answer:
        answer = await super().patch(call)
        return Answer(200, self.shown(self.find(call)), {"ETag": answer.headers["ETag"]})
