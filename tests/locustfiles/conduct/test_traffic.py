"""A live run that replays a trace: its times and sizes, clients that cancel, and attempts per call."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.locustfiles.running import Running, ended
from tests.locustfiles.servers import Gateway, answer, read_request, serving

SLOW, BAD = 11, 12
"""Sizes of completions for which the server answers late, or with 429."""
PHASES = "[{name: first, for: 1}, {name: second, for: 1}]"
SCENARIO = f"""
name: replay
users: {{ChatUser: 20, CancelChatUser: 20, StormChatUser: 20}}
max_retries: 2
cancel_after: 0.2
tokens: {{prompt: 30, completion: 7}}
trace: {{file: trace.csv}}
phases: {PHASES}
"""
COUNT = 240


def trace() -> list[tuple[int, int, int]]:
    """Time in ms, and tokens of prompt and completion: bursts of twelve; every seventh size is not known."""
    sizes = [0 if number % 7 == 6 else 20 + number for number in range(COUNT)]
    return [(number // 12 * 95 + number % 12 * 3, size, 10 + number % 3) for number, size in enumerate(sizes)]


class Server:
    """Answers as the size of the completion says, and keeps the words of the prompts with these sizes."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            body = json.loads(request.partition(b"\r\n\r\n")[2])
            if not body:  # the try before a run is no part of it
                connection.sendall(answer())
                continue
            wanted = body["max_tokens"]
            with self._lock:
                self.sizes.append((len(body["messages"][0]["content"].split()), wanted))
            if wanted == SLOW:
                time.sleep(0.4)
            connection.sendall(answer(status=b"429 Too Many Requests") if wanted == BAD else answer())


@pytest.fixture(scope="module")
def server() -> Server:
    return Server()


@pytest.fixture(scope="module")
def replayed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("replay")
    lines = [f"{at_ms / 1000},{prompt or ''},{completion},someone" for at_ms, prompt, completion in reversed(trace())]
    (folder / "trace.csv").write_text("\n".join(["time,prompt_tokens,completion_tokens,user", *lines]))
    with serving(server) as port:
        running = Running(folder, port, Gateway())
        code, _, err = ended(running.drive(SCENARIO))
        running.close()
    assert code == 0, err
    return running


def first_attempts(running: Running) -> Any:
    rows = running.rows()
    return rows[rows["start_ns"] != rows["intended_ns"]]


def test_requests_are_due_at_the_instants_of_the_trace_and_sent_soon_after(replayed: Running) -> None:
    rows, start_ns = first_attempts(replayed), replayed.info()["start_ns"]
    due_ns = np.array(sorted(at_ms * 1_000_000 for at_ms, _, _ in trace()))
    intended = np.sort(rows["intended_ns"].to_numpy()) - start_ns
    assert intended.tolist() == due_ns[due_ns < 2_000_000_000].tolist()
    sent = np.sort(rows["start_ns"].to_numpy()) - start_ns
    assert np.median(sent - intended) < 20_000_000, "far more than it takes, for a busy machine"
    assert set(rows["phase"]) == {"first", "second"}


def test_requests_have_the_sizes_of_the_trace_and_retries_keep_them(replayed: Running, server: Server) -> None:
    rows = replayed.rows()
    expected = Counter((max((prompt or 30) - 10, 2), completion) for _, prompt, completion in trace())
    got = Counter(server.sizes)
    assert set(got) == set(expected)
    again = got - expected
    assert {completion for _, completion in again} == {BAD}
    assert again.total() == len(rows) - len(first_attempts(replayed))


def test_a_client_that_cancels_leaves_an_honest_row(replayed: Running) -> None:
    rows = replayed.rows()
    canceled = rows[rows["error"] == "CanceledByClient"]
    assert set(canceled["user"]) == {"CancelChatUser"}
    assert set(zip(canceled["status"], canceled["origin"], strict=True)) == {(0, "client")}
    assert canceled["latency_us"].between(190_000, 300_000).mean() > 0.9
    others = rows[rows["user"] == "CancelChatUser"].drop(canceled.index)
    assert set(others["status"]) == {200, 429}
    assert others["latency_us"].max() < 400_000
    slow = rows[(rows["user"] == "ChatUser") & (rows["latency_us"] > 390_000)]
    assert set(slow["status"]) == {200}, "the others wait for the same answers"


def test_calls_and_attempts_of_clients_that_retry_are_counted(replayed: Running) -> None:
    rows, first = replayed.rows(), first_attempts(replayed)
    counts = replayed.info()["calls"]
    assert set(counts) == {"first", "second"}
    assert sum(one["attempts"] for one in counts.values()) == (rows["user"] == "StormChatUser").sum()
    assert sum(one["calls"] for one in counts.values()) == (first["user"] == "StormChatUser").sum()
    throttled = first[(first["user"] == "StormChatUser") & (first["status"] == 429)]
    assert len(rows) - len(first) == 2 * len(throttled)
