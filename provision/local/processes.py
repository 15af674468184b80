"""The data plane: one mock process, and for each service its gateway units behind one port."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision.local.arm.store import Resource, Store
from provision.local.identity.directory import Directory
from provision.local.ports import HOST, HeldPort
from provision.local.snapshots import mock_snapshot, service_snapshot
from provision.local.supervisor import Child, ChildFailed
from tripcurve.lab.local_options import LocalOptions

__all__ = ["Commands", "Processes", "Settings"]

_log = logging.getLogger(__name__)
Json = dict[str, Any]


def _module(name: str) -> tuple[str, ...]:
    """Return the command that runs a module. `-P` prevents running a folder `provision` in the working directory."""
    return (sys.executable, "-P", "-m", name)


@dataclass(frozen=True, slots=True)
class Commands:
    """The command lines that start the children."""

    mock: tuple[str, ...] = _module("provision.local.mock")
    gateway: tuple[str, ...] = _module("provision.local.gateway")
    program: tuple[str, ...] = _module("provision.local.gateways")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the processes that are not in the store. `gateway_port` 0 takes any free port."""

    events_file: Path
    logs_file: Path
    ca_file: Path
    gateway_port: int = 0
    allow_external: bool = False
    commands: Commands = Commands()


@dataclass(slots=True)
class _Gateway:
    held: HeldPort
    units: list[Child] = field(default_factory=list)


