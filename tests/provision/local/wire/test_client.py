"""The client against raw servers that behave as no library would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from provision.local.wire import Refused
from provision.local.wire.calls import ClientResponse, Endpoint, UpstreamCall, UpstreamFailure
from provision.local.wire.client import Client
from tests.provision.local.wire.raw import settle

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def backend(script: Script) -> AsyncIterator[tuple[Client, Endpoint]]:
    """A client, and a server that runs `script` for each connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = Client()
    try:
        yield client, Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        await client.close()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def open_connections(client: Client) -> int:
    """Connections at this moment, idle ones included."""
    return len(client._open)


def get(
    endpoint: Endpoint,
    method: str = "GET",
    timeout_s: float = 3.0,
    on_head: Callable[[ClientResponse], None] | None = None,
) -> UpstreamCall:
    return UpstreamCall(endpoint, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", method, timeout_s=timeout_s, on_head=on_head)


def post(endpoint: Endpoint, body: bytes = b"abc") -> UpstreamCall:
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body)
    return UpstreamCall(endpoint, head, "POST", body, timeout_s=3.0)


async def whole(response: ClientResponse) -> bytes:
    return response.body if isinstance(response.body, bytes) else b"".join([part async for part in response.body])


def always(reply: bytes, close: bool = False) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            await writer.drain()
            if close:
                return

    return script


async def test_connection_is_used_again() -> None:
    async with backend(always(OK)) as (client, endpoint):
        for _ in range(3):
            assert await whole(await client.request(get(endpoint))) == b"ok"
        assert open_connections(client) == 1


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
async def test_body_is_read_however_it_is_framed(reply: bytes, body: bytes) -> None:
    async with backend(always(reply)) as (client, endpoint):
        for _ in range(2):
            response = await client.request(get(endpoint))
            assert await whole(response) == body
            assert response.header("link") is None
        assert open_connections(client) == 1


async def test_body_without_a_length_ends_with_the_connection() -> None:
    async with backend(always(b"HTTP/1.1 200 OK\r\n\r\nto the end", close=True)) as (client, endpoint):
        assert await whole(await client.request(get(endpoint))) == b"to the end"


async def test_head_has_a_length_and_no_body() -> None:
    async with backend(always(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")) as (client, endpoint):
        response = await client.request(get(endpoint, method="HEAD"))
        assert await whole(response) == b""
        assert response.header("content-length") == "99"


@pytest.mark.parametrize(
    "reply",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
    ],
)
async def test_answer_that_is_not_http_is_a_connection_failure(reply: bytes) -> None:
    async with backend(always(reply, close=True)) as (client, endpoint):
        with pytest.raises(UpstreamFailure) as raised:
            await client.request(get(endpoint))
        assert raised.value.reason == "BackendConnectionFailure"


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ],
)
async def test_body_that_breaks_off_raises_after_what_came(reply: bytes) -> None:
    async with backend(always(reply, close=True)) as (client, endpoint):
        with pytest.raises(UpstreamFailure):
            await whole(await client.request(get(endpoint)))


async def test_refused_connection_is_a_connection_failure() -> None:
    client = Client()
    with pytest.raises(UpstreamFailure) as raised:
        await client.request(get(Endpoint("127.0.0.1", 9)))
    assert raised.value.reason == "BackendConnectionFailure"
    await client.close()


async def test_silence_is_a_timeout() -> None:
    async with backend(always(b"")) as (client, endpoint):
        with pytest.raises(UpstreamFailure) as raised:
            await client.request(get(endpoint, timeout_s=0.05))
        assert raised.value.reason == "Timeout"
        await settle()
        assert open_connections(client) == 0


