"""A run directory belongs to one run: locked while it is written, free once its holders have ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tripcurve.errors import BadInput
from tripcurve.run.layout import claim_run_dir, make_run_dir
from tripcurve.run.lock import INHERITED, LOCK, RunLock

HOLDER = """
import sys, time
from pathlib import Path
from tripcurve.run.lock import RunLock
lock = RunLock.take(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(60)
"""


def test_a_folder_that_another_run_writes_is_refused(tmp_path: Path) -> None:
    first = claim_run_dir(tmp_path / "run", "quick", "steady")
    with pytest.raises(BadInput, match="is being written by another run; choose another folder"):
        claim_run_dir(tmp_path / "run", "quick", "steady")
    first.release()
    claim_run_dir(tmp_path / "run", "quick", "steady").release()


def test_a_folder_with_a_finished_run_is_refused_and_not_locked(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(BadInput, match="is not empty"):
        claim_run_dir(tmp_path, "quick", "steady")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_runs_of_the_same_second_get_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = {make_run_dir(None, "quick", "steady") for _ in range(5)}
    assert len(folders) == 5


def test_a_lock_is_released_in_a_folder_that_became_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    lock = RunLock.take(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        lock.release()
    RunLock.take(tmp_path).release()


def test_a_released_lock_leaves_no_file(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path)
    assert (tmp_path / LOCK).exists()
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_frees_the_folder(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    with pytest.raises(BadInput, match="another run"):
        claim_run_dir(tmp_path, "quick", "steady")
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    claim_run_dir(tmp_path, "quick", "steady").release()


def test_a_child_takes_the_lock_over_and_leaves_its_file_to_the_parent(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path)
    passed = os.dup(lock.fd)
    child = RunLock.inherited(tmp_path, {INHERITED: str(passed)})
    assert child is not None
    child.release()
    assert (tmp_path / LOCK).exists()
    with pytest.raises(BadInput, match="another run"):
        RunLock.take(tmp_path)
    lock.release()


@pytest.mark.parametrize("value", ["", "none", "-1", "99999"])
def test_a_lock_that_was_not_passed_on_gives_none(tmp_path: Path, value: str) -> None:
    assert RunLock.inherited(tmp_path, {INHERITED: value}) is None


def test_the_lock_of_another_folder_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    lock = RunLock.take(tmp_path / "a")
    RunLock.take(tmp_path / "b").release()
    assert RunLock.inherited(tmp_path / "b", {INHERITED: str(lock.fd)}) is None
    lock.release()
