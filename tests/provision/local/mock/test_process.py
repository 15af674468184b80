"""The mock as a process of the local cloud: its wire, its pipe, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
import requests

from tests.provision.local.mock.conftest import CHAT, HELLO, KEY, Child, account, site

SEED_MESSAGES = {
    "messages": [
        {
            "role": "system",
            "content": {
                "simulation": {
                    "default": {"response_status_code": 200, "wait_time_ms": 0},
                    "openaimock1.azurewebsites.net": {"response_status_code": 429},
                }
            },
        }
    ]
}


@pytest.mark.parametrize(
    ("host", "status"), [("openaimock1.azurewebsites.net", 429), ("openaimock2.azurewebsites.net", 200)]
)
def test_the_seeds_request_as_the_notebook_sends_it(child: Child, host: str, status: int) -> None:
    response = requests.post(child.url + CHAT, headers={"api-key": "any", "Host": host}, json=SEED_MESSAGES, timeout=5)
    assert response.status_code == status
    if status == 200:
        assert json.loads(response.text).get("choices")[0].get("message").get("content")


def test_the_first_event_arrives_before_the_last_is_made(child: Child) -> None:
    with _send(child, '{"default":{"completion_tokens":4,"chunk_ms":100}}', stream=True) as connection:
        received = b""
        while b"data: " not in received:
            received += connection.recv(65536)
        assert b"[DONE]" not in received
        while b"[DONE]" not in received:
            part = connection.recv(65536)
            assert part, "the stream ended without [DONE]"
            received += part
    assert b"content-type: text/event-stream" in received.lower()


def _send(child: Child, simulation: str, stream: bool) -> socket.socket:
    body = json.dumps({**HELLO, "stream": stream}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: leaver.azurewebsites.net\r\nx-simulation: {simulation}\r\n"
    connection = socket.create_connection(("127.0.0.1", child.port), timeout=5)
    connection.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def test_a_client_that_leaves_stops_the_answer(child: Child) -> None:
    before = child.counts()["by_status"].get("200", 0)
    with _send(child, '{"default":{"wait_time_ms":300}}', stream=False):
        pass
    # Its answer comes after the first one's would have: then the count shows whether that was made.
    longer = {"x-simulation": '{"default":{"wait_time_ms":600}}'}
    assert requests.post(child.url + CHAT, json=HELLO, headers=longer, timeout=20).status_code == 200
    assert child.counts()["by_status"].get("200", 0) == before + 1


def test_a_client_that_leaves_a_stream_does_not_disturb_the_next(child: Child) -> None:
    with _send(child, '{"default":{"completion_tokens":100000,"chunk_ms":1}}', stream=True) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    assert requests.post(child.url + CHAT, json=HELLO, timeout=20).status_code == 200


def test_drop_during_leaves_part_of_the_body(child: Child) -> None:
    with _send(child, '{"default":{"drop":"during"}}', stream=False) as connection:
        received = b""
        while part := connection.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    declared = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert 0 < len(body) < declared


def test_drop_before_sends_nothing(child: Child) -> None:
    with _send(child, '{"default":{"drop":"before"}}', stream=False) as connection:
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            pass


def test_a_body_too_large_is_a_413_in_azures_shape(child: Child) -> None:
    body = {"messages": [{"role": "user", "content": "x" * (17 * 1024 * 1024)}]}
    response = requests.post(child.url + CHAT, json=body, timeout=20)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "413")


def test_a_second_snapshot_changes_what_exists(child: Child) -> None:
    made = Child({"port": 0})
    try:
        headers = {"Host": "av4-openai1.openai.azure.com", "api-key": KEY}
        assert requests.post(made.url + CHAT, headers=headers, json=HELLO, timeout=5).status_code == 404
        assert made.tell({"port": 0, "accounts": [account()], "sites": [site()]}) == {"ready": made.port}
        assert requests.post(made.url + CHAT, headers=headers, json=HELLO, timeout=5).status_code == 200
        said = made.tell({"accounts": [{"name": "x", "keys": ["secret"]}]})
        assert "accounts[0].resource_id" in said["error"]
        assert "secret" not in said["error"]
        assert requests.post(made.url + CHAT, headers=headers, json=HELLO, timeout=5).status_code == 200
        assert made.counts()["requests"] == 3
    finally:
        assert made.close() == 0


def test_ctrl_c_is_left_to_the_parent() -> None:
    made = Child({"port": 0})
    os.kill(made.process.pid, signal.SIGINT)
    assert made.counts()["requests"] == 0
    assert made.close() == 0


def test_the_end_of_stdin_ends_it_with_a_request_under_way() -> None:
    made = Child({"port": 0})
    with _send(made, '{"default":{"wait_time_ms":60000}}', stream=False):
        assert made.close() == 0  # which waits 10 s at most, the request a minute


@pytest.mark.parametrize(
    ("line", "said"), [("{", "not JSON"), ('{"port":"x"}', "snapshot: port"), ('{"options":{"x":1}}', "options.x")]
)
def test_a_first_line_it_cannot_use_ends_it_with_the_reason(line: str, said: str) -> None:
    command = [sys.executable, "-m", "provision.local.mock"]
    ended = subprocess.run(command, input=line + "\n", capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert said in json.loads(ended.stdout)["error"]


def test_a_port_in_use_ends_it_with_the_reason(child: Child) -> None:
    command = [sys.executable, "-m", "provision.local.mock"]
    line = json.dumps({"port": child.port}) + "\n"
    ended = subprocess.run(command, input=line, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert "cannot listen" in json.loads(ended.stdout)["error"]
