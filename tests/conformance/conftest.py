"""The gateway under test, and a request to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import requests

from tripcurve.lab import Lab, load_lab
from tripcurve.simulation import HEADER, Behaviour, Simulation

BODY = {"messages": [{"role": "user", "content": "Can you tell me the time, please?"}], "max_tokens": 5}


@dataclass
class Gateway:
    """A gateway that has the quick lab. `ask` sends one chat completion and returns what came back."""

    url: str
    key: str = field(repr=False)
    lab: Lab

    @property
    def path(self) -> str:
        return f"/{self.lab.api.path}/deployments/{self.lab.model.deployment}/chat/completions"

    @property
    def query(self) -> str:
        return f"api-version={self.lab.api.version}"

    def ask(
        self, status: int = 200, *, retry_after_s: float | None = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        behaviour = Behaviour(response_status_code=status, retry_after_s=retry_after_s)
        simulation = Simulation({self.lab.backends[0].host: behaviour})
        sent = {"api-key": self.key, HEADER: simulation.to_header()} | (headers or {})
        return requests.post(f"{self.url}{self.path}?{self.query}", json=BODY, headers=sent, timeout=30)

    def until(self, reached: Callable[[requests.Response], bool], timeout_s: float) -> requests.Response:
        """Ask every 50 ms until an answer is as wanted."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            answer = self.ask()
            if reached(answer):
                return answer
            time.sleep(0.05)
        pytest.fail(f"no such answer within {timeout_s} s")


@pytest.fixture(scope="session")
def served() -> Iterator[Gateway]:
    lab = load_lab("quick")
    url = os.environ.get("TRIPCURVE_CONFORMANCE_URL")
    if url:
        yield Gateway(url.rstrip("/"), os.environ["TRIPCURVE_API_KEY"], lab)
        return
    command = [sys.executable, "-m", "tripcurve.cli", "local", "quick", "--stop-with-stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = json.loads(process.stdout.readline())
        yield Gateway(line["gateway_url"], line["api_key"], lab)
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(timeout=20) == 0


@pytest.fixture
def gateway(served: Gateway) -> Gateway:
    """The gateway with its breaker closed; whatever an earlier test left open has run out."""
    rule = served.lab.backends[0].breaker
    assert rule is not None
    served.until(lambda answer: answer.status_code == 200, rule.trip_duration + 5)
    return served
