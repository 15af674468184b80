"""Requests that two servers could read differently are refused, and nothing of them is served."""

from __future__ import annotations

import asyncio

import pytest

from provision.local.wire import Limits
from tests.provision.local.wire.raw import Recorder, answers, exchange, serving

HOST = b"Host: a\r\n"
POST = b"POST /x HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

SHAPES = {
    "length and chunked": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "two different lengths": (POST + b"Content-Length: 3\r\nContent-Length: 30\r\n\r\nabc", 400),
    "list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "signed length": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "hexadecimal length": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    "empty length": (POST + b"Content-Length:\r\n\r\n", 400),
    "endless length": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
    "folded header": (POST + b"X: y\r\n z\r\n\r\n", 400),
    "folded coding": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    "blank before colon": (POST + b"Content-Length : 3\r\n\r\nabc", 400),
    "tab before colon": (POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
    "blank first": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "one bare line feed": (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400),
    "bare line feed at the end": (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    "bare carriage return": (POST + b"X: a\rb\r\n\r\n", 400),
    "NUL in a value": (POST + b"X: a\x00b\r\n\r\n", 400),
    "control in a value": (POST + b"X: a\x01b\r\n\r\n", 400),
    "no name": (POST + b": a\r\n\r\n", 400),
    "blank in a name": (POST + b"X Y: a\r\n\r\n", 400),
    "unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "coding in quotes": (POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400),
    "vertical tab in coding": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "coding after chunked": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    "two codings": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "coding twice": (POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "bad chunk size": (CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n", 400),
    "prefixed chunk size": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size and blank": (CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", 400),
    "negative chunk size": (CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size overflows": (CHUNKED + b"FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n", 400),
    "chunk ends in line feed": (CHUNKED + b"3\nabc\r\n0\r\n\r\n", 400),
    "chunk longer than said": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400),
    "line feed in an extension": (CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "HTTP/2.0 in words": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "unknown method": (b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "lower-case method": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "byte of no character": (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "CONNECT": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "upgrade with a body": (
        POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
        400,
    ),
    "unknown expectation": (POST + b"Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc", 417),
}


@pytest.mark.parametrize(("sent", "status"), SHAPES.values(), ids=SHAPES.keys())
async def test_refused_shape_is_answered_once_and_closes_the_connection(sent: bytes, status: int) -> None:
    recorder = Recorder()
    async with serving(recorder) as (server, port):
        got = await exchange(port, sent + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 %d " % status)
        assert got.count(b"\r\ndate: ") == 1
        assert b"connection: close" in got
        assert recorder.seen == []
        assert server.refused == {status: 1}


async def test_requests_before_a_bad_one_are_served() -> None:
    recorder = Recorder()
    async with serving(recorder) as (_, port):
        got = await exchange(port, b"GET /good HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\nHost: a\n\n")
        assert got.startswith(b"HTTP/1.1 200 OK")
        assert b"HTTP/1.1 400 Bad Request" in got
        assert recorder.seen == [("GET", "/good", b"")]


async def test_body_with_a_bad_later_chunk_is_never_taken_as_complete() -> None:
    recorder = Recorder()
    async with serving(recorder) as (_, port):
        got = await exchange(port, CHUNKED + b"3\r\nabc\r\n", b"zz\r\n")
        assert got.startswith(b"HTTP/1.1 400 ")
        assert recorder.seen == []


LIMITS = Limits(target_bytes=200, head_bytes=2000, head_count=20, body_bytes=1000)
OVER = {
    "long target": (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "endless target": (b"GET /" + b"a" * 3000, 414),
    "many headers": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20 + b"\r\n", 431),
    "large header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 3000 + b"\r\n\r\n", 431),
    "endless header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 3000, 431),
    "long body announced": (POST + b"Content-Length: 1001\r\n\r\n", 413),
    "long body in chunks": (CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", 413),
}


@pytest.mark.parametrize(("sent", "status"), OVER.values(), ids=OVER.keys())
async def test_request_over_a_limit_is_refused_with_its_status(sent: bytes, status: int) -> None:
    recorder = Recorder()
    async with serving(recorder, LIMITS) as (_, port):
        got = await exchange(port, sent)
        assert got.startswith(b"HTTP/1.1 %d " % status)
        assert recorder.seen == []


@pytest.mark.parametrize("noise", [b"0\r\nX: ", b"1;x="], ids=["trailer", "chunk extension"])
async def test_endless_framing_is_refused(noise: bytes) -> None:
    recorder = Recorder()
    async with serving(recorder, LIMITS) as (_, port):
        got = await exchange(port, CHUNKED + b"1\r\na\r\n" + noise, *[b"y" * 1000] * 4)
        assert got.startswith(b"HTTP/1.1 400 ")
        assert recorder.seen == []


async def test_body_in_the_smallest_chunks_is_accepted() -> None:
    recorder = Recorder()
    async with serving(recorder, LIMITS) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CHUNKED)
        for _ in range(1000):
            writer.write(b"1\r\na\r\n")
        writer.write(b"0\r\n\r\n")
        assert await answers(reader, 1) == [(200, b"1000")]
        writer.close()


async def test_head_that_follows_another_request_is_limited_too() -> None:
    recorder = Recorder()
    large = b"GET /large HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 3000 + b"\r\n\r\n"
    async with serving(recorder, LIMITS) as (_, port):
        got = await exchange(port, b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + large)
        assert b"HTTP/1.1 431 " in got
        assert [target for _, target, _ in recorder.seen] == ["/first"]


async def test_body_of_exactly_the_limit_is_accepted() -> None:
    recorder = Recorder()
    async with serving(recorder, LIMITS) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000)
        assert await answers(reader, 1) == [(200, b"1000")]
        writer.close()


async def test_one_connection_too_many_is_answered_with_503() -> None:
    async with serving(Recorder(), Limits(connections=1)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await answers(reader, 1) == [(200, b"0")]
        assert (await exchange(port, b"")).startswith(b"HTTP/1.1 503 ")
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await answers(reader, 1) == [(200, b"0")]
        writer.close()
