"""The SDK user: an application's own requests, its retries each a record, and what it saw in the end."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.locustfiles.running import Running, ended
from tests.locustfiles.servers import Gateway, answer, read_request, serving

RETRYING = """
name: sdk
max_retries: 2
users: {SdkChatUser: 4}
phases: [{name: all, for: 1, rate: 40}]
"""


class Flaky:
    """Throttles every prompt at first, and answers it when it comes again at once. Keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._prompts: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            if request.endswith(b"\r\n\r\n{}"):  # the try before a run is no part of it
                connection.sendall(answer())
                continue
            connection.sendall(self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        prompt = json.loads(request.partition(b"\r\n\r\n")[2])["messages"][0]["content"]
        with self._lock:
            self.requests.append(request)
            known = prompt in self._prompts
            self._prompts.add(prompt)
        return answer() if known else answer(status=b"429 Too Many Requests", headers=b"retry-after-ms: 20\r\n")


@pytest.fixture(scope="module")
def flaky() -> Flaky:
    return Flaky()


@pytest.fixture(scope="module")
def retried(flaky: Flaky, tmp_path_factory: pytest.TempPathFactory) -> tuple[Running, list[dict[str, Any]]]:
    """A finished run of calls that each settle at the second attempt, and Locust's statistics of it."""
    with serving(flaky) as port:
        running = Running(tmp_path_factory.mktemp("sdk"), port, Gateway())
        code, out, err = ended(running.drive(RETRYING, "--json"))
        running.close()
    assert code == 0, err
    return running, json.loads(out)


def head_and_body(request: bytes) -> tuple[list[str], dict[str, Any]]:
    head, _, body = request.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), json.loads(body)


def test_requests_are_those_the_sdk_sends_for_an_application(
    flaky: Flaky, retried: tuple[Running, list[dict[str, Any]]]
) -> None:
    for request in flaky.requests:
        lines, body = head_and_body(request)
        names = [line.partition(":")[0].lower() for line in lines[1:]]
        assert lines[0].startswith("POST /openai/deployments/gpt-5.1/chat/completions?api-version=")
        assert {"api-key", "content-type", "x-stainless-lang", "user-agent"} <= set(names)
        assert len(names) == len(set(names))
        assert not any(name.startswith("x-tripcurve") for name in names)
        assert body["model"] == "gpt-5.1"
        assert set(body) == {"model", "messages", "max_tokens"}


def test_each_attempt_is_a_record_and_only_the_first_has_a_place_in_the_schedule(
    flaky: Flaky, retried: tuple[Running, list[dict[str, Any]]]
) -> None:
    rows = retried[0].rows()
    assert len(rows) == len(flaky.requests) == 80
    first = rows[rows["intended_ns"] != rows["start_ns"]]
    assert len(first) == 40
    assert set(first["status"]) == {429}
    gaps_ms = first["intended_ns"].sort_values().diff().dropna() / 1e6
    assert (gaps_ms - 25).abs().max() < 0.001


def test_the_outcome_for_the_caller_is_counted_once_per_call(retried: tuple[Running, list[dict[str, Any]]]) -> None:
    running, statistics = retried
    assert running.info()["outcomes"] == {"SdkChatUser settled": 40}
    entries = {entry["name"]: entry for entry in statistics}
    assert sum(entry["num_requests"] for name, entry in entries.items() if name.startswith("SdkChatUser ·")) == 80
    assert entries["SdkChatUser outcome"]["num_requests"] == 40
    assert entries["SdkChatUser outcome"]["num_failures"] == 0
    assert entries["SdkChatUser outcome"]["min_response_time"] >= 20  # an attempt, the wait that it asked for, another


def test_a_call_that_never_settles_is_a_failure_to_its_caller_and_to_locust(tmp_path: Path) -> None:
    gateway = Gateway()
    with serving(gateway) as port:
        running = Running(tmp_path, port, gateway)
        scenario = RETRYING.replace("max_retries: 2", "max_retries: 0")
        scenario = scenario.replace("rate: 40", "rate: 40, simulate: {default: {status: 429}}")
        code, out, err = ended(running.drive(scenario, "--json"))
        running.close()
    assert code == 0, err
    assert running.info()["outcomes"] == {"SdkChatUser gave up": 40}
    entries = {entry["name"]: entry for entry in json.loads(out)}
    assert entries["SdkChatUser outcome"]["num_failures"] == gateway.served == 40


def test_a_target_that_is_gone_is_the_sdks_own_error(tmp_path: Path) -> None:
    def leave(connection: socket.socket) -> None:
        request = read_request(connection)
        if request.endswith(b"\r\n\r\n{}"):
            connection.sendall(answer())

    with serving(leave) as port:
        running = Running(tmp_path, port, Gateway())
        code, _, err = ended(running.drive(RETRYING.replace("max_retries: 2", "max_retries: 0"), report=True))
        running.close()
    assert (code, "of 40 requests 40 got no response" in err) == (4, True), err
    assert "Traceback" not in err
    assert running.info()["outcomes"] == {"SdkChatUser gave up": 40}
    assert set(running.rows()["error"]) == {"ConnectionClosed"}
