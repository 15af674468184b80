"""Bodies that stream where somebody needs them whole, and calls that end before they begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from provision.local.wire import Limits, Request, Response, Server
from tests.provision.local.gateway.rig import (
    CHAT,
    KEY,
    Answer,
    Rig,
    api,
    header,
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

SMALL = Limits(buffered_bytes=1000)
READS = '<set-body>@(context.Response.Body.As&lt;string&gt;() + "!")</set-body>'
KEEPS = '<forward-request buffer-request-body="true" />'
TWICE = f'<retry count="1" interval="0" condition="@(context.Response.StatusCode == 429)">{KEEPS}</retry>'


def stream(code: int, *parts: bytes, closed: asyncio.Event | None = None) -> Any:
    async def body() -> AsyncIterator[bytes]:
        try:
            for part in parts:
                yield part
                await asyncio.sleep(0)
        finally:
            if closed is not None:
                closed.set()

    async def reply(request: Request) -> Response:
        await request.read(1 << 24)
        return Response(code, [], body())

    return reply


async def upload(gateway: Rig, *parts: bytes) -> Answer:
    """A request whose body comes in pieces, after its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    before = gateway.unit.requests
    writer.write(gateway.head(CHAT, "POST", KEY, None, transfer_encoding="chunked"))
    await until(lambda: gateway.unit.requests > before)
    for part in parts:
        await turns()
        writer.write(b"%x\r\n%b\r\n" % (len(part), part))
    writer.write(b"0\r\n\r\n")
    try:
        return await read_answer(reader)
    finally:
        writer.close()


async def test_streamed_answer_that_a_policy_reads_is_gathered_first(tmp_path: Path) -> None:
    async with rig(tmp_path, apis=[api(to_backend(outbound=READS))]) as gateway:
        gateway.backend.replies = [stream(200, b"one ", b"two ", b"three")]
        assert (await gateway.ask()).body == b"one two three!"


async def test_answer_too_long_to_gather_is_an_error_and_is_read_no_further(tmp_path: Path) -> None:
    closed = asyncio.Event()
    async with rig(tmp_path, limits=SMALL, apis=[api(to_backend(outbound=READS))]) as gateway:
        gateway.backend.replies = [stream(200, *[b"x" * 600] * 50, closed=closed)]
        assert (await gateway.ask()).status == 500
        (line,) = [line for line in await gateway.logged() if line["Type"] == "ApiManagementGatewayLogs"]
        assert line["LastErrorReason"] == "BackendConnectionFailure"
        assert "1000" in line["LastErrorMessage"]
        await asyncio.wait_for(closed.wait(), 5)


async def test_request_in_pieces_is_kept_for_the_next_attempt_where_asked(tmp_path: Path) -> None:
    async with rig(tmp_path, backends=[single()], apis=[api(to_backend(backend=TWICE))]) as gateway:
        gateway.backend.replies = [status(429)]
        assert (await upload(gateway, b"{", b"}")).status == 200
        assert [request.body for request in gateway.backend.seen] == [b"{}", b"{}"]


async def test_request_too_long_to_keep_is_a_413_that_no_backend_sees(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"backends": [single(breaker=rule(1))], "apis": [api(to_backend(backend=KEEPS))]}
    async with rig(tmp_path, limits=SMALL, **changes) as gateway:
        assert (await upload(gateway, b"x" * 600, b"x" * 600)).status == 413
        assert gateway.backend.seen == []
        assert (await gateway.ask()).status == 200, "it was no failure of the backend's"


async def test_answer_that_a_retry_replaces_is_given_up(tmp_path: Path) -> None:
    closed = asyncio.Event()
    async with rig(tmp_path, backends=[single()], apis=[api(to_backend(backend=TWICE))]) as gateway:
        gateway.backend.replies = [stream(429, *[b"x"] * 10_000, closed=closed)]
        assert (await gateway.ask()).body == b"ok"
        await asyncio.wait_for(closed.wait(), 5)


