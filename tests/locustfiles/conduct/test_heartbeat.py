"""The heartbeat of a process, and the container's health check, which reads it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tests.locustfiles.unpatched  # noqa: F401  # before any test imports Locust
from locustfiles.conduct.heartbeat import EVERY_S, VARIABLE, beat
from tests.locustfiles.running import LOCUSTFILE, own_host

CONTAINERFILE = LOCUSTFILE.parent / "deploy" / "Containerfile"
TEXT = re.sub(r"\\\n", " ", CONTAINERFILE.read_text())
INSTRUCTIONS = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and not line.startswith("#")]


def instruction(name: str) -> list[str]:
    return [rest for each, rest in INSTRUCTIONS if each == name]


def healthy(heartbeat: Path) -> bool:
    """Run the image's health check as a container would: by a shell, with the image's variable."""
    [check] = instruction("HEALTHCHECK")
    command = ["/bin/sh", "-c", check.partition(" CMD ")[2]]
    env = {"PATH": os.environ["PATH"], VARIABLE: str(heartbeat)}
    done = subprocess.run(command, env=env, stderr=subprocess.DEVNULL, check=False)
    assert done.returncode in (0, 1), "Docker reserves the other exit codes"
    return done.returncode == 0


class Stopped(Exception):
    pass


def test_the_file_is_touched_at_every_beat(tmp_path: Path) -> None:
    path, slept = tmp_path / "heartbeat", []

    def sleep(seconds: float) -> None:
        assert path.stat().st_mtime > 1000
        os.utime(path, (0, 0))
        slept.append(seconds)
        if len(slept) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        beat(path, sleep)
    assert slept == [EVERY_S] * 3


def test_a_file_that_cannot_be_touched_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "heartbeat"

    def sleep(seconds: float) -> None:
        if path.exists():
            raise Stopped
        path.parent.mkdir()

    with pytest.raises(Stopped):
        beat(path, sleep)


@pytest.mark.parametrize(("age_s", "found"), [(0, True), (50, True), (65, False), (3600, False)])
def test_the_health_check_judges_by_the_age_of_the_file(tmp_path: Path, age_s: int, found: bool) -> None:
    path = tmp_path / "heartbeat"
    path.touch()
    then = time.time() - age_s
    os.utime(path, (then, then))
    assert healthy(path) is found


def test_a_missing_file_is_unhealthy(tmp_path: Path) -> None:
    assert not healthy(tmp_path / "heartbeat")


def test_a_worker_that_looks_for_its_main_process_is_healthy(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    words = ["-m", "locust", "-f", str(LOCUSTFILE), "--worker", "--master-host", own_host()]
    process = subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, VARIABLE: str(path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not healthy(path):
            assert time.monotonic() < deadline, "no heartbeat"
            assert process.poll() is None
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait(timeout=10)


def test_the_image_is_slim_rootless_and_copies_what_exists() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "HEALTHCHECK", "ENTRYPOINT"}
    assert {name for name, _ in INSTRUCTIONS} == known
    assert instruction("FROM") == ["python:3.11-slim"]
    assert instruction("USER") == ["10001"]
    [variables] = instruction("ENV")
    assert f"{VARIABLE}=/tmp/" in variables, "the only folder that the read-only pods can write to"
    root = LOCUSTFILE.parents[1]
    for line in instruction("COPY"):
        assert all((root / source).exists() for source in line.split()[:-1])
    [check] = instruction("HEALTHCHECK")
    options = dict(re.findall(r"--([a-z-]+)=(\d+)s?", check.partition(" CMD ")[0]))
    assert set(options) == {"interval", "timeout", "start-period", "retries"}
    assert int(options["interval"]) > 10 * EVERY_S
