"""The server over real sockets: keep-alive, pipelining, streaming, clients that are slow or leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from provision.local.wire import Disconnect, Limits, Request, Response, Server
from tests.provision.local.wire.raw import Recorder, answers, exchange, serving, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(body: bytes, *headers: bytes) -> bytes:
    extra = b"".join(header + b"\r\n" for header in headers)
    return b"POST / HTTP/1.1\r\nHost: a\r\n" + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def test_pipelined_requests_are_answered_in_order() -> None:
    recorder = Recorder()
    async with serving(recorder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(post(b"x" * size) for size in range(100)))
        assert await answers(reader, 100) == [(200, b"%d" % size) for size in range(100)]
        writer.close()


async def test_reading_goes_on_after_more_was_pipelined_than_is_read_ahead() -> None:
    recorder = Recorder()
    async with serving(recorder, Limits(pipelined=2)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(50):
            writer.write(GET * 10)
            await asyncio.sleep(0)
        assert await answers(reader, 500) == [(200, b"0")] * 500
        writer.close()


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_request_cut_into_pieces_is_the_same_request(size: int) -> None:
    recorder = Recorder()
    async with serving(recorder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        whole = post(b"hello", b"X: y")
        for at in range(0, len(whole), size):
            writer.write(whole[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)
        assert await answers(reader, 1) == [(200, b"5")]
        assert recorder.seen == [("POST", "/", b"hello")]
        writer.close()


async def test_chunked_body_and_its_trailer_are_read() -> None:
    recorder = Recorder()
    async with serving(recorder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: y\r\n\r\n" + GET)
        assert await answers(reader, 2) == [(200, b"5"), (200, b"0")]
        assert recorder.seen[0] == ("POST", "/", b"abcde")
        writer.close()


async def test_http_1_0_is_answered_and_closed() -> None:
    async with serving(Recorder()) as (_, port):
        got = await exchange(port, b"GET / HTTP/1.0\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in got


async def test_http_1_0_stream_ends_with_the_connection() -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [], _parts(b"a", b"b"))

    async with serving(handler) as (_, port):
        got = await exchange(port, b"GET / HTTP/1.0\r\n\r\n")
        assert got.endswith(b"\r\n\r\nab")
        assert b"transfer-encoding" not in got


async def test_head_gets_the_length_but_no_body() -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [], b"hello")

    async with serving(handler) as (_, port):
        got = await exchange(port, b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b"content-length: 5" in got
        assert got.endswith(b"\r\n\r\n")


async def test_204_has_neither_length_nor_body() -> None:
    async def handler(request: Request) -> Response:
        return Response(204)

    async with serving(handler) as (_, port):
        got = await exchange(port, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert b"content-length" not in got


async def test_100_continue_is_sent_only_when_the_body_is_read() -> None:
    recorder = Recorder()
    async with serving(recorder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert await answers(reader, 1) == [(200, b"3")]
        writer.close()


async def test_answer_without_reading_the_body_closes_the_connection() -> None:
    async def handler(request: Request) -> Response:
        return Response(401, [], b"no")

    async with serving(handler) as (_, port):
        head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        got = await exchange(port, head)
        assert got.startswith(b"HTTP/1.1 401 ")
        assert b"connection: close" in got
        assert b"100 Continue" not in got


async def test_upgrade_without_a_body_is_ignored() -> None:
    recorder = Recorder()
    async with serving(recorder) as (_, port):
        got = await exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GET)
        assert got.count(b"HTTP/1.1 200 OK") == 1
        assert len(recorder.seen) == 1


async def _parts(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_first_piece_reaches_the_client_before_the_last_is_made() -> None:
    go_on = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await go_on.wait()
        yield b"last"

    async def handler(request: Request) -> Response:
        return Response(200, [], body())

    async with serving(handler) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        assert (await reader.readuntil(b"first\r\n")).endswith(b"5\r\nfirst\r\n")
        go_on.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"4\r\nlast\r\n0\r\n\r\n"
        writer.close()


async def test_stream_that_breaks_cuts_the_connection_without_an_end() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        raise ValueError("broken")

    async def handler(request: Request) -> Response:
        return Response(200, [], body())

    async with serving(handler) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        got = await _rest(reader)
        assert not got.endswith(b"0\r\n\r\n")
        writer.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection is closed or reset."""
    got = b""
    try:
        while piece := await reader.read(1000):
            got += piece
    except ConnectionResetError:
        pass
    return got


