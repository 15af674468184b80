"""The client against raw servers: framing, failures, and which connections it uses again."""

from __future__ import annotations

import asyncio

import pytest

from provision.local.wire.calls import Endpoint, UpstreamFailure
from provision.local.wire.client import Client
from tests.provision.local.wire.backends import OK, Script, always, backend, get, open_connections, post, whole
from tests.provision.local.wire.raw import settle


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
