"""The embedded local cloud lives exactly as long as the process that started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tests.e2e.commands import left_running
from tests.locustfiles.forks import Fork, fork_locust
from tests.locustfiles.running import LOCUSTFILE

pytestmark = pytest.mark.slow

SCENARIO = "name: long\nusers: {ChatUser: 2}\nphases: [{name: all, for: 60, rate: 50}]\n"


def _start(folder: Path, marker: str) -> Fork:
    (folder / "s.yaml").write_text(SCENARIO)
    name, _, value = marker.partition("=")
    words = ["-f", str(LOCUSTFILE), "--headless", "--scenario", "s.yaml", "--run-dir", "run", "--no-report"]
    log = folder / "log"
    return fork_locust(words, folder, {**os.environ, name: value}, log, log)


def _wait_for_rows(folder: Path) -> None:
    shard, deadline = folder / "run" / "requests-0.arrows", time.monotonic() + 60
    while not shard.exists() or shard.stat().st_size < 6000:
        assert time.monotonic() < deadline, "no requests were recorded"
        time.sleep(0.1)


def _gone(marker: str) -> bool:
    deadline = time.monotonic() + 20
    while left_running(marker) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not left_running(marker)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_locust(tmp_path: Path, number: signal.Signals) -> None:
    marker = f"TRIPCURVE_TEST={uuid.uuid4()}"
    process = _start(tmp_path, marker)
    try:
        _wait_for_rows(tmp_path)
        assert len(left_running(marker)) > 2, "the local cloud, its mock and its unit"
    finally:
        process.send_signal(number)
        process.wait(timeout=30)
    assert _gone(marker)
    if number == signal.SIGTERM:
        counts = json.loads((tmp_path / "run" / "run.json").read_text())["counts"]
        assert counts["recorded"] == counts["gateway"]["requests"]
        assert counts["unrecorded"] == 0


def test_a_cloud_that_does_not_start_prints_the_only_message(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SCENARIO)
    (tmp_path / "lab.yaml").write_text("name: e\ngateway: {name: e, kind: envoy}\nbackends: [{name: m1}]\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(LOCUSTFILE),
            "--headless",
            "--lab",
            "lab.yaml",
            "--scenario",
            "s.yaml",
        ],
        cwd=tmp_path,
        env={**os.environ, "TRIPCURVE_ENVOY": str(tmp_path / "absent")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert [line for line in done.stderr.splitlines() if line.startswith("tripcurve")] == [
        f"tripcurve: TRIPCURVE_ENVOY: there is no file {tmp_path / 'absent'}; name the program, or unset the variable"
    ]
