"""One exchange with a backend: bodies in both directions, early answers, pauses and cancelled callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from provision.local.wire import Refused
from provision.local.wire.calls import ClientResponse, UpstreamCall, UpstreamFailure
from provision.local.wire.client import Client
from tests.provision.local.wire.backends import OK, always, backend, get, open_connections, post, whole
from tests.provision.local.wire.raw import settle

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