@pytest.mark.parametrize(
    ("backends", "said"),
    [
        ([single("other")], "There is no backend 'one'."),
        ([single(url="ftp://files/")], "The backend 'one' has no URL that can be called."),
        ([single("two", url="ftp://files/"), pool("two", name="one")], "The backend 'two' has no URL"),
    ],
)
async def test_backend_that_cannot_be_called_is_an_error_that_says_why(
    tmp_path: Path, backends: list[dict[str, Any]], said: str
) -> None:
    async with rig(tmp_path, backends=backends) as gateway:
        assert (await gateway.ask()).status == 500
        assert said in (await gateway.logged())[-1]["LastErrorMessage"]


async def test_credentials_of_a_backend_may_be_the_services_identity(tmp_path: Path) -> None:
    async def tokens(request: Request) -> Response:
        return Response(200, [], b'{"access_token": "abc", "expires_on": 99999999999}')

    server = Server(tokens)
    port = await server.listen("127.0.0.1", 0)
    identity = {"principal_id": "p", "endpoint": f"http://127.0.0.1:{port}/msi", "secret": "shh"}
    service = {"name": "svc", "resource_id": "/svc", "identity": identity}
    backends = [single(breaker=rule(1), credentials={"managedIdentity": {"resource": "https://r"}})]
    async with rig(tmp_path, service=service, backends=backends) as gateway:
        await gateway.ask()
        assert gateway.backend.seen[0].header("authorization") == "Bearer abc"
    await server.close()
    async with rig(tmp_path, service={**service, "identity": None}, backends=backends) as gateway:
        assert [(await gateway.ask()).status for _ in range(2)] == [500, 500], "no token is no failure of the backend's"
        assert gateway.backend.seen == []


async def test_call_of_a_policy_is_given_up_after_its_timeout(tmp_path: Path) -> None:
    async def never(request: Request) -> Response:
        await asyncio.Event().wait()
        return Response(200)

    server = Server(never)
    port = await server.listen("127.0.0.1", 0)
    call = (
        '<send-request response-variable-name="other" timeout="0.01" ignore-error="false">'
        f"<set-url>http://127.0.0.1:{port}/</set-url></send-request>"
    )
    async with rig(tmp_path, apis=[api(to_backend(inbound=call))]) as gateway:
        assert (await gateway.ask()).status == 500
        assert (await gateway.logged())[-1]["LastErrorReason"] == "Timeout"
    await server.close()


async def test_what_telemetry_would_send_to_azure_is_in_the_log(tmp_path: Path) -> None:
    metric = '<emit-metric name="calls" value="2"><dimension name="API ID" /></emit-metric>'
    async with rig(tmp_path, apis=[api(to_backend(inbound=metric))]) as gateway:
        await gateway.ask()
        (line,) = [line for line in await gateway.logged() if line["Type"] == "metric"]
    assert (line["name"], line["value"], line["dimensions"]) == ("calls", 2, {"API ID": "openai"})


async def test_a_shed_of_a_pool_names_the_pool(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"backends": [single("two", breaker=rule(1)), pool("two", name="one")]}
    async with rig(tmp_path, **changes) as gateway:
        gateway.backend.replies = [status(429)]
        assert [(await gateway.ask()).status for _ in range(2)] == [429, 503]
        assert (await gateway.logged())[-1]["BackendId"] == "one"


async def test_answer_header_that_a_policy_reads_needs_no_body(tmp_path: Path) -> None:
    seen = header("seen", 'context.Response.Headers.GetValueOrDefault("x-made", "none")')
    async with rig(tmp_path, apis=[api(to_backend(outbound=seen))]) as gateway:
        gateway.backend.replies = [Response(200, [("x-made", "here")], b"ok")]
        answer = await gateway.ask()
    assert (answer.headers["seen"], answer.body) == ("here", b"ok")
