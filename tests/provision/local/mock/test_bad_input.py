"""Bodies nobody should send: each is refused with a clear 400 in Azure's error shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.provision.local.mock.conftest import CHAT, HELLO, Bench, site

DEPLOYMENT = "/openai/deployments/a/"
OPERATIONS = ("chat/completions", "completions", "embeddings", "images/generations")
PATHS = [*(DEPLOYMENT + operation for operation in OPERATIONS), "/openai/v1/responses"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "king", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": {"text": "hi"}}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": {"simulation": 7}}]}, "messages[0].content.simulation"),
        ({"messages": [*HELLO["messages"], {"role": "user", "content": {"simulation": {}}}]}, "messages[1].content"),
        ({**HELLO, "max_tokens": "many"}, "max_tokens"),
        ({**HELLO, "max_tokens": True}, "max_tokens"),
        ({**HELLO, "max_tokens": 1.5}, "max_tokens"),
        ({**HELLO, "max_tokens": 0}, "max_tokens"),
        ({**HELLO, "max_tokens": 10**12}, "max_tokens"),
        ({**HELLO, "max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
        ({**HELLO, "n": 129}, "n"),
        ({**HELLO, "stream": "yes"}, "stream"),
        ({**HELLO, "stream_options": []}, "stream_options"),
        ({**HELLO, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({**HELLO, "temperature": "hot"}, "temperature"),
        ({**HELLO, "temperature": 3}, "temperature"),
        ({**HELLO, "logprobs": 1}, "logprobs"),
        ({**HELLO, "top_logprobs": 3}, "top_logprobs"),
        ({**HELLO, "logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({**HELLO, "logprobs": True, "max_tokens": 100_000}, "logprobs"),
        ({**HELLO, "tools": {}, "tool_choice": "required"}, "tools"),
        ({**HELLO, "tool_choice": "sometimes", "tools": [{"type": "function", "function": {}}]}, "tool_choice"),
    ],
)
async def test_a_wrong_field_is_named(bench: Bench, body: dict[str, Any], param: str) -> None:
    status, _, answer = await bench.ask(body)
    assert (status, answer["error"]["param"]) == (400, param)
    assert answer["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe{}",
        b'{"messages":"\xc3\x28"}',
        b'{"messages":[{"role":"user","content":"\\ud800"}]}',
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"messages":NaN}',
    ],
    ids=lambda data: repr(data[:20]),
)
@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_is_not_a_json_object_is_a_400(bench: Bench, path: str, data: bytes) -> None:
    status, _, answer = await bench.ask(data, path=path)
    assert status == 400
    assert answer["error"]["message"]


async def test_an_answer_too_large_to_make_is_a_400(bench: Bench) -> None:
    assert (await bench.ask({**HELLO, "max_tokens": 100_000, "n": 128}))[0] == 400
    simulation = {"default": {"completion_tokens": 100_000}}
    assert (await bench.ask({**HELLO, "n": 128}, simulation=simulation))[0] == 400
    assert (await bench.ask({"input": ["x"] * 2000}, path=DEPLOYMENT + "embeddings"))[0] == 400
    assert (await bench.ask(simulation=simulation))[0] == 200


@pytest.mark.parametrize("given", [[], [[]], [""] * 2049, 7, None, [1, "a"], [[1.5]], {"a": 1}])
async def test_an_input_that_cannot_be_embedded_is_a_400(bench: Bench, given: object) -> None:
    assert (await bench.ask({"input": given}, path=DEPLOYMENT + "embeddings"))[0] == 400


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_fields = [
    "messages",
    "prompt",
    "input",
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "dimensions",
    "encoding_format",
    "temperature",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "response_format",
    "text",
    "logprobs",
    "top_logprobs",
    "previous_response_id",
    "store",
    "size",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATHS), st.dictionaries(st.sampled_from(_fields), _json), st.integers(0, 1))
async def test_any_json_gets_an_answer_or_an_error_with_a_message(
    path: str, body: dict[str, Any], with_messages: int
) -> None:
    if with_messages:
        body = {**body, "model": "a", "messages": HELLO["messages"], "prompt": "x", "input": "x"}
    bench = Bench({"sites": [site()]})
    status, _, answer = await bench.ask(body, path=path)
    assert status in (200, 400, 404)
    if status != 200:
        assert answer["error"]["message"]


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=80) | _json.map(json.dumps))
async def test_any_simulation_header_causes_a_500_only_if_it_asks_for_one(header: str) -> None:
    status, _, _ = await Bench({"sites": [site()]}).ask(simulation=header)
    assert 200 <= status < 600
    assert status != 500 or "500" in header


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
async def test_any_bytes_as_a_body_are_a_400(data: bytes) -> None:
    assert (await Bench({"sites": [site()]}).ask(data, path=CHAT))[0] == 400


@settings(max_examples=200, deadline=None)
@given(_json, st.sampled_from(["response_format", "tools"]))
async def test_any_json_as_a_schema_gets_an_answer_or_a_400(schema: Any, place: str) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    shaped = {
        "response_format": {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}},
        "tools": {"tools": [tool], "tool_choice": "required"},
    }
    status, _, answer = await Bench({"sites": [site()]}).ask({**HELLO, **shaped[place]})
    assert status in (200, 400)
    assert answer["choices"] if status == 200 else answer["error"]["message"]


@pytest.mark.parametrize("size", ["0x1", "2049x1", "big", 7, "1x", "-1x1"])
async def test_an_image_of_a_size_that_does_not_exist_is_a_400(bench: Bench, size: object) -> None:
    status, _, answer = await bench.ask({"prompt": "x", "size": size}, path=DEPLOYMENT + "images/generations")
    assert (status, answer["error"]["param"]) == (400, "size")
