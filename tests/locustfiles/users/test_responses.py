"""Users of the Responses API, and every user against the v1 API, in whole Locust processes."""

from __future__ import annotations

import json
import socket
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

from tests.locustfiles.running import Running, ended
from tests.locustfiles.servers import BACKEND, COMPLETION, STREAM, Gateway, answer, read_request, serving
from tripcurve.lab import LABS
from tripcurve.shipped import shipped_folder

USAGE = {"input_tokens": 40, "output_tokens": 20, "total_tokens": 60}
TRY = b"\r\n\r\n{}"


class Service:
    """Answers every operation, and keeps the requests by their user agent and connection."""

    def __init__(self) -> None:
        self.requests: dict[int, list[tuple[list[str], dict[str, Any]]]] = defaultdict(list)
        self._lock = threading.Lock()
        self._made = 0

    def __call__(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            if request.endswith(TRY):
                connection.sendall(answer())
                continue
            head, _, data = request.partition(b"\r\n\r\n")
            lines, body = head.decode().split("\r\n"), json.loads(data)
            with self._lock:
                self.requests[id(connection)].append((lines, body))
                self._made += 1
                ident = f"resp_{self._made}"
            connection.sendall(self._answer(lines[0], body, ident))

    @staticmethod
    def _answer(line: str, body: dict[str, Any], ident: str) -> bytes:
        if "/responses" not in line:
            return answer(STREAM if body.get("stream") else COMPLETION)
        response = {"id": ident, "usage": USAGE}
        cookie = BACKEND + f"Set-Cookie: SessionId={ident}; path=/\r\n".encode()
        if not body.get("stream"):
            return answer(json.dumps(response).encode(), headers=cookie)
        delta = {"type": "response.output_text.delta", "delta": "a"}
        events = [{"type": "response.created", "response": {"id": ident}}, delta, delta]
        events.append({"type": "response.completed", "response": response})
        return answer(b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events), headers=cookie)

    def all(self) -> list[tuple[list[str], dict[str, Any]]]:
        return [each for listed in self.requests.values() for each in listed]


def drive(folder: Path, service: Service, users: str, version: str) -> Running:
    lab = yaml.safe_load((shipped_folder(LABS) / "quick.yaml").read_text("utf-8"))
    lab["api"]["version"] = version
    (folder / "lab.yaml").write_text(yaml.safe_dump(lab))
    scenario = f"name: s\nusers: {users}\nphases: [{{name: all, for: 2, rate: 20}}]\n"
    with serving(service) as port:
        running = Running(folder, port, Gateway())
        code, _, err = ended(running.drive(scenario, "--lab", "lab.yaml"))
        running.close()
    assert code == 0, err
    return running


def test_each_conversation_has_two_responses_of_which_the_second_continues_the_first(tmp_path: Path) -> None:
    service = Service()
    running = drive(tmp_path, service, "{ResponsesUser: 2, StreamingResponsesUser: 2}", "2024-02-01")
    rows = running.rows()
    assert len(rows) == len(service.all()) == 40
    assert set(rows["status"]) == {200}
    assert rows["error"].isna().all()
    assert set(rows["prompt_tokens"]) == {40}
    assert set(rows["completion_tokens"]) == {20}
    assert set(rows[rows["first_byte_us"].notna()]["user"]) == {"StreamingResponsesUser"}
    assert set(rows[rows["first_byte_us"].isna()]["user"]) == {"ResponsesUser"}
    for listed in service.requests.values():
        for number, (lines, body) in enumerate(listed):
            assert lines[0] == "POST /openai/v1/responses HTTP/1.1"
            assert body["model"] == "gpt-5.1"
            assert body["max_output_tokens"] >= 16
            cookies = [line for line in lines if line.startswith("Cookie: ")]
            if number % 2 == 0:
                assert "previous_response_id" not in body
                assert cookies == []
            else:
                assert cookies == [f"Cookie: SessionId={body['previous_response_id']}"]


def test_every_user_names_the_deployment_in_the_body_of_the_v1_api(tmp_path: Path) -> None:
    service = Service()
    users = "{ChatUser: 1, StreamingChatUser: 1, SdkChatUser: 1, PatientChatUser: 1, ResponsesUser: 1, ProbeUser: 1}"
    rows = drive(tmp_path, service, users, "v1").rows()
    assert set(rows["status"]) == {200}
    lines = {line for lines, _ in service.all() for line in lines[:1]}
    assert lines == {"POST /openai/v1/chat/completions HTTP/1.1", "POST /openai/v1/responses HTTP/1.1"}
    for head, body in service.all():
        assert body["model"] == "gpt-5.1"
        assert ("max_completion_tokens" in body) == ("messages" in body)
        assert "max_tokens" not in body
        assert body.get("stream_options") == ({"include_usage": True} if body.get("stream") else None)
        bearer = any(line.lower().startswith("authorization: bearer k") for line in head)
        assert bearer or "api-key: k" in head
