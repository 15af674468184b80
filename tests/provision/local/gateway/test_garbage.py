"""A request leaves nothing that only the garbage collector could free: it runs rarely in a unit, and then stops it."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import AsyncGeneratorType, CoroutineType, FrameType, MappingProxyType
from typing import Any, NamedTuple

import pytest
import uvloop

from provision.local.wire import Disconnect, Request, Response
from provision.local.wire.calls import Endpoint, UpstreamCall
from provision.local.wire.exchange import UpstreamConnection
from tests.provision.local.gateway.rig import (
    CHAT,
    KEY,
    Clock,
    Reply,
    Rig,
    api,
    document,
    pool,
    read_answer,
    rig,
    rule,
    single,
    status,
    to_backend,
    turns,
    until,
)

TIMES = 4
OURS = ("provision", "tripcurve", "tests", "httptools")
Go = Callable[[Rig], Awaitable[object]]


class Case(NamedTuple):
    """Requests, what the backend says to them, and how the unit is configured."""

    go: Go
    reply: Reply | None = None
    changes: Mapping[str, Any] = MappingProxyType({})


async def never(request: Request) -> Response:
    await asyncio.Event().wait()
    return Response(200)


async def dropped(request: Request) -> Response:
    raise Disconnect


async def streamed(request: Request) -> Response:
    return Response(200, [("content-type", "text/event-stream")], _parts(4))


async def broken_off(request: Request) -> Response:
    return Response(200, [], _parts(1, broken=True))


async def _parts(count: int, broken: bool = False) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"data: {}\n\n"
        await asyncio.sleep(0)
    if broken:
        raise Disconnect


def asked(**request: Any) -> Go:
    async def go(unit: Rig) -> None:
        for _ in range(TIMES):
            await unit.ask(**request)

    return go


def written(*pieces: bytes, head: Callable[[Rig], bytes] = lambda _: b"", cut: bool = False) -> Go:
    """Pieces of bytes on a connection each time; then it is cut, or the answer is read."""

    async def go(unit: Rig) -> None:
        for _ in range(TIMES):
            reader, writer = await asyncio.open_connection("127.0.0.1", unit.port)
            for piece in (head(unit), *pieces):
                writer.write(piece)
                await turns()
            if cut:
                writer.transport.abort()
            else:
                await read_answer(reader)
                writer.close()

    return go


def chunked(unit: Rig) -> bytes:
    return unit.head(CHAT, "POST", KEY, None, transfer_encoding="chunked")


def whole(unit: Rig) -> bytes:
    return unit.head(CHAT, "POST", KEY, 2) + b"{}"


async def tripped_meanwhile(unit: Rig) -> None:
    unit.backend.replies.clear()
    for _ in range(TIMES):
        unit.backend.replies += [never, status(429)]
        await asyncio.gather(unit.ask(), unit.ask())
        assert unit.clock is not None
        unit.clock.now += 1  # the breaker is closed again


def inbound(policies: str, **changes: Any) -> dict[str, Any]:
    return {"apis": [api(to_backend(inbound=policies))], **changes}


def expression(code: str) -> dict[str, Any]:
    return inbound(f'<set-variable name="x" value="@{{ {code} }}" />')


def send(variable: str, url: str) -> str:
    return (
        f'<send-request mode="new" response-variable-name="{variable}" timeout="5" ignore-error="false">'
        f"<set-url>{url}</set-url><set-method>GET</set-method></send-request>"
    )


NOWHERE = "http://127.0.0.1:1/"
IDENTITY = {"principal_id": "1", "endpoint": f"{NOWHERE}token", "secret": "s"}
AGAIN = '<retry count="2" interval="0" condition="@(context.Response.StatusCode == 429)"><forward-request buffer-request-body="true" /></retry>'  # noqa: E501  # one policy
PARSED = "try { return int.Parse('a'); } catch (Exception e) "
FACTORIAL = "Func&lt;int, int&gt; f = null; f = n =&gt; n == 0 ? 1 : n * f(n - 1); return f(5);"

CASES = {
    "an answer": Case(asked()),
    "a failure": Case(asked(), status(429), {"backends": [single()]}),
    "a shed": Case(asked(), status(429), {"backends": [single(breaker=rule(1))]}),
    "a pool's shed": Case(
        asked(),
        status(429),
        {
            "backends": [single(breaker=rule(1)), pool("one")],
            "apis": [api(to_backend("pool"))],
        },
    ),
    "retries": Case(asked(), status(429), {"backends": [single()], "apis": [api(to_backend(backend=AGAIN))]}),
    "a stream": Case(asked(), streamed),
    "a stream that breaks off": Case(written(b"", b"", head=whole, cut=True), broken_off),
    "a stream that breaks off while a policy reads it": Case(
        asked(),
        broken_off,
        {"apis": [api(to_backend(outbound="<set-body>@(context.Response.Body.As&lt;string&gt;())</set-body>"))]},
    ),
    "a stream whose tokens are counted": Case(
        asked(),
        streamed,
        inbound('<llm-token-limit counter-key="a" tokens-per-minute="100000" estimate-prompt-tokens="true" />'),
    ),
    "a backend that drops": Case(asked(), dropped),
    "a backend that is slow": Case(
        asked(), never, {"apis": [api(to_backend(backend='<forward-request timeout-ms="10" />'))]}
    ),
    "a backend that is not there": Case(asked(), None, {"backends": [single(url=NOWHERE)]}),
    "a call cancelled by the trip": Case(
        tripped_meanwhile,
        None,
        {"options": {"in_flight_at_trip": "cancelled"}, "backends": [single(breaker=rule(1, "PT1S"))]},
    ),
    "a client that leaves": Case(written(head=whole, cut=True), never),
    "a client that leaves a stream": Case(written(head=whole, cut=True), streamed),
    "a client that leaves its own request": Case(written(b"POST / HTTP/1.1\r\nhost: a\r\n", cut=True)),
    "a request in chunks": Case(written(b"2\r\n{}\r\n", b"0\r\n\r\n", head=chunked)),
    "a request in bad chunks": Case(written(b"2\r\n{}\r\n", b"zz\r\n", head=chunked)),
    "a request that is not HTTP": Case(written(b"nonsense\r\n\r\n")),
    "a wrong key": Case(asked(key="wrong")),
    "no such operation": Case(asked(path="/nowhere")),
    "a policy's own answer": Case(
        asked(),
        None,
        {"apis": [api(document('<return-response><set-status code="418" reason="x" /></return-response>'))]},
    ),
    "an expression that fails": Case(asked(), None, expression("return int.Parse('a');".replace("'", "&quot;"))),
    "an exception caught": Case(asked(), None, expression((PARSED + "{ return 1; }").replace("'", "&quot;"))),
    "an exception thrown again": Case(asked(), None, expression((PARSED + "{ throw; }").replace("'", "&quot;"))),
    "a closure that calls itself": Case(asked(), None, expression(FACTORIAL)),
    "a request of a policy's own": Case(asked(), None, inbound(send("x", "https://x.azurewebsites.net/"))),
    "one that fails": Case(asked(), None, inbound(send("x", NOWHERE))),
    "several side by side": Case(
        asked(),
        None,
        inbound(f'<wait for="all">{send("x", NOWHERE)}{send("y", "https://x.azurewebsites.net/")}</wait>'),
    ),
    "no token to be had": Case(
        asked(),
        None,
        inbound(
            '<authentication-managed-identity resource="https://x/" />',
            service={"name": "s", "resource_id": "/s", "identity": IDENTITY},
        ),
    ),
    "a rate limit reached": Case(
        asked(), None, inbound('<rate-limit-by-key calls="1" renewal-period="300" counter-key="k" />')
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> Iterator[None]:
    """Spares the collector the heap of the test suite, which is large."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def test_the_collector_finds_what_refers_to_itself() -> None:
    with garbage() as found:
        ring: list[object] = []
        ring.append(Holder(ring))
        del ring
    assert found["Holder"] == 1


