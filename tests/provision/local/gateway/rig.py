"""A gateway unit in front of a backend that does as it is told, both over real sockets in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from provision.local.gateway.config import Snapshot
from provision.local.gateway.unit import GatewayUnit
from provision.local.wire import Limits, Request, Response, Server

KEY = "the-key"
CHAT = "/openai/deployments/gpt/chat/completions"
HOST = "openaimock1.azurewebsites.net"
MARK = (
    '<set-header name="x-tripcurve-backend" exists-action="override">'
    "<value>@(context.Request.Url.Host)</value></set-header>"
)
"""What the shipped policies set on every backend's answer."""


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so; unit, backend and client share it."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # units tell of their state only when asked
            await asyncio.sleep(0)


async def turns(count: int = 50) -> None:
    """Let the loop turn so often: what was written to a socket of this process is read in the next turn."""
    for _ in range(count):
        await asyncio.sleep(0)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


Reply = Response | Callable[[Request], Awaitable[Response]]


@dataclass
class Backend:
    """Notes what reaches it; answers with `replies` in turn, then with 200."""

    replies: list[Reply] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a request has reached the backend."""
    busy: int = 0
    """Requests that it has not answered and not given up."""

    async def handle(self, request: Request) -> Response:
        self.seen.append(request)
        self.arrived.set()
        self.busy += 1
        try:
            return await self._answer(request)
        finally:
            self.busy -= 1

    async def _answer(self, request: Request) -> Response:
        reply = self.replies.pop(0) if self.replies else Response(200, [], b"ok")
        if isinstance(reply, Response):
            await request.read(1 << 24)
            return reply
        return await reply(request)

    @property
    def hosts(self) -> list[str | None]:
        return [request.header("host") for request in self.seen]


def document(inbound: str = "", backend: str = "<base />", outbound: str = "", on_error: str = "") -> str:
    return (
        f"<policies><inbound><base />{inbound}</inbound><backend>{backend}</backend>"
        f"<outbound><base />{outbound}</outbound><on-error><base />{on_error}</on-error></policies>"
    )


def header(name: str, expression: str) -> str:
    """A set-header policy whose value is a C# expression."""
    return f'<set-header name="{name}" exists-action="override"><value>@({expression})</value></set-header>'


def to_backend(name: str = "one", outbound: str = MARK, **sections: str) -> str:
    inbound = sections.pop("inbound", "") + f'<set-backend-service backend-id="{name}" />'
    return document(inbound, outbound=outbound, **sections)


def rule(count: int = 3, trip: str = "PT60S", **changes: Any) -> dict[str, Any]:
    condition = {"count": count, "interval": "PT5M", "statusCodeRanges": [{"min": 429, "max": 429}]}
    condition |= changes.pop("condition", {})
    return {"rules": [{"name": "rule", "failureCondition": condition, "tripDuration": trip, **changes}]}


def single(name: str = "one", host: str = HOST, breaker: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {"url": f"https://{host}/openai", "protocol": "http", **more}
    if breaker is not None:
        properties["circuitBreaker"] = breaker
    return {"name": name, "properties": properties}


def pool(*members: str, name: str = "pool", **more: Any) -> dict[str, Any]:
    services = [
        {"id": f"/subscriptions/s/service/x/backends/{member}", "priority": 1, "weight": 1} for member in members
    ]
    return {"name": name, "properties": {"type": "Pool", "pool": {"services": services, **more}}}


def api(policy: str | None = None, **changes: Any) -> dict[str, Any]:
    operations = [
        {"id": "chat", "method": "POST", "url_template": "/deployments/{deployment-id}/chat/completions"},
        {"id": "get", "method": "GET", "url_template": "/things/{id}"},
        {"id": "head", "method": "HEAD", "url_template": "/things/{id}"},
    ]
    text = policy if policy is not None else to_backend()
    return {
        "id": "openai",
        "name": "openai",
        "path": "openai",
        "key_header": "api-key",
        "policy": {"format": "rawxml", "value": text},
        "operations": operations,
        **changes,
    }


def snapshot(**changes: Any) -> dict[str, Any]:
    base = {
        "service": {
            "name": "svc",
            "resource_id": "/subscriptions/s/service/svc",
            "location": "eastus",
            "sku": "BasicV2",
        },
        "apis": [api()],
        "subscriptions": [{"id": "master", "primary_key": KEY, "secondary_key": "other-key"}],
        "backends": [single(breaker=rule())],
    }
    return {**base, **changes}


@dataclass
class Rig:
    """A running unit. `configure` gives it another snapshot, as the control plane would."""

    unit: GatewayUnit
    port: int
    backend: Backend
    folder: Path
    mock_port: int
    clock: Clock | None

    def configure(self, **changes: Any) -> None:
        self.unit.apply(self._complete(snapshot(**changes)))

    def _complete(self, content: dict[str, Any]) -> Snapshot:
        files = {name: str(self.folder / f"gateway-{name}.jsonl") for name in ("events", "logs")}
        paths = {f"{name}_file": path for name, path in files.items()}
        return Snapshot.model_validate({"mock_port": self.mock_port, **paths, **content})

    async def ask(
        self, path: str = CHAT, method: str = "POST", body: bytes = b"{}", key: str | None = KEY, **headers: str
    ) -> Answer:
        """One request on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self.head(path, method, key, len(body), **headers) + body)
        try:
            return await read_answer(reader, method)
        finally:
            writer.close()

    def head(self, path: str, method: str, key: str | None, length: int | None, **headers: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{self.port}"]
        lines += [f"api-key: {key}"] if key is not None else []
        lines += [f"content-length: {length}"] if length is not None else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def events(self) -> list[dict[str, Any]]:
        self.unit.flush()
        return _lines(self.folder / "gateway-events.jsonl")

    async def logged(self) -> list[dict[str, Any]]:
        self.unit.flush()
        return _lines(self.folder / "gateway-logs.jsonl")

    def kinds(self) -> list[str]:
        return [event["eventType"].rpartition(".")[2] for event in self.events()]


async def read_answer(reader: asyncio.StreamReader, method: str = "POST") -> Answer:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    elif method != "HEAD":
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    headers["reason"] = first.split(" ", 2)[2]
    return Answer(int(first.split(" ")[1]), headers, body)


@asynccontextmanager
async def rig(
    folder: Path, clock: Clock | None = None, limits: Limits | None = None, **changes: Any
) -> AsyncIterator[Rig]:
    """A unit with `changes` to the usual snapshot; `clock` None: real time, `limits` None: the usual ones."""
    backend = Backend()
    mock = Server(backend.handle)
    mock_port = await mock.listen("127.0.0.1", 0)
    unit = GatewayUnit(limits) if clock is None else GatewayUnit(limits, clock)
    made = Rig(unit, 0, backend, folder, mock_port, clock)
    try:
        made.port = await unit.start(made._complete(snapshot(**changes)))
        yield made
    finally:
        await unit.stop(0.0)
        await mock.close()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def status(code: int, *headers: tuple[str, str]) -> Response:
    return Response(code, list(headers), b"{}")


MEMBERS = [single("one", "one.azurewebsites.net", rule(1)), single("two", "two.azurewebsites.net", rule(1))]
"""Two backends whose breakers trip at the first failure. They become a pool with `pool("one", "two")`."""
TO_POOL = [api(to_backend("pool"))]