def counting(replies: list[bytes | None], seen: list[bytes]) -> Script:
    """Answers by turns over all connections; None closes without an answer."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            reply = replies.pop(0)
            if reply is None:
                return
            writer.write(reply)

    return script


async def test_idempotent_call_on_a_stale_connection_is_sent_once_more() -> None:
    seen: list[bytes] = []
    async with backend(counting([OK, None, OK], seen)) as (client, endpoint):
        await client.request(get(endpoint))
        assert await whole(await client.request(get(endpoint))) == b"ok"
        assert len(seen) == 3


async def test_call_that_changes_something_is_never_sent_twice() -> None:
    seen: list[bytes] = []
    async with backend(counting([OK, None, OK], seen)) as (client, endpoint):
        await client.request(get(endpoint))
        with pytest.raises(UpstreamFailure):
            await client.request(post(endpoint))
        assert len(seen) == 2


async def test_fresh_connection_that_closes_is_not_tried_again() -> None:
    seen: list[bytes] = []
    async with backend(counting([None, OK], seen)) as (client, endpoint):
        with pytest.raises(UpstreamFailure):
            await client.request(get(endpoint))
        assert len(seen) == 1


async def test_call_whose_answer_began_is_not_sent_again() -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in (OK, b"HTTP/1.1 2"):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(reply)
            await writer.drain()

    async with backend(script) as (client, endpoint):
        await client.request(get(endpoint))
        with pytest.raises(UpstreamFailure):
            await client.request(get(endpoint))
        assert len(seen) == 2


async def test_post_does_not_trust_a_connection_that_was_idle_long() -> None:
    now = [100.0]
    connections = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await always(OK)(reader, writer)

    async with backend(script) as (_, endpoint):
        client = Client(clock=lambda: now[0])
        await client.request(post(endpoint))
        await client.request(post(endpoint))
        assert connections == 1
        now[0] += 3.5
        await client.request(post(endpoint))
        assert connections == 2
        await client.close()


@pytest.mark.parametrize(("past", "kept"), [(60.0, 1), (60.1, 0)])
async def test_idle_connection_is_kept_for_a_minute(past: float, kept: int) -> None:
    now = [100.0]
    async with backend(always(OK)) as (_, endpoint):
        client = Client(clock=lambda: now[0])
        await client.request(get(endpoint))
        now[0] += past
        client.expire()
        await settle()
        assert open_connections(client) == kept
        await client.close()


BEGUN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


@pytest.mark.parametrize(("past", "ended"), [(240.0, False), (240.1, True)])
async def test_body_that_stops_coming_is_given_up_after_four_minutes(past: float, ended: bool) -> None:
    now = [100.0]
    async with backend(always(BEGUN)) as (_, endpoint):
        client = Client(clock=lambda: now[0])
        response = await client.request(get(endpoint))
        assert not isinstance(response.body, bytes)
        assert await anext(response.body) == b"abc"
        now[0] += past
        client.expire()
        if ended:
            with pytest.raises(UpstreamFailure, match="stopped sending") as failure:
                await anext(response.body)
            assert failure.value.reason == "Timeout"
            with pytest.raises(ConnectionError):  # read on, it neither waits for ever nor looks complete
                await anext(response.body)
        else:
            assert open_connections(client) == 1
        await client.close()


async def test_second_answer_to_one_request_does_not_answer_the_next() -> None:
    async with backend(always(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")) as (client, endpoint):
        assert await whole(await client.request(get(endpoint))) == b"ok"
        assert await whole(await client.request(get(endpoint))) == b"ok"


async def test_streamed_request_arrives_in_chunks_and_head_leaves_with_the_first() -> None:
    got: list[bytes] = []
    release = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"3\r\nabc\r\n"))
        release.set()
        got.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(OK)

    async def body() -> AsyncIterator[bytes]:
        yield b"abc"
        await release.wait()
        yield b"de"

    async with backend(script) as (client, endpoint):
        head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        response = await client.request(UpstreamCall(endpoint, head, "POST", body(), chunked=True, timeout_s=3.0))
        assert response.status == 200
        assert got == [head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"]


async def test_body_that_is_bad_from_the_start_reaches_no_backend() -> None:
    got: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read(1000))

    async def body() -> AsyncIterator[bytes]:
        raise Refused(400, "bad chunk")
        yield b""

    async with backend(script) as (client, endpoint):
        with pytest.raises(Refused):
            await client.request(UpstreamCall(endpoint, b"POST / HTTP/1.1\r\n\r\n", "POST", body(), True, 3.0))
        await settle()
        assert b"".join(got) == b""


async def test_early_answer_wins_over_a_body_still_being_sent() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.Event().wait()

    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    async with backend(script) as (client, endpoint):
        response = await client.request(UpstreamCall(endpoint, b"POST / HTTP/1.1\r\n\r\n", "POST", body(), True, 3.0))
        assert response.status == 413
        await settle()
        assert open_connections(client) == 0


async def test_caller_that_is_cancelled_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b""
        closed.set()

    async with backend(script) as (client, endpoint):
        task = asyncio.create_task(client.request(get(endpoint)))
        await settle()
        task.cancel()
        await asyncio.wait_for(closed.wait(), 3)


async def test_closing_a_body_early_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await writer.drain()
        try:
            await reader.read()
        finally:
            closed.set()

    async with backend(script) as (client, endpoint):
        response = await client.request(get(endpoint))
        assert not isinstance(response.body, bytes)
        assert await anext(response.body) == b"a"
        await response.body.aclose()  # type: ignore[attr-defined]  # a ResponseBody
        await asyncio.wait_for(closed.wait(), 3)


async def test_head_callback_runs_before_the_waiting_caller_continues() -> None:
    order: list[str] = []
    async with backend(always(OK)) as (client, endpoint):
        await client.request(get(endpoint, on_head=lambda response: order.append(f"head {response.status}")))
        order.append("answer")
    assert order == ["head 200", "answer"]


async def test_slow_reader_pauses_the_backend() -> None:
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(2000):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
            sent += 1

    async with backend(script) as (client, endpoint):
        response = await client.request(get(endpoint))
        before = -1
        while sent != before:
            before = sent
            await settle()
        assert sent < 500
        assert not isinstance(response.body, bytes)
        await response.body.aclose()  # type: ignore[attr-defined]  # a ResponseBody


async def test_cancelling_just_too_late_does_not_disturb_the_next_exchange() -> None:
    following: list[asyncio.Task[ClientResponse]] = []
    async with backend(always(OK)) as (client, endpoint):

        def on_head(_: ClientResponse) -> None:
            following.append(asyncio.create_task(client.request(post(endpoint, b""))))
            first.cancel()

        first = asyncio.create_task(client.request(get(endpoint, on_head=on_head)))
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await whole(await following[0]) == b"ok"
        assert open_connections(client) == 1
