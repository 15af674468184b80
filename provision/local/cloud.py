"""The whole local cloud in one object: control plane, identity, and the processes behind them."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from provision.local.admin import Admin
from provision.local.arm.faults import Faults
from provision.local.arm.manager import Manager
from provision.local.arm.operations import Operations
from provision.local.arm.store import Store
from provision.local.arm.world import World
from provision.local.front import Front
from provision.local.identity.directory import Directory
from provision.local.identity.endpoints import Identity
from provision.local.identity.tokens import TokenIssuer
from provision.local.monitoring import Monitoring
from provision.local.ports import HOST
from provision.local.processes import Commands, Processes, Settings
from provision.local.tls import make_tls
from tripcurve import __version__
from tripcurve.errors import TargetUnavailable
from tripcurve.lab import Lab

__all__ = ["CLIENT_ID", "EVENTS", "LOGS", "SUBSCRIPTION_ID", "TENANT_ID", "LocalCloud", "Ports"]

# These ids are fixed, so that documents and scripts can name them. The secret is new at each start.
TENANT_ID = "00000000-0000-4000-8000-00000000000a"
SUBSCRIPTION_ID = "00000000-0000-4000-8000-00000000000b"
CLIENT_ID = "00000000-0000-4000-8000-00000000000c"
EVENTS = "gateway-events.jsonl"
LOGS = "gateway-logs.jsonl"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports to listen on; 0 takes any free one."""

    management: int = 0
    gateway: int = 0


class LocalCloud:
    """Azure on localhost: `open` it, use it over HTTPS, `close` it. All state is in memory.

    `data_dir` is the folder for the CA's certificate, the events and the gateway's log. `commands` None starts the real
    mock and gateway.
    """

    def __init__(
        self, data_dir: Path, ports: Ports | None = None, lab: Lab | None = None, commands: Commands | None = None
    ) -> None:
        self._data_dir = data_dir
        self._ports = Ports() if ports is None else ports
        self._lab = lab
        self._base_url = ""
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._directory = Directory(TENANT_ID)
        self._owner = self._directory.add_application("Owner", "tripcurve-local", CLIENT_ID)
        self._tls, self._ca_file = make_tls(data_dir)
        self._issuer: TokenIssuer | None = None
        self._operations = Operations(f"/subscriptions/{SUBSCRIPTION_ID}")
        self._store = Store()
        self._processes = self._make_processes(Commands() if commands is None else commands)

    def _make_processes(self, commands: Commands) -> Processes:
        settings = Settings(
            events_file=self._data_dir / EVENTS,
            logs_file=self._data_dir / LOGS,
            ca_file=self._ca_file,
            gateway_port=self._ports.gateway,
            allow_external=self._lab is not None and _goes_outside(self._lab),
            commands=commands,
        )
        processes = Processes(
            self._store, self._directory, settings, lambda: self._get_issuer().public_pem, lambda: self._base_url
        )
        if self._lab is not None:
            processes.options = self._lab.local
        return processes

    def _get_issuer(self) -> TokenIssuer:
        if self._issuer is None:
            self._issuer = TokenIssuer(f"{self._base_url}/{TENANT_ID}/", TENANT_ID)
        return self._issuer

    async def open(self) -> None:
        """Listen, and start the processes without waiting for them. Raises TargetUnavailable if a port is in use."""
        await self._listen()
        await self._processes.open(spare_units=0 if self._lab is None else self._lab.units)

    async def ready(self) -> None:
        """Wait until every process answers. Raises TargetUnavailable if one does not."""
        try:
            await self._processes.ready()
        except RuntimeError as error:
            raise TargetUnavailable(f"the local cloud did not start: {error}") from None

    async def _listen(self) -> None:
        faults = Faults()
        world = World(
            SUBSCRIPTION_ID,
            TENANT_ID,
            self._store,
            self._directory,
            self._operations,
            self._processes,
            self._processes.options,
        )
        identity = Identity(self._directory, self._get_issuer, lambda: self._base_url)
        admin = Admin(world, identity, self._processes, faults)
        monitoring = Monitoring(identity, world, self._data_dir / LOGS, self._data_dir / EVENTS)
        front = Front(Manager(world), identity, admin, faults, monitoring)
        self._runner = web.AppRunner(
            front.application(lambda: self._base_url), access_log=None, handle_signals=False, shutdown_timeout=1.0
        )
        await self._runner.setup()
        protocol = self._runner.server
        if protocol is None:
            raise RuntimeError("aiohttp set up no server")
        try:
            self._server = await asyncio.get_running_loop().create_server(
                protocol, HOST, self._ports.management, ssl=self._tls
            )
        except OSError as error:
            await self._runner.cleanup()
            what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise TargetUnavailable(
                f"port {self._ports.management} on {HOST} {what}; pass another --port, or 0 for any free one"
            ) from None
        self._base_url = f"https://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening, cancel all operations and stop every process. May be called twice."""
        await self._operations.cancel_all()
        await self._processes.close()
        if self._server is not None:
            self._server.close()
        if self._runner is not None and self._runner.server is not None:
            connections = [connection.transport for connection in self._runner.server.connections]
            with suppress(asyncio.CancelledError):
                await self._runner.cleanup()
            self._runner = None
            # Without the abort, closing waits 30 s for the TLS close_notify of each client with an idle connection.
            for transport in connections:
                if transport is not None:
                    transport.abort()
            await asyncio.sleep(0)

    @property
    def dead(self) -> list[str]:
        """Return a sentence about each process that ended without being stopped."""
        return self._processes.dead

    async def died(self) -> None:
        """Wait until a process ends without having been stopped."""
        await self._processes.died.wait()

    def connection(self) -> dict[str, Any]:
        """Return the JSON line's fields for the control plane: its addresses, and a client id with its secret."""
        return {
            "management_url": self._base_url,
            "admin_url": f"{self._base_url}/_local",
            "ca_file": str(self._ca_file),
            "subscription_id": SUBSCRIPTION_ID,
            "tenant_id": TENANT_ID,
            "client_id": self._owner.client_id,
            "client_secret": self._owner.secret,
            "events_file": str(self._data_dir / EVENTS),
            "logs_file": str(self._data_dir / LOGS),
            "gateway_version": f"Tripcurve {__version__}",
        }


def _goes_outside(lab: Lab) -> bool:
    """Return whether the lab names a backend outside this machine, which the gateway may then call."""
    return any(backend.kind == "existing" and backend.host not in _LOOPBACK for backend in lab.backends)
