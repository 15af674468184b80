"""`tripcurve local` as a process: its one line, its exit codes, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from provision.local.command import run_local
from provision.local.supervisor import STOP_S
from tripcurve.errors import BadInput, TargetUnavailable

FIELDS = {
    "gateway_url",
    "api_key",
    "deployment",
    "api_version",
    "management_url",
    "ca_file",
    "subscription_id",
    "tenant_id",
    "client_id",
    "client_secret",
    "events_file",
}
LIMIT_S = 60
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `python -m provision.local` with arguments; whatever is left is killed in the end."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        with (tmp_path / "stderr").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "provision.local", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def line_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


def children_of(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pids: list[int]) -> bool:
    """Whether every process ends soon; they are not ours to wait for."""
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_with_a_lab_the_line_is_a_target_and_the_only_place_of_its_secrets(start: Start, tmp_path: Path) -> None:
    process = start("quick", "--stop-with-stdin", "--data-dir", str(tmp_path / "data"))
    line = line_of(process)
    assert set(line) >= FIELDS
    children = children_of(process.pid)
    assert len(children) == 2, "one mock, one gateway unit"
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(LIMIT_S) == 0
    assert gone(children)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "data" / "ca.pem" in written
    for path in written:
        for secret in (line["client_secret"], line["api_key"]):
            assert secret not in path.read_text(errors="replace"), path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_order_whatever_its_clients_do(start: Start, number: signal.Signals) -> None:
    process = start()
    line = line_of(process)
    children = children_of(process.pid)
    with idle_client(line):
        process.send_signal(number)
        assert process.wait(20) == 0, "an idle client must not hold up the end, which would take 30 s"
    assert gone(children)
    assert not Path(line["ca_file"]).parent.exists()


@contextmanager
def idle_client(line: dict[str, Any]) -> Iterator[None]:
    """A client of the control plane that keeps its connection."""
    context = ssl.create_default_context(cafile=line["ca_file"])
    port = urlsplit(line["management_url"]).port
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as idle,
    ):
        idle.sendall(b"GET /_local/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
        yield


def test_children_end_when_the_parent_is_killed(start: Start) -> None:
    process = start("quick")
    line_of(process)
    children = children_of(process.pid)
    process.kill()
    process.wait()
    assert children
    assert gone(children)


def test_an_interrupt_while_provisioning_is_130(start: Start) -> None:
    process = start("quick")
    deadline = time.monotonic() + LIMIT_S
    while not _handles_interrupts(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT_S) in (130, 0)


def _handles_interrupts(pid: int) -> bool:
    """Whether the process catches SIGINT by now: before that it is Python that ends it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = children_of(pid)
    except FileNotFoundError:
        return True
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1) and len(children) == 2


def test_a_port_in_use_is_said_and_nothing_stays(start: Start, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start("quick", "--port", str(port))
        assert process.wait(LIMIT_S) == 3
    said = (tmp_path / "stderr").read_text()
    assert f"port {port} on 127.0.0.1 is in use" in said
    assert "--port" in said
    assert "Traceback" not in said


def test_a_wrong_lab_starts_nothing(tmp_path: Path) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text("name: x\ngateway: {name: g, sku: Consumption}\nunknown: 1\n")
    with pytest.raises(BadInput, match="unknown"):
        run_local(str(lab))


def test_a_data_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetUnavailable, match="cannot make this folder"):
        run_local(data_dir=tmp_path / "file" / "x")


def test_a_second_interrupt_does_not_wait_for_a_stuck_child(start: Start) -> None:
    process = start()
    line_of(process)
    (child,) = children_of(process.pid)
    os.kill(child, signal.SIGSTOP)
    try:
        began = time.monotonic()
        while process.poll() is None and time.monotonic() - began < LIMIT_S:
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        assert process.returncode == 130
        assert time.monotonic() - began < STOP_S
    finally:
        os.kill(child, signal.SIGKILL)


def test_an_earlier_runs_events_are_not_mixed_with_this_ones(tmp_path: Path) -> None:
    (tmp_path / "gateway-events.jsonl").write_text("{}\n")
    with pytest.raises(BadInput, match="was left by an earlier run"):
        run_local(data_dir=tmp_path)
    assert (tmp_path / "gateway-events.jsonl").read_text() == "{}\n"
