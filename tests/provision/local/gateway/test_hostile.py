"""Whatever a client sends: a 4xx or a closed connection, nothing unasked behind it, and service goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.provision.local.gateway.rig import CHAT, KEY, Rig, api, header, read_answer, rig, to_backend
from tests.provision.local.wire.test_refusals import SHAPES

NAMES = st.sampled_from(
    ["host", "connection", "transfer-encoding", "content-length", "expect", "upgrade", "te", "trailer", "x", "api-key"]
)
VALUES = st.one_of(
    st.sampled_from(["", "chunked", "close", "0", "5", "-1", "identity", "100-continue", "h2c", "a, b", KEY, "\u00ff"]),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=12),
)
TARGETS = st.one_of(
    st.sampled_from(
        [CHAT, CHAT + "?a=b", "//", "/../..", "/openai/../../etc", "*", "http://evil/" + CHAT, "/%2e%2e/%00"]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map(lambda text: "/openai/" + text),
)


async def _send(gateway: Rig, data: bytes) -> bytes:
    """What comes back until the gateway closes, or falls silent because it waits for more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(data)
    got = b""
    try:
        while piece := await asyncio.wait_for(reader.read(65536), 0.05):
            got += piece
    except (ConnectionResetError, TimeoutError):
        pass
    finally:
        writer.close()
    return got


def _statuses(got: bytes) -> list[int]:
    return [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]


@given(TARGETS, st.lists(st.tuples(NAMES, VALUES), max_size=6), st.binary(max_size=40))
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_request_is_answered_with_a_fault_of_ours(
    tmp_path: Path, target: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    lines = [f"POST {target} HTTP/1.1", "host: a", f"api-key: {KEY}", *(f"{name}: {value}" for name, value in headers)]
    data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body

    async def scenario() -> None:
        async with rig(tmp_path) as gateway:
            assert all(status < 500 or status in (501, 505) for status in _statuses(await _send(gateway, data)))
            assert (await gateway.ask()).status == 200

    asyncio.run(scenario())


async def test_no_refused_shape_reaches_the_backend(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        for name, (data, status) in SHAPES.items():
            keyed = data.replace(b"/x HTTP", f"{CHAT} HTTP".encode()).replace(
                b"Host: a", f"Host: a\r\napi-key: {KEY}".encode(), 1
            )
            got = await _send(gateway, keyed)
            assert _statuses(got)[:1] == [status], name
        assert gateway.backend.seen == []
        assert (await gateway.ask()).status == 200


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b'{"a": ', b"[" * 100_000, b'"' + b"x" * 1_000_000 + b'"', b""])
async def test_body_no_policy_can_read_is_a_500_of_the_policy_and_no_more(tmp_path: Path, body: bytes) -> None:
    reads = header("model", 'context.Request.Body.As<JObject>(preserveContent: true)["model"].ToString()')
    async with rig(tmp_path, apis=[api(to_backend(inbound=reads))]) as gateway:
        assert (await gateway.ask(body=body)).status == 500
        assert (await gateway.logged())[-1]["LastErrorReason"] == "ExpressionValueEvaluationFailure"
        assert gateway.backend.seen == []
        assert (await gateway.ask(body=b'{"model": "m"}')).status == 200


async def test_body_longer_than_a_policy_may_read_is_refused_and_nothing_is_forwarded(tmp_path: Path) -> None:
    reads = header("size", "context.Request.Body.As<string>(preserveContent: true).Length")
    async with rig(tmp_path, apis=[api(to_backend(inbound=reads))]) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.head(CHAT, "POST", KEY, None, Transfer_Encoding="chunked"))
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        for _ in range(18):
            writer.write(chunk)
        assert (await read_answer(reader)).status == 413
        writer.close()
        assert gateway.backend.seen == []
        assert gateway.unit.counts()["by_status"] == {"413": 1}


@pytest.mark.parametrize(
    "inbound",
    [
        header("X-Copy", r'"a\r\nx-evil: 1"'),
        '<set-query-parameter name="q" exists-action="override">'
        r'<value>@("b HTTP/1.1\r\nx-evil: 1")</value></set-query-parameter>',
        r'<rewrite-uri template="@(&quot;/b HTTP/1.1\r\nx-evil: 1&quot;)" />',
        r'<set-method>@("GET / HTTP/1.1\r\nx-evil: 1")</set-method>',
    ],
)
async def test_policy_text_cannot_break_out_of_its_place(tmp_path: Path, inbound: str) -> None:
    async with rig(tmp_path, apis=[api(to_backend(inbound=inbound))]) as gateway:
        await gateway.ask()
        for request in gateway.backend.seen:
            assert request.header("x-evil") is None
            assert " " not in request.target
