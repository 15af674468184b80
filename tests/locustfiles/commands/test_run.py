"""`tripcurve run`: what it refuses before it starts, and how the end of its child becomes an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from locustfiles.commands import run as module
from locustfiles.commands.run import drive, run
from tripcurve.errors import BadInput
from tripcurve.run.layout import claim_run_dir, shard_path


def ending(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the child be a Python program instead of Locust."""
    start = subprocess.Popen

    def popen(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        return start([sys.executable, "-c", code], **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(module.subprocess, "Popen", popen)


@pytest.mark.parametrize("code", [0, 2, 3, 4, 130])
def test_an_exit_code_of_the_traffic_is_passed_on(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ending(f"raise SystemExit({code})", monkeypatch)
    assert drive("quick", "steady", "local", tmp_path) == code


def test_a_killed_load_generator_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shard_path(tmp_path, 0).write_bytes(b"")
    ending(f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})", monkeypatch)
    assert drive("quick", "steady", "local", tmp_path) == 4
    printed = capfd.readouterr().err
    assert f"the load generator was killed (SIGKILL): the requests recorded until then are in {tmp_path}" in printed
    assert "out of memory" in printed


def test_an_interrupt_during_the_start_reaches_the_load_generator_once_it_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child learns of an interrupt that came while it was being started, and is not left running."""
    start, children = subprocess.Popen, list[subprocess.Popen[bytes]]()
    code = (
        "import signal, sys, time\n"
        "from locustfiles.conduct.interrupts import release\n"
        "time.sleep(0.2)  # not listening yet\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(7))\n"
        "release()\n"
        "time.sleep(20)\n"
    )

    def popen(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        children.append(start([sys.executable, "-c", code], **options))  # type: ignore[call-overload]
        signal.raise_signal(signal.SIGINT)  # to this thread: a test runner's other threads hold nothing back
        return children[0]

    monkeypatch.setattr(module.subprocess, "Popen", popen)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test runner's processes may ignore it
    try:
        assert drive("quick", "steady", "local", tmp_path) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert children[0].returncode == 7


def test_a_crash_of_the_load_generator_is_not_a_failed_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ending("raise SystemExit(1)", monkeypatch)
    assert drive("quick", "steady", "local", tmp_path) == 4
    assert "ended unexpectedly (exit code 1): it had recorded nothing" in capfd.readouterr().err


def test_the_child_holds_the_lock_of_the_run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from pathlib import Path\n"
        "from tripcurve.run.lock import RunLock\n"
        f"raise SystemExit(0 if RunLock.inherited(Path({str(tmp_path)!r})) else 3)"
    )
    ending(code, monkeypatch)
    lock = claim_run_dir(tmp_path, "quick", "steady")
    assert drive("quick", "steady", "local", tmp_path, lock) == 0
    lock.release()


def test_a_run_into_a_folder_that_another_run_writes_is_refused(tmp_path: Path) -> None:
    lock = claim_run_dir(tmp_path, "quick", "steady")
    with pytest.raises(BadInput, match="is being written by another run"):
        run("quick", "steady", "local", tmp_path, [], False)
    lock.release()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("https://user:secret@gateway.example", "contains a user name or password"),
        ("https://user@gateway.example", "contains a user name or password"),
        ("https://gateway.example:99999", "is neither local, azure nor a URL"),
        ("ftp://user:secret@gateway.example", "is neither local, azure nor a URL"),
        ("https://gateway.example", "needs the gateway's subscription key in the variable TRIPCURVE_API_KEY"),
    ],
)
def test_a_target_that_cannot_be_used_is_refused_without_its_password(
    target: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIPCURVE_API_KEY", raising=False)
    with pytest.raises(BadInput, match=message) as refused:
        run("quick", "steady", target, tmp_path / "run", [], False)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "run").exists()
    assert "TRIPCURVE_API_KEY" not in os.environ
