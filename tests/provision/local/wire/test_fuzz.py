"""Whatever bytes come: a 4xx, a served request or a closed connection; and the server goes on."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provision.local.wire import Limits, Refused
from provision.local.wire.messages import Request
from provision.local.wire.parsing import RequestParser
from tests.provision.local.wire.test_refusals import SHAPES

LIMITS = Limits(target_bytes=100, head_bytes=1000, head_count=10, body_bytes=1000)
GOOD = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x\r\ncde\r\n0\r\nT: u\r\n\r\n",
    b"HEAD http://b/c#d HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n",
]


def parse(pieces: list[bytes]) -> tuple[list[tuple[str, str, list[tuple[str, str]], bytes]], int | None]:
    """Requests with their whole bodies, and the status of the refusal that ended the input; None: none."""
    parser = RequestParser(LIMITS, lambda: 0.0, lambda: None, lambda: None, lambda: None)
    taken: list[Request] = []
    status = None
    for piece in pieces:
        try:
            taken += parser.feed(piece)
        except Refused as refusal:
            status = refusal.status
            taken += parser.finished()
            break
    return [
        (each.method, each.target, each.headers, body) for each in taken if (body := _body(each)) is not None
    ], status


def _body(request: Request) -> bytes | None:
    """The body; None: it never became whole."""
    if isinstance(request.body, bytes):
        return request.body
    return asyncio.run(request.read(10_000)) if request.body.complete else None


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(st.sampled_from(GOOD), min_size=1, max_size=5), st.lists(st.integers(0, 1000), max_size=6))
@settings(max_examples=150)
def test_splitting_the_bytes_differently_changes_nothing(messages: list[bytes], places: list[int]) -> None:
    data = b"".join(messages)
    found, status = parse(cut(data, places))
    assert status is None
    assert found == parse([data])[0]
    assert len(found) == len(messages)


@given(st.lists(st.sampled_from(GOOD), max_size=2), st.binary(max_size=300), st.lists(st.integers(0, 1000), max_size=4))
@settings(max_examples=300)
def test_any_bytes_are_requests_or_a_refusal(messages: list[bytes], noise: bytes, places: list[int]) -> None:
    found, status = parse(cut(b"".join(messages) + noise, places))
    assert status is None or 400 <= status < 600
    assert len(found) >= len(messages)


@given(
    st.sampled_from([*GOOD, *(shape for shape, _ in SHAPES.values())]),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), min_size=1, max_size=4),
)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_request_never_yields_more_than_its_bytes_say(message: bytes, edits: list[tuple[int, bytes]]) -> None:
    for place, replacement in edits:
        at = place % (len(message) + 1)
        message = message[:at] + replacement + message[at + 1 :]
    found, status = parse([message])
    assert status is None or 400 <= status < 600
    for _, _, headers, body in found:
        names = [name for name, _ in headers]
        assert names.count("content-length") + names.count("transfer-encoding") <= 1
        assert len(body) <= len(message)
