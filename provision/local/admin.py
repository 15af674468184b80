"""Serves the local cloud's own API, below `/_local/`: options, faults, extra clients, and what `health` serves.

Azure has no such API. Any process that reaches the loopback port may read it. A change needs an owner's credential,
because a new client may itself be an owner. The only secret it ever returns is that of a client just made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from pydantic import BaseModel, ValidationError

from provision.local.arm.faults import Fault, Faults
from provision.local.arm.roles import BUILT_IN
from provision.local.arm.world import World
from provision.local.health import Health
from provision.local.identity.endpoints import Identity
from provision.local.identity.tokens import TokenRefused
from provision.local.processes import Processes
from provision.local.supervisor import ChildFailed
from tripcurve.field_errors import field_errors
from tripcurve.lab.local_options import LocalOptions

__all__ = ["Admin"]

Handler = Callable[[web.Request], Awaitable[web.Response]]
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="tripcurve local", Bearer'}


class Admin:
    """Handles requests to `/_local/…`."""

    def __init__(self, world: World, identity: Identity, processes: Processes, faults: Faults) -> None:
        self._world = world
        self._identity = identity
        self._processes = processes
        self._faults = faults
        self._health = Health(processes)

    def register(self, app: web.Application) -> None:
        router = app.router
        self._health.register(app)
        router.add_get("/_local/options", self.options)
        router.add_put("/_local/options", self._owners_only(self.set_options))
        router.add_get("/_local/faults", self.faults)
        router.add_post("/_local/faults", self._owners_only(self.add_fault))
        router.add_delete("/_local/faults", self._owners_only(self.clear_faults))
        router.add_post("/_local/clients", self._owners_only(self.add_client))

    def _owners_only(self, handler: Handler) -> Handler:
        """Wrap a handler: answer 401 without a credential of this tenant, 403 if the credential is not an owner's."""

        async def guarded(request: web.Request) -> web.Response:
            try:
                caller = self._identity.caller(request.headers.get("authorization"))
            except TokenRefused as refusal:
                return web.json_response({"error": str(refusal)}, status=401, headers=_CHALLENGE)
            if caller is None or caller.role != "Owner":
                return web.json_response({"error": "only an owner may change the local cloud"}, status=403)
            return await handler(request)

        return guarded

    async def options(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(self._processes.options.model_dump(mode="json"))

    async def set_options(self, request: web.Request) -> web.Response:
        """Replace the `local:` options; a 400 names the field that is wrong."""
        try:
            options = LocalOptions.model_validate(await request.json())
        except ValidationError as error:
            return _refused(error, LocalOptions)
        except ValueError:
            return web.json_response({"error": "the body is not JSON"}, status=400)
        self._processes.options = options
        self._world.options = options
        try:
            await self._processes.resize()
        except ChildFailed as error:
            return web.json_response({"error": str(error)}, status=503)
        await self._processes.publish()
        return await self.options(request)

    async def faults(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({name: fault.model_dump() for name, fault in self._faults.all().items()})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a fault, whose fields `arm.faults.Fault` describes, and answer 201 with its id."""
        try:
            fault = Fault.model_validate(await request.json())
        except ValidationError as error:
            return _refused(error, Fault)
        except ValueError:
            return web.json_response({"error": "the body is not JSON"}, status=400)
        return web.json_response({"id": self._faults.add(fault)}, status=201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"cleared": self._faults.clear()})

    async def add_client(self, request: web.Request) -> web.Response:
        """Make another client, with a built-in role on the subscription, or with no role if `role` is null."""
        sent = await request.json()
        role = sent.get("role")
        if role is not None and role not in [name for name, *_ in BUILT_IN.values()]:
            return web.json_response({"error": f"no built-in role is named {role!r}"}, status=400)
        made = self._world.directory.add_application(role or "", str(sent.get("name") or "client"))
        described = {"client_id": made.client_id, "object_id": made.object_id, "client_secret": made.secret}
        return web.json_response(described, status=201)


def _refused(error: ValidationError, model: type[BaseModel]) -> web.Response:
    faults = "; ".join(str(each) for each in field_errors(error, model))
    return web.json_response({"error": faults}, status=400)
