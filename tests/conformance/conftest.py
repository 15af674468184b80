"""The gateway under test, and a request to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tripcurve.lab import Lab, load_lab
from tripcurve.scenario.simulation import HEADER, Behaviour, Simulation

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "Can you tell me the time, please?"}], "max_tokens": 5}


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
        self,
        status: int = 200,
        *,
        backend: int = 0,
        retry_after_s: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """`status` is what the lab's backend of this number shall answer; any other answers 200."""
        behaviours = {
            self.lab.backends[backend].host: Behaviour(response_status_code=status, retry_after_s=retry_after_s)
        }
        return self.send(Simulation({"default": Behaviour(response_status_code=200), **behaviours}), headers=headers)

    def send(
        self, simulation: Simulation, *, headers: dict[str, str] | None = None, **changes: Any
    ) -> requests.Response:
        """One chat completion. A body that streams is left for the caller to read."""
        sent = {"api-key": self.key, HEADER: simulation.to_header()} | (headers or {})
        return requests.post(
            f"{self.url}{self.path}?{self.query}",
            json={**BODY, **changes},
            headers=sent,
            timeout=30,
            stream=bool(changes.get("stream")),
        )

    def until(self, reached: Callable[[requests.Response], bool], timeout_s: float) -> requests.Response:
        """Ask every 50 ms until an answer is as wanted."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            answer = self.ask()
            if reached(answer):
                return answer
            time.sleep(0.05)
        pytest.fail(f"no such answer within {timeout_s} s")


def reached(name: str, url_variable: str, key_variable: str, folder: Path, **rule: object) -> Iterator[Gateway]:
    """A gateway with the lab of this name: the one the variables name, or a local one for as long as it is used.

    `rule`: fields of the local one's rules that differ from the lab's. `folder`: where its lab file is written.
    """
    lab = load_lab(name)
    if os.environ.get("TRIPCURVE_CONFORMANCE_URL"):
        url = os.environ.get(url_variable)
        if not url:
            pytest.skip(f"{url_variable} names no gateway with the {name} lab")
        yield Gateway(url.rstrip("/"), os.environ[key_variable], lab)
        return
    content, file = lab.model_dump(mode="json"), folder / "lab.yaml"
    for backend in content["backends"]:
        backend["breaker"] |= rule
    file.write_text(json.dumps(content), encoding="utf-8")
    command = [sys.executable, "-m", "tripcurve.cli", "local", str(file), "--stop-with-stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = json.loads(process.stdout.readline())
        yield Gateway(line["gateway_url"], line["api_key"], load_lab(str(file)))
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(timeout=20) == 0


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The open time of the quick lab is halved: most of these tests wait for its end."""
    folder = tmp_path_factory.mktemp("quick")
    yield from reached("quick", "TRIPCURVE_CONFORMANCE_URL", "TRIPCURVE_API_KEY", folder, trip_duration=2)


@pytest.fixture(scope="session")
def served_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("pool")
    yield from reached("pool", "TRIPCURVE_CONFORMANCE_POOL_URL", "TRIPCURVE_CONFORMANCE_POOL_KEY", folder)


@pytest.fixture
def gateway(served: Gateway) -> Gateway:
    """The gateway with its breaker closed; whatever an earlier test left open has run out."""
    rule = served.lab.backends[0].breaker
    assert rule is not None
    served.until(lambda answer: answer.status_code == 200, rule.trip_duration + 5)
    return served


@pytest.fixture
def pool(served_pool: Gateway) -> Gateway:
    """The gateway with the pool, the preferred member of which serves."""
    served_pool.until(lambda answer: answered_by(answer) == served_pool.lab.backends[0].name, 20)
    return served_pool


def answered_by(answer: requests.Response) -> str | None:
    """Return the name of the backend that answered; None when the gateway answered itself."""
    return answer.headers.get("x-tripcurve-backend")