class Processes:
    """Starts, configures and stops the child processes.

    A child that dies is reported and not restarted, because a unit with a new, empty breaker would falsify the
    measurement.
    """

    def __init__(
        self,
        store: Store,
        directory: Directory,
        settings: Settings,
        token_key: Callable[[], str],
        base_url: Callable[[], str],
    ) -> None:
        self.options = LocalOptions()
        self._store = store
        self._directory = directory
        self._settings = settings
        self._token_key = token_key
        self._base_url = base_url
        self._mock: Child | None = None
        self._mock_started: asyncio.Task[None] | None = None
        self._gateways: dict[str, _Gateway] = {}
        self._spare: list[Child] = []
        self._dead: list[str] = []
        self.died = asyncio.Event()
        """Set when the first child ends without having been stopped."""
        self._publishing = asyncio.Lock()

    @property
    def dead(self) -> list[str]:
        """Return a sentence about each child that ended without being stopped."""
        return list(self._dead)

    async def open(self, spare_units: int = 0) -> None:
        """Start the mock, and gateway units that wait for a service."""
        self._mock = Child("mock", self._settings.commands.mock, self._on_death)
        self._spare = [
            Child(f"unit {index}", self._settings.commands.gateway, self._on_death) for index in range(spare_units)
        ]
        await asyncio.gather(*(child.spawn() for child in (self._mock, *self._spare)))
        # Provisioning begins while the children load; `start` waits for the mock, because it needs the port.
        self._mock_started = asyncio.create_task(self._feed_mock(), name="mock")

    async def ready(self) -> None:
        """Wait until the mock answers. Raises ChildFailed if it does not."""
        if self._mock_started is not None:
            await asyncio.shield(self._mock_started)

    async def close(self) -> None:
        """Stop every child and free the ports."""
        await asyncio.gather(*(child.stop() for child in self.children()))
        if self._mock_started is not None:
            await asyncio.gather(self._mock_started, return_exceptions=True)
        for gateway in self._gateways.values():
            gateway.held.release()
        self._gateways.clear()

    def children(self) -> list[Child]:
        """Return every child, the mock first."""
        units = [unit for gateway in self._gateways.values() for unit in gateway.units]
        return [*([] if self._mock is None else [self._mock]), *units, *self._spare]

    def units(self) -> list[Child]:
        """Return the gateway units that serve, in the order of services and units."""
        return [unit for gateway in self._gateways.values() for unit in gateway.units]

    async def counts(self) -> Json:
        """Return how many requests the gateway units and the mock counted. Raises ChildFailed."""
        units = await asyncio.gather(*(unit.counts() for unit in self.units()))
        mocked = {} if self._mock is None else await self._mock.counts()
        return {"gateway": _total(units), "units": units, "mock": mocked}

    def reserve(self, service_id: str) -> str:
        """Hold a port for a service and return its gateway URL. Only the first service gets the port in the settings.

        Raises PortInUse if another program has the port.
        """
        wanted = self._settings.gateway_port if not self._gateways else 0
        held = HeldPort(wanted)
        self._gateways[service_id.lower()] = _Gateway(held)
        return f"http://{HOST}:{held.port}"

    async def start(self, service: Resource) -> None:
        """Start or stop units until the service has as many as it wants, and wait until all are ready.

        Raises ChildFailed.
        """
        await self.ready()
        gateway = self._gateways[service.id.lower()]
        gateway.units = [unit for unit in gateway.units if unit.alive or unit.port is not None]
        wanted = self._unit_count(service)
        while len(gateway.units) > wanted:
            await gateway.units.pop().stop()
        while len(gateway.units) < wanted:
            gateway.units.append(await self._new_unit(service, len(gateway.units)))
        await asyncio.gather(
            *(unit.configure(self._snapshot(service, gateway, index)) for index, unit in enumerate(gateway.units))
        )

    async def resize(self) -> None:
        """Start or stop units of every running service until it has as many as the options want. Raises ChildFailed."""
        for service_id, gateway in list(self._gateways.items()):
            service = self._store.get(service_id)
            if service is not None and gateway.units and len(gateway.units) != self._unit_count(service):
                await self.start(service)

    async def stop(self, service_id: str) -> None:
        gateway = self._gateways.pop(service_id.lower(), None)
        if gateway is not None:
            await asyncio.gather(*(unit.stop() for unit in gateway.units))
            gateway.held.release()

    async def publish(self) -> None:
        """Send every child its changed state, and wait until each has applied it."""
        async with self._publishing:
            jobs = [self._feed_mock()]
            for service_id, gateway in self._gateways.items():
                service = self._store.get(service_id)
                ready = [(index, unit) for index, unit in enumerate(gateway.units) if unit.port is not None]
                if service is not None:
                    jobs += [
                        unit.configure(self._snapshot(service, gateway, index)) for index, unit in ready if unit.alive
                    ]
            for outcome in await asyncio.gather(*jobs, return_exceptions=True):
                if isinstance(outcome, ChildFailed):
                    _log.error("%s", outcome)
                elif isinstance(outcome, BaseException):
                    raise outcome

    async def _feed_mock(self) -> None:
        if self._mock is not None and (self._mock.alive or self._mock.port is None):
            await self._mock.configure(
                mock_snapshot(self._store, self._token_key(), self.options.model_dump(mode="json"))
            )

    async def _new_unit(self, service: Resource, index: int) -> Child:
        if self._spare:
            unit = self._spare.pop(0)
            unit.name = f"{service.name} unit {index}"
            return unit
        unit = Child(f"{service.name} unit {index}", self._settings.commands.gateway, self._on_death)
        await unit.spawn()
        return unit

    def _unit_count(self, service: Resource) -> int:
        override = self.options.unit_count_override
        return max(1, int(service.body["sku"]["capacity"])) if override is None else override

    def _snapshot(self, service: Resource, gateway: _Gateway, index: int) -> Json:
        settings = self._settings
        described = {
            "name": service.name,
            "resource_id": service.id,
            "location": service.secrets["location"],
            "sku": service.body["sku"]["name"],
            "unit": index,
            "port": gateway.held.port,
            "identity": self._identity(service),
        }
        return {
            "service": described,
            "mock_port": None if self._mock is None else self._mock.port,
            "allow_external": settings.allow_external,
            "sign_in": {"endpoint": self._base_url(), "ca_file": str(settings.ca_file)},
            "events_file": str(settings.events_file),
            "logs_file": str(settings.logs_file),
            "options": self.options.model_dump(mode="json"),
            **service_snapshot(self._store, service),
        }

    def _identity(self, service: Resource) -> Json | None:
        own, assigned = self._directory.identity_of(service.id), self._directory.assigned_to(service.id)
        identity = own if own is not None or not assigned else assigned[0]
        if identity is None:
            return None
        return {
            "principal_id": identity.principal_id,
            "client_id": identity.client_id,
            "endpoint": f"{self._base_url()}/_local/msi{service.id}",
            "secret": identity.secret,
            "ca_file": str(self._settings.ca_file),
        }

    def _on_death(self, child: Child) -> None:
        said = f"{child.name} (pid {child.pid}) ended unexpectedly with exit code {child.exit_code}"
        self._dead.append(said)
        self.died.set()
        _log.error("%s", said)


def _total(units: list[Json]) -> Json:
    by_status: dict[str, int] = {}
    for unit in units:
        for status, number in unit.get("by_status", {}).items():
            by_status[status] = by_status.get(status, 0) + number
    return {"requests": sum(unit.get("requests", 0) for unit in units), "by_status": by_status}
