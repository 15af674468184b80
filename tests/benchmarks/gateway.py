"""One gateway unit with the seed's policy, beside a bare aiohttp reverse proxy and Envoy, in the same run.

The server under test has one core, the load generator and the backend share the other. Servers take
turns within each round, and medians of the rounds are compared, so that a slow moment of the machine hits all.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from provision.local.gateways.envoy import envoy_binary

CONNECTIONS = (1, 32, 256)
ROUNDS = 5
SECONDS = 2.0
PATH = "/openai/deployments/gpt-35-turbo/chat/completions?api-version=2024-02-01"
KEY = "bench-key"
POLICY = Path("provision/policies/single-backend.xml")


class Child:
    """A process pinned to one core that prints one JSON line when ready and ends with its standard input."""

    def __init__(self, core: int | None, *args: str, first: str = "") -> None:
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen(
            [*pin, sys.executable, "-m", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if first:
            self.process.stdin.write(first + "\n")
            self.process.stdin.flush()
        self.ready: dict[str, Any] = json.loads(self.process.stdout.readline())

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def snapshot(backend_port: int, token_port: int, folder: str, unit: int = 0, port: int = 0) -> dict[str, Any]:
    """The configuration of one unit: the seed's API, backend and policy, events and logs on."""
    rule = {
        "name": "myBreakerRule",
        "failureCondition": {"count": 3, "interval": "PT5M", "statusCodeRanges": [{"min": 429, "max": 429}]},
        "tripDuration": "PT1M",
    }
    backend = {"url": "https://openaimock1.azurewebsites.net/openai", "circuitBreaker": {"rules": [rule]}}
    policy = POLICY.read_text().replace("{backend-id}", "openaimock1")
    identity = {"principal_id": "0", "endpoint": f"http://127.0.0.1:{token_port}/token", "secret": "bench"}
    chat = {"id": "chat", "method": "POST", "url_template": "/deployments/{deployment-id}/chat/completions"}
    return {
        "service": {"name": "bench", "resource_id": "/bench", "unit": unit, "port": port, "identity": identity},
        "mock_port": backend_port,
        "events_file": f"{folder}/events.jsonl",
        "logs_file": f"{folder}/logs.jsonl",
        "options": {},
        "apis": [
            {
                "id": "openai",
                "path": "openai",
                "key_header": "api-key",
                "policy": {"format": "xml", "value": policy},
                "operations": [chat],
            }
        ],
        "subscriptions": [{"id": "master", "primary_key": KEY}],
        "backends": [{"name": "openaimock1", "properties": backend}],
    }


def rows() -> list[dict[str, Any]]:
    """Measure and compare. Ratios are requests/s over the bare proxy's at the same number of connections."""
    cores = sorted(os.sched_getaffinity(0))
    server_core, load_core = (cores[0], cores[-1]) if shutil.which("taskset") else (None, None)
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        backend = stack.enter_context(Child(load_core, "tests.benchmarks.http_load", "backend")).ready["port"]
        token = stack.enter_context(Child(load_core, "tests.benchmarks.peers.tokens")).ready["port"]
        ports = {"direct": backend}
        first = json.dumps(snapshot(backend, token, folder))
        ports["gateway"] = stack.enter_context(Child(server_core, "provision.local.gateway", first=first)).ready[
            "ready"
        ]
        proxy = Child(server_core, "tests.benchmarks.peers.aiohttp_proxy", str(backend))
        ports["aiohttp proxy"] = stack.enter_context(proxy).ready["port"]
        if envoy_binary() is not None:
            envoy = Child(server_core, "tests.benchmarks.peers.envoy", str(backend), str(envoy_binary()))
            ports["Envoy"] = stack.enter_context(envoy).ready["port"]
        measured = {number: _rounds(ports, number, load_core) for number in CONNECTIONS}
        pair = _pair_ratio(backend, token, folder, cores)
    return [*_rows(measured), *pair]


def _pair_ratio(backend: int, token: int, folder: str, cores: list[int]) -> list[dict[str, Any]]:
    """Two units on two cores over one unit on one; nothing on a machine with fewer than four cores."""
    name, budget = "two units over one", ">= 1.6 x one unit"
    if len(cores) < 4 or not shutil.which("taskset"):
        return [_row(f"{name} (not measured: needs four cores)", None, "x", "gateway", None, budget)]
    rates = []
    for units in (1, 2):
        port = 0
        with ExitStack() as running:
            for unit in range(units):
                first = json.dumps(snapshot(backend, token, folder, unit, port))
                port = running.enter_context(Child(cores[unit], "provision.local.gateway", first=first)).ready["ready"]
            rates.append(statistics.median(_load(port, 64, cores[-1])["rate"] for _ in range(ROUNDS)))
    ratio = rates[1] / rates[0]
    return [_row(name, ratio, "x", "gateway", ratio, budget, ratio >= 1.6)]


def _rounds(ports: dict[str, int], connections: int, core: int | None) -> dict[str, dict[str, float]]:
    """Medians over the rounds, by server; the order within a round alternates."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ports}
    for index in range(ROUNDS):
        for name in list(ports) if index % 2 else reversed(ports):
            found[name].append(_load(ports[name], connections, core))
    return {
        name: {key: statistics.median(each[key] for each in results) for key in ("rate", "p50_ms", "bad")}
        for name, results in found.items()
    }


def _load(port: int, connections: int, core: int | None) -> dict[str, float]:
    pin = ["taskset", "-c", str(core)] if core is not None else []
    job = {"port": port, "path": PATH, "headers": {"api-key": KEY}, "connections": connections, "seconds": SECONDS}
    done = subprocess.run(
        [*pin, sys.executable, "-m", "tests.benchmarks.http_load", "load", json.dumps(job)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    result: dict[str, float] = json.loads(done.stdout)
    if result["bad"]:
        raise RuntimeError(f"{result['bad']:.0f} answers were not 200: the measurement means nothing")
    return result


def _rows(measured: dict[int, dict[str, dict[str, float]]]) -> list[dict[str, Any]]:
    out = []
    for number, by_server in measured.items():
        own, peer = by_server["gateway"], by_server["aiohttp proxy"]
        ratio = own["rate"] / peer["rate"]
        name = f"gateway, seed policy, {number} connections"
        out.append(_row(name, own["rate"], "requests/s", "aiohttp proxy", ratio, ">= 0.75 x proxy", ratio >= 0.75))
        out.append(_row(f"bare aiohttp proxy, {number} connections", peer["rate"], "requests/s"))
        if "Envoy" in by_server:
            rate = by_server["Envoy"]["rate"]
            out.append(_row(f"Envoy, {number} connections", rate, "requests/s", "gateway", rate / own["rate"]))
    best = max(by_server["gateway"]["rate"] for number, by_server in measured.items() if number > 1)
    out.append(
        _row("gateway, one unit on one core", best, "requests/s", None, None, ">= 4000 requests/s", best >= 4000)
    )
    added = measured[1]["gateway"]["p50_ms"] - measured[1]["direct"]["p50_ms"]
    out.append(_row("latency the gateway adds, 1 connection", added, "ms", "direct", None, "<= 0.4 ms", added <= 0.4))
    return out


def _row(
    name: str,
    value: float | None,
    unit: str,
    peer: str | None = None,
    ratio: float | None = None,
    budget: str | None = None,
    ok: bool | None = None,
) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "peer": peer, "ratio": ratio, "budget": budget, "ok": ok}
