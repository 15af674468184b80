"""Server-sent events through the gateway. Sources: [PR-forward-request] [CAPTURES].

The backend must heed `chunk_ms`.
"""

from __future__ import annotations

import json
import time

import requests

from tests.conformance.conftest import Gateway
from tripcurve.scenario.simulation import Behaviour, Simulation

CHUNK_MS = 100.0
TOKENS = 8


def stream(gateway: Gateway) -> requests.Response:
    behaviour = Behaviour(response_status_code=200, completion_tokens=TOKENS, chunk_ms=CHUNK_MS)
    return gateway.send(Simulation({"default": behaviour}), stream=True)


def test_the_first_event_arrives_before_the_last_is_produced(gateway: Gateway) -> None:
    with stream(gateway) as answer:
        arrived = [(time.monotonic(), line) for line in answer.iter_lines(chunk_size=1) if line.startswith(b"data: ")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert arrived[-1][1] == b"data: [DONE]"
    produced_s = (TOKENS - 1) * CHUNK_MS / 1000
    assert arrived[-1][0] - arrived[0][0] > produced_s / 2


def test_a_streams_events_are_a_chat_completion_in_order(gateway: Gateway) -> None:
    with stream(gateway) as answer:
        lines = [line.removeprefix(b"data: ") for line in answer.iter_lines() if line]
    events = [json.loads(line) for line in lines[:-1]]
    choices = [choice for event in events for choice in event["choices"]]
    assert choices[0]["delta"]["role"] == "assistant"
    assert "".join(choice["delta"].get("content") or "" for choice in choices)
    assert choices[-1]["finish_reason"] in ("stop", "length")


def test_a_stream_is_marked_with_its_backend(gateway: Gateway) -> None:
    with stream(gateway) as answer:
        assert answer.headers["x-tripcurve-backend"] == gateway.lab.backends[0].name


def test_a_client_that_leaves_a_stream_leaves_the_gateway_well(gateway: Gateway) -> None:
    for _ in range(3):
        with stream(gateway) as answer:
            next(answer.iter_lines(chunk_size=1))
    assert gateway.ask().status_code == 200
