"""Children: told everything before a caller hears of it, and missed when they die."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from provision.local.ports import HOST, HeldPort, PortInUse
from provision.local.supervisor import Child, ChildFailed
from tests.provision.local.arm.refusals import refused
from tests.provision.local.running import CHILD, running_cloud
from tests.provision.local.samples import SERVICE
from tests.provision.local.sdk import clients_of


def child(record: Path, fault: str = "", deaths: list[str] | None = None) -> Child:
    def died(dead: Child) -> None:
        if deaths is not None:
            deaths.append(dead.name)

    return Child("child", (sys.executable, str(CHILD), str(record), fault), died)


async def test_a_child_is_ready_after_its_first_snapshot_and_ends_when_told(tmp_path: Path) -> None:
    deaths: list[str] = []
    made = child(tmp_path / "told", deaths=deaths)
    await made.spawn()
    await made.configure({"service": {"port": 1234}})
    assert (made.port, made.alive) == (1234, True)
    await made.stop()
    assert (made.exit_code, deaths) == (0, [])


async def test_the_same_snapshot_is_not_sent_twice(tmp_path: Path) -> None:
    made = child(tmp_path / "told")
    await made.spawn()
    for state in ({"a": 1}, {"a": 1}, {"a": 2}):
        await made.configure(state)
    await made.stop()
    assert (tmp_path / "told").read_text().splitlines() == ['{"a": 1}', '{"a": 2}']


async def test_a_child_that_dies_is_reported_and_not_restarted(tmp_path: Path) -> None:
    deaths: list[str] = []
    made = child(tmp_path / "told", "die", deaths)
    await made.spawn()
    await made.configure({"a": 1})
    with pytest.raises(ChildFailed, match=r"ended with exit code 7|not running"):
        await made.configure({"a": 2})
    await made.stop()
    assert deaths == ["child"]
    with pytest.raises(ChildFailed, match="not running"):
        await made.counts()


async def test_a_command_that_does_not_start_says_so(tmp_path: Path) -> None:
    made = Child("broken", (sys.executable, "-c", "raise SystemExit(9)"), lambda _: None)
    await made.spawn()
    with pytest.raises(ChildFailed, match=r"exit code 9|not running|has ended"):
        await made.configure({"a": 1})
    await made.stop()


async def test_what_is_no_json_on_a_childs_stdout_is_passed_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = "import sys; sys.stdin.readline(); print('hello'); print('{\"ready\": 5}', flush=True); sys.stdin.read()"
    made = Child("chatty", (sys.executable, "-c", script), lambda _: None)
    await made.spawn()
    await made.configure({})
    await made.stop()
    assert made.port == 5
    assert "chatty: hello" in caplog.text


def test_a_dead_unit_makes_the_cloud_unhealthy(tmp_path: Path) -> None:
    with running_cloud(tmp_path, "die") as cloud, clients_of(cloud.connection) as clients:
        assert cloud.admin("GET", "health")[0] == 200
        clients.groups.resource_groups.create_or_update("g", {"location": "eastus"})
        clients.apim.api_management_service.begin_create_or_update("g", "service-a", SERVICE).result()
        backend = {"properties": {"url": "https://a.openai.azure.com", "protocol": "http"}}
        clients.apim.backend.create_or_update("g", "service-a", "b", backend)
        status, health = cloud.admin("GET", "health")
        assert status == 503
        assert "exit code 7" in health["dead"][0]
        assert cloud.admin("GET", "counts")[0] == 503


def test_a_gateway_that_does_not_start_fails_the_service(tmp_path: Path) -> None:
    with running_cloud(tmp_path, "stillborn") as cloud, clients_of(cloud.connection) as clients:
        clients.groups.resource_groups.create_or_update("g", {"location": "eastus"})
        with refused() as said:
            clients.apim.api_management_service.begin_create_or_update("g", "service-a", SERVICE).result()
        assert said.code == "ActivationFailed"
        assert clients.apim.api_management_service.get("g", "service-a").provisioning_state == "Failed"


def test_a_held_port_can_be_shared_by_those_who_ask_and_not_taken() -> None:
    held = HeldPort()
    try:
        with socket.socket() as shared:
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            shared.bind((HOST, held.port))
        with pytest.raises(PortInUse, match=f"port {held.port} on 127.0.0.1 is in use"):
            HeldPort(held.port)
    finally:
        held.release()


def test_a_port_that_another_cloud_shares_is_in_use_all_the_same() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((HOST, 0))
        other.listen()
        with pytest.raises(PortInUse):
            HeldPort(other.getsockname()[1])


async def test_stopping_a_child_that_was_never_started_is_nothing(tmp_path: Path) -> None:
    await asyncio.wait_for(child(tmp_path / "told").stop(), 5)
