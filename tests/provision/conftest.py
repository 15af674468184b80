"""The clouds that the provisioning contract is held against."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from provision.resources.clouds import Cloud, azure, local
from tests.provision.injection import Admin, Inject
from tests.provision.local.running import ANSWERING, running_cloud

AZURE_VARIABLE = "TRIPCURVE_AZURE_SUBSCRIPTION"
READY_S = 60.0


@pytest.fixture(scope="session")
def whole_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The JSON line of a local cloud without a lab, running until the tests end."""
    log = tmp_path_factory.mktemp("local-cloud") / "stderr"
    command = [sys.executable, "-m", "tripcurve.cli", "local", "--stop-with-stdin"]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdin is not None
    assert process.stdout is not None
    watchdog = threading.Timer(READY_S, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    try:
        assert line, f"the local cloud did not start: {log.read_text(errors='replace')}"
        yield json.loads(line)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The connection of a local cloud in this process whose gateways answer 200 to everything."""
    with running_cloud(tmp_path_factory.mktemp("control-plane"), unit=ANSWERING) as cloud:
        yield cloud.connection


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The JSON line of a local cloud without a lab; with the mark `control_plane`, of one without a data plane."""
    marked = request.node.get_closest_marker("control_plane") is not None
    line: dict[str, Any] = request.getfixturevalue("control_plane" if marked else "whole_cloud")
    return line


@pytest.fixture
def local_cloud(connection: dict[str, Any]) -> Cloud:
    """The local cloud as provisioning sees it."""
    return local(connection)


@pytest.fixture
def admin(connection: dict[str, Any]) -> Iterator[Admin]:
    """Calls the local cloud's own API on faults; in the end all faults are removed."""
    url = f"{connection['admin_url']}/faults"
    owner = (connection["client_id"], connection["client_secret"])

    def call(method: str, body: dict[str, Any] | None = None) -> requests.Response:
        return requests.request(method, url, json=body, auth=owner, verify=connection["ca_file"], timeout=10)

    yield call
    call("DELETE")


@pytest.fixture
def inject(admin: Admin) -> Inject:
    """Adds a fault to the control plane."""

    def add(action: str, path: str, **more: Any) -> None:
        answer = admin("POST", {"action": action, "path": path, **more})
        assert answer.status_code == 201, answer.text

    return add


@pytest.fixture(params=["local", pytest.param("azure", marks=pytest.mark.azure)])
def any_cloud(request: pytest.FixtureRequest) -> Cloud:
    """The local cloud, and Azure when a subscription is named."""
    if request.param == "local":
        return local(request.getfixturevalue("connection"))
    if not os.environ.get(AZURE_VARIABLE):
        pytest.skip(f"not run: set {AZURE_VARIABLE} to hold the contract against Azure (it costs money)")
    return azure()


@pytest.fixture
def connection_file(connection: dict[str, Any], tmp_path: Path) -> Path:
    """The JSON line in a file, as `--connection` wants it."""
    path = tmp_path / "cloud.json"
    path.write_text(json.dumps(connection), encoding="utf-8")
    return path
