"""A gateway unit as the local cloud runs it: a child process told by lines."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provision.local.apim.expressions.language.parse import _parser
from provision.local.gateway.__main__ import Child as UnitsSide
from tests.provision.local.gateway.rig import CHAT, KEY, api, document, single, snapshot


class Child:
    """One unit. `tell` sends a line and reads the answer."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "provision.local.gateway"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def tell(self, content: object) -> dict[str, Any]:
        self.stdin.write((content if isinstance(content, str) else json.dumps(content)) + "\n")
        self.stdin.flush()
        answer: dict[str, Any] = json.loads(self.stdout.readline())
        return answer

    def end(self) -> int:
        self.stdin.close()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            self.stdout.close()


@pytest.fixture
def child() -> Iterator[Child]:
    yield from started()


@pytest.fixture(scope="module")
def lasting() -> Iterator[Child]:
    """One for the tests that neither end it nor look at its counts."""
    yield from started()


def started() -> Iterator[Child]:
    made = Child()
    yield made
    if made.process.poll() is None:
        assert made.end() == 0
    else:
        made.stdin.close()
        made.stdout.close()


RETURNS = document('<return-response><set-status code="{code}" reason="x" /></return-response>')


def complete(tmp_path: Path, port: int = 0, unit: int = 0, code: int = 201, **changes: Any) -> dict[str, Any]:
    content = snapshot(apis=[api(RETURNS.format(code=code))], **changes)
    content["service"] |= {"port": port, "unit": unit}
    return {**content, "events_file": str(tmp_path / "events.jsonl"), "logs_file": str(tmp_path / "logs.jsonl")}


def ask(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", CHAT, b"{}", {"api-key": KEY})
        return connection.getresponse().status
    finally:
        connection.close()


def test_snapshot_is_in_force_when_it_is_answered(child: Child, tmp_path: Path) -> None:
    ready = child.tell(complete(tmp_path))
    assert ready["snapshot"] == 1
    assert ask(ready["ready"]) == 201
    assert child.tell(complete(tmp_path, code=202)) == {"ready": ready["ready"], "snapshot": 2}
    assert ask(ready["ready"]) == 202
    assert child.tell({"command": "counts", "id": 7})["counts"]["by_status"] == {"201": 1, "202": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"apis": [api("<policies><inbound><nonsense/></inbound></policies>")]}, "nonsense"),
        ({"apis": [{"id": "x"}], "subscriptions": [{"id": "s"}]}, "subscriptions[0].primary_key"),
        ({"backends": [single(breaker={"rules": [{"failureCondition": {"interval": "soon"}}]})]}, "soon"),
    ],
)
def test_snapshot_that_cannot_be_used_leaves_the_last_in_force(
    lasting: Child, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    port = lasting.tell(complete(tmp_path))["ready"]
    answer = lasting.tell({**complete(tmp_path, code=202), **change})
    assert said in answer["error"]
    assert KEY not in answer["error"]
    assert ask(port) == 201


def test_line_that_is_not_json_is_told(lasting: Child, tmp_path: Path) -> None:
    lasting.tell(complete(tmp_path))
    assert "not JSON" in lasting.tell("{")["error"]
    assert "no command" in lasting.tell({"command": "dance"})["error"]


def test_port_that_is_taken_is_told_and_ends_the_unit(child: Child, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "OSError" in child.tell(complete(tmp_path, port=taken.getsockname()[1]))["error"]
    assert child.process.wait(10) == 3


def test_units_share_a_port_and_spread_the_connections(child: Child, tmp_path: Path) -> None:
    other = Child()
    port = child.tell(complete(tmp_path))["ready"]
    assert other.tell(complete(tmp_path, port=port, unit=1))["ready"] == port
    for _ in range(64):
        assert ask(port) == 201
    shares = [each.tell({"command": "counts", "id": 1})["counts"]["requests"] for each in (child, other)]
    assert sum(shares) == 64
    assert min(shares) > 0
    assert other.end() == 0


async def test_the_grammar_of_expressions_is_read_before_a_unit_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provision.local.gateway.__main__._settle_memory", lambda: None)  # this process is not a unit
    _parser.cache_clear()
    unit = UnitsSide()
    assert "ready" in await unit.answer(json.dumps(complete(tmp_path)).encode())
    assert _parser.cache_info().currsize == 1
    await unit.stop()


def test_interrupt_is_left_to_the_parent(lasting: Child, tmp_path: Path) -> None:
    port = lasting.tell(complete(tmp_path))["ready"]
    os.kill(lasting.process.pid, signal.SIGINT)
    assert ask(port) == 201


def test_log_is_complete_when_the_unit_has_ended(child: Child, tmp_path: Path) -> None:
    port = child.tell(complete(tmp_path))["ready"]
    for _ in range(20):
        ask(port)
    assert child.end() == 0
    lines = (tmp_path / "logs.jsonl").read_text().splitlines()
    assert [json.loads(line)["ResponseCode"] for line in lines] == [201] * 20