async def test_disconnect_sends_nothing() -> None:
    async def handler(request: Request) -> Response:
        raise Disconnect

    async with serving(handler) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


async def test_handler_that_fails_is_a_500_and_the_server_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> Response:
        raise ValueError("a fault of ours")

    async with serving(handler) as (_, port):
        for _ in range(2):
            assert (await exchange(port, GET)).startswith(b"HTTP/1.1 500 ")
    assert "a fault of ours" in caplog.text


async def test_header_values_cannot_start_lines_of_their_own() -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [("x", "a\r\nset-cookie: b"), ("y\nz", "é\u20ac")], b"", "OK\r\nevil: 1")

    async with serving(handler) as (_, port):
        got = await exchange(port, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        head = got.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        assert not [line for line in head.splitlines() if line.startswith(("set-cookie", "evil", "z"))]


async def test_client_that_leaves_cancels_the_handler() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    async with serving(handler) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await asyncio.wait_for(started.wait(), 3)
        writer.close()
        await asyncio.wait_for(cancelled.wait(), 3)


async def test_client_that_leaves_closes_the_stream_it_was_sent() -> None:
    closed = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0)
        finally:
            closed.set()

    async def handler(request: Request) -> Response:
        return Response(200, [], body())

    async with serving(handler) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readexactly(1000)
        writer.close()
        await asyncio.wait_for(closed.wait(), 3)


async def test_slow_client_pauses_the_sender() -> None:
    made = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(2000):
            made += 1
            yield b"x" * 65536
            await asyncio.sleep(0)

    async def handler(request: Request) -> Response:
        return Response(200, [], body())

    async with serving(handler) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        before = -1
        while made != before:  # until nothing more is made
            before = made
            await settle()
        assert made < 500
        writer.transport.abort()


async def test_slow_handler_pauses_the_client() -> None:
    limits = Limits(stream_bytes=65536)
    go_on = asyncio.Event()
    seen: list[int] = []

    async def handler(request: Request) -> Response:
        await go_on.wait()
        seen.append(len(await request.read(1 << 26)))
        return Response(200)

    async with serving(handler, limits) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        size = 40_000_000
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        writer.write(b"x" * size)
        await settle()
        left = writer.transport.get_write_buffer_size()
        await settle()
        assert writer.transport.get_write_buffer_size() == left > 10_000_000
        go_on.set()
        await answers(reader, 1)
        assert seen == [size]
        writer.close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def _timed(sent: bytes, past: float, limits: Limits) -> bytes:
    clock = Clock()
    server = Server(Recorder(), limits, clock)
    port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await settle()
    clock.now += past
    server.expire()
    await settle()
    reading = asyncio.create_task(reader.read())
    await settle()
    try:
        return reading.result() if reading.done() else b"still open"
    finally:
        reading.cancel()
        writer.close()
        await server.close()


LIMITS = Limits(head_timeout_s=10, body_timeout_s=20, idle_timeout_s=30)


@pytest.mark.parametrize(
    ("sent", "past", "expected"),
    [
        (b"GET / HT", 10.0, b"HTTP/1.1 408 "),
        (b"GET / HT", 9.9, b"still open"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 20.0, b"HTTP/1.1 408 "),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 19.9, b"still open"),
        (b"", 30.0, b""),
        (b"", 29.9, b"still open"),
        (GET, 29.9, b"still open"),
    ],
)
async def test_slow_client_is_disconnected_at_the_limit_and_not_before(
    sent: bytes, past: float, expected: bytes
) -> None:
    got = await _timed(sent, past, LIMITS)
    assert got[: len(expected)] == expected
    assert bool(got) == bool(expected)


async def test_closing_lets_requests_under_way_finish() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        await go_on.wait()
        return Response(200, [], b"done")

    server = Server(handler)
    port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET)
    await started.wait()
    closing = asyncio.create_task(server.close(grace_s=60))
    await settle()
    assert not closing.done()
    go_on.set()
    await asyncio.gather(closing, _reads(reader, b"done"))
    writer.close()


async def _reads(reader: asyncio.StreamReader, body: bytes) -> None:
    assert (await answers(reader, 1))[0] == (200, body)