class Holder:
    def __init__(self, other: object) -> None:
        self.other = other


@pytest.mark.parametrize("name", CASES)
def test_a_request_leaves_no_garbage(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    assert uvloop.run(_left_by(case, tmp_path)) == {}


def test_a_connection_that_is_given_up_as_it_is_made_leaves_no_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop calls `connection_made` and then, if the caller has gone meanwhile, never `connection_lost`."""
    made = UpstreamConnection.connection_made

    async def given_up(unit: Rig) -> None:
        task = asyncio.create_task(
            unit.unit._client.request(UpstreamCall(Endpoint("127.0.0.1", unit.mock_port), b"", "GET"))
        )

        def cancel(connection: UpstreamConnection, transport: asyncio.BaseTransport) -> None:
            made(connection, transport)
            task.cancel()

        with monkeypatch.context() as patched:
            patched.setattr(UpstreamConnection, "connection_made", cancel)
            await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    assert uvloop.run(_left_by(Case(given_up), tmp_path)) == {}


async def _left_by(case: Case, folder: Path) -> Counter[str]:
    """What is garbage after the requests, by type, once the unit is warm."""
    async with rig(folder, Clock(), **case.changes) as unit:
        await _served(case, unit)
        with garbage() as found:
            await _served(case, unit)
    return found


async def _served(case: Case, unit: Rig) -> None:
    if case.reply is not None:
        unit.backend.replies = [case.reply] * TIMES * 4
    await case.go(unit)
    unit.backend.replies.clear()
    unit.backend.seen.clear()
    await until(lambda: not unit.unit.counts()["connections"] and not unit.backend.busy)
    await turns()  # the backend's connections end too
    unit.unit.flush()


@contextmanager
def garbage() -> Iterator[Counter[str]]:
    """Counts what of ours is garbage after the block; the collector does not run meanwhile."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.freeze()  # what was there before is not looked at again
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found.update(name for each in gc.garbage if (name := _name(each)) is not None)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def _name(garbage: object) -> str | None:
    """The type of an object of ours, the function of a frame or coroutine; None: a library's, or a plain container."""
    if isinstance(garbage, FrameType):
        return f"frame of {garbage.f_code.co_qualname}"
    if isinstance(garbage, (CoroutineType, AsyncGeneratorType)):
        return garbage.__qualname__
    kind = type(garbage)
    return kind.__name__ if kind.__module__.startswith(OURS) else None
