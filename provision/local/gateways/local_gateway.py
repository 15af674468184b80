"""A gateway program on localhost, in front of one mock for each backend of its lab."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from pydantic import SecretStr

from provision.local.browsers import refuse_other_sites
from provision.local.gateways.catalogue import program_of
from provision.local.gateways.follower import Breaker
from provision.local.gateways.process import Order
from provision.local.gateways.program import Launch, Program, Setup
from provision.local.health import Health
from provision.local.ports import HOST, free_port
from provision.local.processes import Commands
from provision.local.supervisor import Child, ChildFailed, Json
from provision.resources.site import mock_settings
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.gateways import profile_of
from tripcurve.lab import Backend, Lab
from tripcurve.scenario.simulation import Behaviour, Simulation
from tripcurve.simulation_headers import HEADER
from tripcurve.target import Target

__all__ = ["LocalGateway"]

_log = logging.getLogger(__name__)
FIRST_ANSWER_S = 30.0
"""How long the first answer may take: LiteLLM needs five seconds on a slow machine."""
_REFUSED = {HEADER: Simulation({"default": Behaviour(response_status_code=400)}).to_header()}
"""Makes a backend answer 400, which no kind of gateway counts as a failure."""


class LocalGateway:
    """A lab's gateway program and its mocks: `open` it, wait until it is `ready`, `close` it.

    Each backend has a mock of its own, because programs tell backends apart by their addresses. `events` is the file of
    the breakers' events. `commands` and `program` None start the real ones.

    Raises BadInput for a kind that no program runs, or a backend that is no mock.
    """

    def __init__(
        self,
        lab: Lab,
        folder: Path,
        events: Path,
        port: int = 0,
        commands: Commands | None = None,
        program: Program | None = None,
    ) -> None:
        for index, backend in enumerate(lab.backends):
            if backend.kind != "mock":
                raise BadInput(
                    f"backends[{index}].kind: on localhost, kind {lab.gateway.kind} takes backends of kind "
                    f"mock, not {backend.kind}; for others, start the gateway yourself and use --target URL"
                )
        self._lab = lab
        self._folder = folder
        self._events = events
        self._wanted_port = port
        self._commands = Commands() if commands is None else commands
        self._program = program_of(lab) if program is None else program
        self._profile = profile_of(lab)
        self._key = f"sk-{secrets.token_hex(24)}"
        self._mocks: dict[str, Child] = {}
        self._owner: Child | None = None
        self._launch: Launch | None = None
        self._version: str | None = None
        self._runner: web.AppRunner | None = None
        self._admin_url: str | None = None
        self._dead: list[str] = []
        self._died = asyncio.Event()

    async def open(self) -> None:
        """Start the mocks and the program's owner, without waiting for them.

        Raises TargetUnavailable if the program is not installed, or the port is in use.
        """
        self._executable = self._program.find(self._lab)
        try:
            self._port = free_port(self._wanted_port)
        except OSError as error:
            raise TargetUnavailable(f"{error.strerror}; pass another --gateway-port, or 0 for any free one") from None
        self._mocks = {
            backend.name: Child(f"mock {backend.name}", self._commands.mock, self._on_death)
            for backend in self._lab.backends
        }
        self._owner = Child(self._profile.title, self._commands.program, self._on_death)
        version = asyncio.to_thread(self._program.version, self._executable)
        self._version, *_ = await asyncio.gather(version, *(child.spawn() for child in self.children()))
        await self._serve_health()

    async def _serve_health(self) -> None:
        app = web.Application(middlewares=[refuse_other_sites])
        Health(self).register(app)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0)
        await site.start()
        self._admin_url = f"http://{HOST}:{self._runner.addresses[0][1]}/_local"

    async def ready(self) -> None:
        """Configure the mocks, then the program, and wait until it answers. Raises TargetUnavailable."""
        try:
            await asyncio.gather(
                *(self._mocks[backend.name].configure(self._snapshot(backend)) for backend in self._lab.backends)
            )
            self._launch = self._program.prepare(self._setup(), self._executable)
            if self._owner is not None:
                await self._owner.configure(self._order(self._launch).model_dump(mode="json"))
        except ChildFailed as error:
            remedy = f"if {self._profile.title} lacks a package, run `{self._profile.install}`"
            raise TargetUnavailable(f"the gateway did not start: {error}\n{remedy}") from None
        await self._warm_up()

    async def _warm_up(self) -> None:
        """Send a chat completion and one that fails: programs load much at their first answer and first failure.

        Raises TargetUnavailable if the first answer is no 2xx.
        """
        async with ClientSession(timeout=ClientTimeout(FIRST_ANSWER_S)) as session:
            status, said = await self._ask(session, {})
            if not 200 <= status < 300:
                raise TargetUnavailable(f"{self._profile.title} answered its first request with {status}: {said[:300]}")
            await self._ask(session, _REFUSED)

    async def _ask(self, session: ClientSession, headers: Mapping[str, str]) -> tuple[int, str]:
        """Send one chat completion. Returns status and body. Raises TargetUnavailable without an answer."""
        target = self.target
        name, _, key = target.key_line.partition(": ")
        url, body = target.gateway_url + target.chat_path, target.chat_body([{"role": "user", "content": "Hello"}])
        try:
            async with session.post(url, json=body, headers={**target.headers, name: key, **headers}) as answer:
                return answer.status, await answer.text(errors="replace")
        except (ClientError, TimeoutError) as error:
            raise TargetUnavailable(
                f"{self._profile.title} did not answer a request before the run: {type(error).__name__}"
            ) from None

    def _snapshot(self, backend: Backend) -> Json:
        settings = mock_settings(backend, self._lab.model)
        site = {"name": backend.name, "location": backend.location or self._lab.location, "settings": settings}
        return {"sites": [site], "sole": True, "options": self._lab.local.model_dump(mode="json")}

    def _setup(self) -> Setup:
        addresses = {name: f"{HOST}:{mock.port}" for name, mock in self._mocks.items()}
        return Setup(self._lab, self._folder, self._port, self._key, addresses)

    def _order(self, launch: Launch) -> Order:
        breakers: dict[str, Breaker] = {}
        for name, address in self._setup().addresses.items():
            rule = next(backend.breaker for backend in self._lab.backends if backend.name == name)
            if rule is not None:
                breakers[name] = breakers[address] = Breaker(name, rule.name, rule.trip_duration)
        record = self._program.record
        return Order(
            kind=self._lab.gateway.kind,
            title=self._profile.title if self._version is None else f"{self._profile.title} {self._version}",
            command=launch.command,
            environment=dict(launch.environment),
            port=self._port,
            ready_path=launch.ready_path,
            folder=self._folder,
            record=None if record is None else self._folder / record,
            events=None if record is None else self._events,
            breakers=breakers,
        )

    async def close(self) -> None:
        """End the program, then the mocks. May be called twice."""
        if self._owner is not None:
            await self._owner.stop()
        await asyncio.gather(*(mock.stop() for mock in self._mocks.values()))
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def target(self) -> Target:
        """The gateway, once it is ready. Raises RuntimeError before."""
        lab, launch = self._lab, self._launch
        if launch is None:
            raise RuntimeError("the gateway is not ready")
        return Target(
            gateway_url=f"http://{HOST}:{self._port}",
            api_key=SecretStr(self._key),
            deployment=lab.model.deployment,
            api_version=lab.api.version if launch.api_version is None else launch.api_version,
            api_path=launch.api_path,
            admin_url=self._admin_url,
            events_file=None if self._program.record is None else str(self._events),
            headers={**lab.gateway.headers, **launch.headers},
            key_header=self._profile.key_header,
            gateway_version=self._version,
        )

    @property
    def dead(self) -> list[str]:
        """Return a sentence about each process that ended without being stopped."""
        return list(self._dead)

    async def died(self) -> None:
        """Wait until a process ends without having been stopped."""
        await self._died.wait()

    def children(self) -> list[Child]:
        """Return every child, the mocks first."""
        return [*self._mocks.values(), *([] if self._owner is None else [self._owner])]

    async def counts(self) -> Json:
        """Return the program's processor time since it was ready, and how many requests the mocks counted.

        Raises ChildFailed.
        """
        mocks = await asyncio.gather(*(mock.counts() for mock in self._mocks.values()))
        used = {} if self._owner is None else await self._owner.counts()
        return {"gateway": used, "units": [used], "mock": {"requests": sum(each.get("requests", 0) for each in mocks)}}

    def _on_death(self, child: Child) -> None:
        said = f"{child.name} (pid {child.pid}) ended unexpectedly with exit code {child.exit_code}"
        self._dead.append(said)
        self._died.set()
        _log.error("%s", said)
