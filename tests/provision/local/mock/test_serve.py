"""The mock in its container: configured by its environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from provision.local.mock.serve import web_app
from tests.provision.local.mock.conftest import CHAT, HELLO
from tripcurve.errors import BadInput


def _start(**environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "provision.local.mock", "--serve"]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_it_serves_any_host_with_its_settings_until_it_is_told_to_stop() -> None:
    process = _start(PORT="0", TRIPCURVE_MOCK_LIMITS='{"rpm":6}', REGION_NAME="westeurope")
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip().rpartition(":")[2]
        url = f"http://127.0.0.1:{port}{CHAT}"
        headers = {"Host": "openaimock1.azurewebsites.net"}
        first, second = (requests.post(url, headers=headers, json=HELLO, timeout=5) for _ in range(2))
        assert (first.status_code, second.status_code) == (200, 429)
        assert first.headers["x-ms-region"] == "West Europe"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"TRIPCURVE_MOCK_LIMITS": "{"}, "TRIPCURVE_MOCK_LIMITS"),
        ({"TRIPCURVE_MOCK_LATENCY": '{"median_ms":5,"p95_ms":1}'}, "TRIPCURVE_MOCK_LATENCY"),
        ({"TRIPCURVE_MOCK_OPTIONS": '{"seed":-1}'}, "TRIPCURVE_MOCK_OPTIONS"),
        ({"TRIPCURVE_MOCK_OPTIONS": '{},"port":1'}, "TRIPCURVE_MOCK_OPTIONS"),
    ],
)
def test_unusable_settings_are_reported(environment: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        web_app(environment)


def test_it_ends_with_exit_code_2_for_them() -> None:
    process = _start(TRIPCURVE_MOCK_LIMITS="{")
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "TRIPCURVE_MOCK_LIMITS" in errors


def test_the_container_starts_the_module_and_copies_what_it_imports() -> None:
    root = Path(__file__).parents[4]
    text = (root / "provision/local/mock/Containerfile").read_text()
    assert '"-m", "provision.local.mock", "--serve"' in text
    for line in text.splitlines():
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (root / source).exists(), source
