"""A mock on a clock of the test's own, and one in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from provision.local.mock.service import Mock
from provision.local.mock.snapshot import Snapshot
from provision.local.wire.messages import Request, Response

CHAT = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-02-01"
SITE = "openaimock1.azurewebsites.net"
ACCOUNT = "av4-openai1.openai.azure.com"
KEY = "0123456789abcdef"
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}

Answer = tuple[int, dict[str, str], Any]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Bench:
    """A mock, its clock, and a way to ask it."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.clock = Clock()
        self.mock = Mock(
            Snapshot.model_validate(snapshot),
            clock=self.clock,
            sleep=self.clock.sleep,
            unix_time=lambda: 1_700_000_000.0 + self.clock.now,
        )

    async def ask(
        self,
        body: object = HELLO,
        *,
        host: str = SITE,
        path: str = CHAT,
        method: str = "POST",
        simulation: object = None,
        **headers: str,
    ) -> Answer:
        """Status, headers and body of the answer: parsed JSON, or the bytes of one that is none."""
        sent = [("host", host), *((name.replace("_", "-"), value) for name, value in headers.items())]
        if simulation is not None:
            sent.append(("x-simulation", simulation if isinstance(simulation, str) else json.dumps(simulation)))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method, path, sent, "1.1", "127.0.0.1", self.clock.now, data)
        return await read(await self.mock.handle(request))


async def read(response: Response) -> Answer:
    """An answer with its body in full."""
    body = response.body if isinstance(response.body, bytes) else b"".join([part async for part in response.body])
    headers = dict(response.headers)
    parsed = json.loads(body) if headers.get("content-type", "").startswith("application/json") and body else body
    return response.status, headers, parsed


def account(**changes: Any) -> dict[str, Any]:
    """An account with a chat and an embedding deployment."""
    deployments = [
        {"name": "gpt-4o", "model": "gpt-4o", "version": "2024-08-06", "sku": "Standard", "capacity": 10},
        {"name": "old", "model": "gpt-35-turbo", "version": "0613", "sku": "Standard", "capacity": 10},
        {"name": "ptu", "model": "gpt-4o", "version": "2024-08-06", "sku": "ProvisionedManaged", "capacity": 1},
        {"name": "ada", "model": "text-embedding-ada-002", "version": "2", "sku": "Standard", "capacity": 10},
    ]
    base = {
        "name": "av4-openai1",
        "resource_id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/av4-openai1",
        "location": "swedencentral",
        "keys": [KEY, "fedcba9876543210"],
        "deployments": deployments,
    }
    return {**base, **changes}


def site(**settings: Any) -> dict[str, Any]:
    """The web app with `limits` and `latency` as settings."""
    names = {"limits": "TRIPCURVE_MOCK_LIMITS", "latency": "TRIPCURVE_MOCK_LATENCY"}
    return {
        "name": "openaimock1",
        "location": "eastus",
        "settings": {names[name]: json.dumps(value) for name, value in settings.items()},
    }


@pytest.fixture
def bench() -> Bench:
    """An account and a web app without limits."""
    return Bench({"accounts": [account()], "sites": [site()]})


class Child:
    """The mock as the local cloud runs it."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "provision.local.mock"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.tell(snapshot)["ready"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tell(self, document: dict[str, Any]) -> dict[str, Any]:
        """Send one line and read one back."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(document) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = self.tell({"command": "counts", "id": 1})["counts"]
        return counts

    def close(self) -> int:
        """End its stdin; its exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.process.stdout.close()


@pytest.fixture(scope="session")
def child() -> Iterator[Child]:
    """One process with a roomy account and a web app."""
    roomy = [{**deployment, "capacity": 10_000} for deployment in account()["deployments"]]
    made = Child({"port": 0, "accounts": [account(deployments=roomy)], "sites": [site()]})
    yield made
    assert made.close() == 0


async def pieces(stream: AsyncIterator[bytes]) -> list[bytes]:
    """What a stream gave until its end."""
    return [part async for part in stream]
