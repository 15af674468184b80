"""Whatever a gateway sends becomes an answer or a class of error, and a row that can be recorded.

The other side, what a client sends to the local gateway, is in tests/provision/local/wire/test_fuzz.py.
"""

from __future__ import annotations

import itertools
import random
import socket
import tracemalloc
from collections.abc import Iterator
from time import monotonic_ns
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.http.answer import Answer
from locustfiles.http.connection import Connection
from locustfiles.http.reading import Reader, Usage
from locustfiles.http.sse import CompletionStream
from tests.fuzz.budget import bounded, fuzzed
from tests.fuzz.damage import damage_bytes
from tests.locustfiles.servers import COMPLETION, answer
from tripcurve.lab import load_lab
from tripcurve.run.record import SCHEMA

LAB = load_lab("quick")
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"
)
MARKED = b"x-tripcurve-backend: openaimock1.azurewebsites.net\r\nx-tripcurve-backend-ms: 12.5\r\nretry-after: 2\r\n"
ANSWERS = [
    answer(),
    answer(COMPLETION, b"429 Too Many Requests", MARKED),
    CHUNKED,
    b"HTTP/1.1 100 Continue\r\n\r\n" + answer(headers=MARKED),
    b"HTTP/1.0 200 OK\r\nretry-after-ms: 5\r\n\r\n" + COMPLETION,
]
EVENTS = (
    b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\ndata: [DONE]\n\n'
)


class Waiter:
    """Stands for the user's greenlet: is woken once."""

    woken = 0

    def switch(self) -> None:
        self.woken += 1


@pytest.fixture(scope="module")
def pair() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    yield ours
    ours.close()
    theirs.close()


def received(pieces: list[bytes], sock: socket.socket) -> Answer:
    """The answer that a connection makes of these bytes, and then of the peer's closing."""
    connection = Connection(sock.dup(), None)
    waiter: Any = Waiter()
    connection._waiter, connection._answer = waiter, Answer(monotonic_ns())
    for piece in pieces:
        if not connection._done:
            connection._feed(piece, monotonic_ns())
    if not connection._done:
        connection._ended(monotonic_ns())
    connection.close()
    assert waiter.woken == 1
    return connection._answer


def recordable(reader: Reader, got: Answer, usage: Usage | None) -> None:
    """What the answer says of itself fits the record's columns."""
    values = {
        "status": got.status,
        "origin": reader.origin(got),
        "backend": reader.backend(got),
        "backend_us": reader.backend_us(got),
        "retry_after_s": reader.retry_after_s(got),
        "prompt_tokens": None if usage is None else usage.prompt,
        "completion_tokens": None if usage is None else usage.completion,
        "error": got.error,
    }
    for name, value in values.items():
        type_ = SCHEMA.field(name).type
        pa.array([value], type_.value_type if pa.types.is_dictionary(type_) else type_)


@fuzzed
@given(st.sampled_from(ANSWERS), st.integers(0, 2**32), st.lists(st.integers(0, 400), max_size=4))
def test_damaged_answers_are_answers_or_errors(pair: socket.socket, data: bytes, seed: int, cuts: list[int]) -> None:
    data = damage_bytes(data, random.Random(seed))
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    with bounded():
        got = received([data[a:b] for a, b in itertools.pairwise(edges)], pair)
        assert got.status > 0 or got.error is not None
        reader = Reader(LAB)
        recordable(reader, got, reader.usage(got))


@fuzzed
@given(st.integers(0, 2**32), st.lists(st.integers(0, 400), max_size=4))
def test_damaged_streams_end_in_a_verdict(seed: int, cuts: list[int]) -> None:
    data = damage_bytes(EVENTS, random.Random(seed))
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    stream = CompletionStream()
    with bounded():
        for a, b in itertools.pairwise(edges):
            stream.feed(data[a:b], a)
        assert stream.verdict(None) in (None, "BadStream", "StreamError", "BrokenStream")
        recordable(Reader(LAB), Answer(0), stream.usage)


# Past findings.


@pytest.mark.parametrize("tokens", ["true", "-1", "2147483648", "9223372036854775808", "1e308", '"many"', "[]", "{}"])
def test_tokens_of_another_kind_are_not_recorded(tokens: str) -> None:
    """A text here once ended the recorder's greenlet, and with it the record of the whole run."""
    stream = CompletionStream()
    stream.feed(b'data: {"choices":[],"usage":{"prompt_tokens":%b,"completion_tokens":7}}\n\n' % tokens.encode(), 0)
    assert stream.usage == Usage(None, 7)


def test_a_line_without_end_is_not_kept() -> None:
    """A stream's line is bounded, so a gateway cannot fill this machine's memory, nor its time by joining pieces."""
    stream, piece = CompletionStream(), b"x" * 65_536
    tracemalloc.start()
    with bounded():
        for _ in range(1000):
            stream.feed(piece, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stream.verdict(None) == "BadStream"
    assert peak < 8 * 1024**2


def test_a_body_without_end_is_given_up(pair: socket.socket) -> None:
    """More than 64 MiB of one answer are not kept."""
    piece = b"x" * 1024**2
    got = received([b"HTTP/1.1 200 OK\r\n\r\n", *[piece] * 80], pair)
    assert (got.status, got.error) == (200, "BodyTooLarge")
    assert len(got.body) <= 66 * len(piece)
