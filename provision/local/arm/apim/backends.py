"""Backend entities: single ones with a circuit breaker, and pools."""

from __future__ import annotations

import copy
import re
from urllib.parse import urlsplit

from provision.local.arm.apim.backend_fields import newer_fields, without_newer_fields
from provision.local.arm.apim.breakers import check_breaker, failure_response_faults
from provision.local.arm.apim.service import SERVICE, SERVICE_TYPE
from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import validation_error
from provision.local.arm.router import Router
from provision.local.arm.shapes import BackendShape

__all__ = ["KIND", "Backends"]

TYPE = f"{SERVICE_TYPE}/backends"
LONGEST = {"title": 300, "description": 2000, "url": 2000}
MOST_MEMBERS = 30  # [D-BE]
_NAME = re.compile(r"[A-Za-z0-9](?:[\w-]{0,78}\w)?")

Faults = list[tuple[str, str]]


def _prepare(draft: Draft) -> Json:
    properties = copy.deepcopy(draft.properties)
    faults: Faults = (
        [] if _NAME.fullmatch(draft.name) else [("backendId", f"'{draft.name}' is not a valid backend id.")]
    )
    for key, longest in LONGEST.items():
        if len(str(properties.get(key) or "")) > longest:
            faults.append((key, f"'{key}' must be at most {longest} characters long."))
    faults += _pool_faults(draft, properties) if properties.get("type") == "Pool" else _single_faults(properties)
    faults += check_breaker(draft, properties)
    faults += newer_fields(draft.call.properties(), draft.call.api_version)
    if faults:
        raise validation_error(*faults)
    properties.setdefault("type", "Single")
    return {"properties": properties}


def _single_faults(properties: Json) -> Faults:
    faults: Faults = []
    url = urlsplit(str(properties.get("url") or ""))
    if url.scheme not in ("http", "https") or not url.hostname:
        faults.append(("url", "Url is required and must begin with http:// or https://."))
    if properties.get("protocol") not in ("http", "soap"):
        faults.append(("protocol", "Protocol must be http or soap."))
    if properties.get("pool") is not None:
        faults.append(("pool", "Pool is supported for backends of type Pool only."))
    return faults


def _pool_faults(draft: Draft, properties: Json) -> Faults:
    """Return the faults of a pool. The texts for url and protocol are the service's own [AZDOCS-122455]."""
    faults: Faults = []
    for key in ("url", "protocol"):
        if properties.get(key) is not None:
            faults.append((key, f"{key.capitalize()} is not supported for backend pool."))
    faults += failure_response_faults("pool", properties.get("pool") or {}, draft.call.api_version)
    faults += _affinity_faults((properties.get("pool") or {}).get("sessionAffinity"))
    services = (properties.get("pool") or {}).get("services")
    if not isinstance(services, list) or not 1 <= len(services) <= MOST_MEMBERS:
        return [*faults, ("pool.services", f"A backend pool takes 1 to {MOST_MEMBERS} services.")]
    for index, member in enumerate(services):
        faults += _member_faults(draft, f"pool.services[{index}]", member)
    return faults


def _affinity_faults(affinity: object) -> Faults:
    """Return the faults of a pool's session affinity, which only a cookie can carry [D-BE]."""
    if affinity is None:
        return []
    session = affinity.get("sessionId") if isinstance(affinity, dict) else None
    if not isinstance(session, dict) or not isinstance(session.get("name"), str) or not session["name"]:
        return [("pool.sessionAffinity.sessionId", "SessionId needs a source and a name.")]
    if str(session.get("source")).lower() != "cookie":  # the specification has `cookie`, [D-BE] `Cookie`
        return [("pool.sessionAffinity.sessionId.source", "Source must be cookie.")]
    return []


def _member_faults(draft: Draft, target: str, member: object) -> Faults:
    if not isinstance(member, dict) or not member.get("id"):
        return [(target, "Each service of a backend pool needs an id.")]
    service = draft.parent.id
    identifier = str(member["id"])
    short = identifier if identifier.startswith("/subscriptions/") else service + "/" + identifier.strip("/")
    found = draft.world.store.get(short)
    if found is None or found.kind != TYPE or not found.id.startswith(service + "/"):
        return [(f"{target}.id", f"Backend '{identifier}' could not be found.")]
    if found.properties.get("type") == "Pool":
        return [(f"{target}.id", "A backend pool cannot be a member of another pool.")]
    faults: Faults = []
    for key in ("weight", "priority"):
        value = member.get(key)
        if value is not None and not (isinstance(value, int) and 0 <= value <= 100):
            faults.append((f"{target}.{key}", f"{key.capitalize()} must be a number from 0 to 100."))
    return faults


KIND = Kind(TYPE, f"{SERVICE}/backends/{{backend}}", _prepare, shape=BackendShape, etags=True, label="Backend")


class Backends(Crud):
    """The handlers of backends, which show each api-version its own fields. `reconnect` changes no breaker."""

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        super().register(router, only)
        router.add("POST", f"{KIND.template}/reconnect", self.reconnect)

    async def get(self, call: ArmCall) -> Answer:
        return _in_version(await super().get(call), call)

    async def index(self, call: ArmCall) -> Answer:
        return _in_version(await super().index(call), call)

    async def put(self, call: ArmCall) -> Answer:
        return _in_version(await super().put(call), call)

    async def patch(self, call: ArmCall) -> Answer:
        return _in_version(await super().patch(call), call)

    async def reconnect(self, call: ArmCall) -> Answer:
        """Accept the request, which has no effect here. Raises ArmError 404 if the backend does not exist."""
        self.find(call)
        return Answer(202)


def _in_version(answer: Answer, call: ArmCall) -> Answer:
    """Return an answer with a backend, or a list of them, as the call's api-version shows it."""
    body = answer.body

    def shown(backend: Json) -> Json:
        return {**backend, "properties": without_newer_fields(backend["properties"], call.api_version)}

    changed = {**body, "value": [shown(one) for one in body["value"]]} if "value" in body else shown(body)
    return Answer(answer.status, changed, answer.headers)
