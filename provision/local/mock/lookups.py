"""Answer GET and DELETE: the models of the region, and the responses that the host has stored."""

from __future__ import annotations

import orjson

from provision.local.arm import models
from provision.local.arm.call import Json
from provision.local.mock.access import Access
from provision.local.mock.answers.responses import responses_whole
from provision.local.mock.call import check_access
from provision.local.mock.errors import not_found, response_not_found
from provision.local.mock.hosts import MockHost
from provision.local.mock.routes import parse_target
from provision.local.wire.messages import Request

__all__ = ["METHODS", "look_up"]

METHODS = frozenset({"GET", "HEAD", "DELETE"})
CREATED = 1_700_000_000
"""When each model was created, in unix seconds: the catalogue has only the dates of versions."""


def look_up(host: MockHost, access: Access, request: Request, fields: dict[str, str]) -> bytes:
    """Return the JSON body. Raises ApiError for a wrong route, credential or name."""
    route = parse_target(request.target)
    if route is None or route.deployment is not None:
        raise not_found()
    if route.operation == "models" and request.method != "DELETE":
        check_access(host, access, request, route, fields, "models/read")
        return _models(host, route.item)
    if route.operation == "responses" and route.item is not None:
        deletes = request.method == "DELETE"
        check_access(host, access, request, route, fields, "responses/delete" if deletes else "responses/read")
        return _deleted(host, route.item) if deletes else _stored(host, route.item)
    raise not_found()


def _models(host: MockHost, wanted: str | None) -> bytes:
    """Return the model with this name, with or without its date, or all models. Raises ApiError 404."""
    known = models.ids_of_region(host.location)
    if wanted is None:
        return orjson.dumps({"object": "list", "data": [_model(ident) for ident in known]})
    ident = wanted if wanted in known else models.newest_id(wanted)
    if ident is None or ident not in known:
        raise not_found()
    return orjson.dumps(_model(ident))


def _model(ident: str) -> Json:
    kind = models.kind_of(ident)
    return {
        "id": ident,
        "object": "model",
        "created": CREATED,
        "created_at": CREATED,
        "owned_by": "Microsoft",
        "status": "succeeded",
        "lifecycle_status": "generally-available",
        "capabilities": {
            "inference": True,
            "fine_tune": False,
            "completion": False,
            "chat_completion": kind == "text",
            "embeddings": kind == "embedding",
        },
    }


def _stored(host: MockHost, ident: str) -> bytes:
    job = host.responses.get(ident)
    if job is None:
        raise response_not_found(ident)
    return responses_whole(job)


def _deleted(host: MockHost, ident: str) -> bytes:
    if not host.responses.delete(ident):
        raise response_not_found(ident)
    return orjson.dumps({"id": ident, "object": "response", "deleted": True})
