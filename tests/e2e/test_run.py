"""The main job, end to end: provision, drive, record, report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.commands import COMMAND, left_running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The default run, `tripcurve run`, which goes on while other tests run, and its run directory."""
    folder = tmp_path_factory.mktemp("run")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*COMMAND, "run", "--run-dir", "it"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
        )
        yield process, folder / "it"
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def run_dir(begun: tuple[subprocess.Popen[str], Path]) -> Path:
    """The run directory of the default run when it has ended."""
    process, folder = begun
    assert process.wait(timeout=120) == 0, (folder.parent / "log").read_text()[-3000:]
    return folder


def _start(folder: Path, marker: str) -> subprocess.Popen[bytes]:
    name, _, value = marker.partition("=")
    return subprocess.Popen(
        [*COMMAND, "run", "--run-dir", "it"],
        cwd=folder,
        env={**os.environ, name: value},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _wait_for_rows(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    shard = folder / "it" / "requests-0.arrows"
    while time.monotonic() < deadline and process.poll() is None:
        if shard.exists() and shard.stat().st_size > 8000:
            return
        time.sleep(0.1)
    process.kill()
    pytest.fail("no requests were recorded within a minute")


@pytest.mark.usefixtures("begun")
def test_interrupting_keeps_and_reports_the_partial_run(tmp_path: Path) -> None:
    marker = f"TRIPCURVE_TEST={uuid.uuid4()}"
    process = _start(tmp_path, marker)
    _wait_for_rows(tmp_path, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err[-3000:]
    summary = json.loads((tmp_path / "it" / "summary.json").read_text())
    assert summary["interrupted"] is True
    assert summary["requests"]["total"] > 0
    assert (tmp_path / "it" / "report.html").exists()
    assert left_running(marker) == []


@pytest.mark.usefixtures("begun")
def test_a_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    marker = f"TRIPCURVE_TEST={uuid.uuid4()}"
    process = _start(tmp_path, marker)
    _wait_for_rows(tmp_path, process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    deadline = time.monotonic() + 10
    while left_running(marker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_running(marker) == []


def test_the_default_run_shows_a_trip_and_a_retrip_within_their_half_widths(run_dir: Path) -> None:
    summary = json.loads((run_dir / "summary.json").read_text())
    assert len(summary["trips"]) >= 2
    assert any(trip["retrip"] for trip in summary["trips"])
    for trip in summary["trips"]:
        for name in ("tripped_s", "reset_s"):
            assert abs(trip["error_s"][name]) <= trip[name]["half_width"]
    assert summary["unobserved_trips"] == []


def test_no_sample_is_lost_and_none_invented(run_dir: Path) -> None:
    recorded = pq.read_table(run_dir / "requests.parquet").num_rows
    counts = json.loads((run_dir / "run.json").read_text())["counts"]
    assert recorded == counts["gateway"]["requests"] > 1000


def test_the_run_directory_is_whole(run_dir: Path) -> None:
    names = {path.name for path in run_dir.iterdir()}
    assert {
        "lab.yaml",
        "scenario.yaml",
        "run.json",
        "requests-0.arrows",
        "requests.parquet",
        "gateway-events.jsonl",
        "summary.json",
        "summary.md",
        "report.html",
        "junit.xml",
        "charts",
    } <= names
    for chart in ("timeline", "latency", "ratio"):
        for suffix in ("svg", "png"):
            assert (run_dir / "charts" / f"{chart}.{suffix}").stat().st_size > 1000
