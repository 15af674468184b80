"""The control plane's HTTPS server: it routes requests by path to ARM, sign-in, cloud metadata and the admin API."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from aiohttp import web

from provision.local.admin import Admin
from provision.local.arm.call import Answer, ArmCall
from provision.local.arm.errors import ArmError
from provision.local.arm.faults import Answered, Dropped, Faults
from provision.local.arm.manager import Manager
from provision.local.browsers import refuse_other_sites
from provision.local.identity.endpoints import Identity
from provision.local.identity.tokens import TokenRefused
from provision.local.monitoring import Monitoring

__all__ = ["Front"]

_log = logging.getLogger(__name__)
LARGEST = 8 * 1024 * 1024
"""Largest request body in bytes; Azure's own limit for policies is far below."""


class Front:
    """Builds the aiohttp application. ARM's paths share one handler; everything else has a route of its own."""

    def __init__(
        self, manager: Manager, identity: Identity, admin: Admin, faults: Faults, monitoring: Monitoring
    ) -> None:
        self._manager = manager
        self._identity = identity
        self._admin = admin
        self._faults = faults
        self._monitoring = monitoring

    def application(self, base_url: Callable[[], str]) -> web.Application:
        """Return the application. `base_url` is called at each request: the port is known only after listening."""
        self._base_url = base_url
        app = web.Application(client_max_size=LARGEST, middlewares=[refuse_other_sites])
        self._identity.register(app)
        self._admin.register(app)
        self._monitoring.register(app)
        app.router.add_route("*", "/{path:.*}", self._arm)
        return app

    async def _arm(self, request: web.Request) -> web.StreamResponse:
        correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid4())
        headers = {"x-ms-request-id": str(uuid4()), "x-ms-correlation-request-id": correlation}
        try:
            call = await self._read(request)
            await self._faults.before(call)
            call.object_id = self._identity.authenticate(call.headers.get("authorization"))
            with self._faults.during(call):
                answer = await self._manager.answer(call)
        except ArmError as error:
            answer = Answer(error.status, error.body(), error.headers)
        except TokenRefused as refusal:
            answer = _unauthorized(refusal, self._base_url())
        except Answered as replaced:
            answer = Answer(200, replaced.body)
        except Dropped:
            return _hang_up(request)
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            answer = Answer(400, ArmError(400, "InternalError", "The local cloud failed; see its stderr.").body())
        return _respond(answer, headers)

    async def _read(self, request: web.Request) -> ArmCall:
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            message = f"The request content is larger than {LARGEST} bytes."
            raise ArmError(413, "RequestContentTooLarge", message) from None
        try:
            # ARM accepts line breaks inside JSON strings, and the seed's notebook sends its policy with some.
            body: Any = json.loads(raw, strict=False) if raw.strip() else None
        except (ValueError, RecursionError):
            raise ArmError(
                400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."
            ) from None
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.path.rstrip("/") if request.path != "/" else "/"
        # A client whose base URL ends with a slash asks for `//subscriptions/…`.
        path = "/" + path.lstrip("/")
        query = {("api-version" if name.lower() == "api-version" else name): v for name, v in request.query.items()}
        return ArmCall(request.method, path, query, headers, body, self._base_url())


def _respond(answer: Answer, headers: dict[str, str]) -> web.Response:
    sent = {"Cache-Control": "no-cache", **headers, **answer.headers}
    if answer.body is None:
        return web.Response(status=answer.status, headers=sent)
    return web.Response(
        status=answer.status, body=json.dumps(answer.body).encode(), headers=sent, content_type="application/json"
    )


def _unauthorized(refusal: TokenRefused, base_url: str) -> Answer:
    """Return the 401 with the challenge header, from which the Azure CLI takes the tenant."""
    challenge = f'Bearer authorization_uri="{base_url}", error="invalid_token", error_description="{refusal}"'
    error = ArmError(401, refusal.code, str(refusal))
    return Answer(401, error.body(), {"WWW-Authenticate": challenge})


def _hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("an injected fault dropped this connection")
