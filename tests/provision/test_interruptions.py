"""An `up` or a `down` that is cut short at any point goes on from there when it is called again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.down import down_lab
from provision.lifecycle.status import status_lab
from provision.resources.clouds import Cloud
from tests.provision.labs import cleaned_up, fields_of, mock_lab, openai_lab, pool_lab
from tripcurve.lab import Lab

pytestmark = pytest.mark.control_plane


class Killed(BaseException):
    """Like a Ctrl-C: nothing on the way is meant to catch it."""


class KillAt:
    """Progress that dies at the nth call of one method; counts the calls until then."""

    def __init__(self, method: str, nth: int) -> None:
        self.method, self.nth, self.calls = method, nth, 0

    def _seen(self, method: str) -> None:
        if method == self.method:
            self.calls += 1
            if self.calls == self.nth:
                raise Killed

    def started(self, doing: str, what: str, note: str | None = None) -> None:
        self._seen("started")

    def lasting(self) -> None:
        self._seen("lasting")

    def trouble(self, what: str) -> None:
        self._seen("trouble")

    def finished(self, how: str) -> None:
        self._seen("finished")


def _anonymous(lab: Lab, fields: dict[str, Any]) -> str:
    """Fields without what is new in every lab: names, and the identity the gateway is given."""
    text = json.dumps(fields, sort_keys=True)
    for name in (lab.name[1:],):
        text = text.replace(name, "*")
    cleared = json.loads(text)
    for found in cleared.values():
        if "principal" in found:
            found["principal"] = "*"
    return json.dumps({key.rsplit("roleAssignments", 1)[0]: value for key, value in cleared.items()}, sort_keys=True)


@pytest.mark.parametrize("make", [openai_lab, pool_lab], ids=["openai", "pool"])
def test_up_killed_at_every_step_in_turn_ends_in_the_same_state(
    make: Callable[[], Lab], local_cloud: Cloud, tmp_path: Path
) -> None:
    smooth = make()
    with cleaned_up(smooth, local_cloud, tmp_path) as state:
        apply_lab(smooth, local_cloud, state=state)
        expected = _anonymous(smooth, fields_of(smooth, local_cloud, state))
        steps = len(plan_lab(smooth, local_cloud, state=state).actions)
    for method in ("started", "finished"):
        lab = make()
        with cleaned_up(lab, local_cloud, tmp_path) as state:
            for nth in range(1, steps + 1):
                with pytest.raises(Killed):
                    apply_lab(lab, local_cloud, state=state, progress=KillAt(method, nth))
                assert status_lab(lab, local_cloud, state=state).standing in ("down", "partial", "up")
            apply_lab(lab, local_cloud, state=state)
            assert _anonymous(lab, fields_of(lab, local_cloud, state)) == expected, method
            assert not plan_lab(lab, local_cloud, state=state).has_changes


def test_down_killed_at_every_step_in_turn_leaves_nothing(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        kills = 0
        while True:
            try:
                removed = down_lab(lab, local_cloud, purge=True, state=state, progress=KillAt("finished", 1))
                break
            except Killed:
                kills += 1
        assert kills >= 3
        assert removed.held == []
        assert status_lab(lab, local_cloud, state=state).standing == "down"


KILLED_CHILD = """
import json, os, signal, sys
from pathlib import Path
from provision.resources import clouds
from provision.lifecycle.apply import apply_lab
from provision.lifecycle.state import StateFile
from tripcurve.lab import Lab

class DieAt:
    left = int(sys.argv[3])
    def started(self, *_): self.count()
    def lasting(self): pass
    def trouble(self, what): pass
    def finished(self, how): pass
    def count(self):
        DieAt.left -= 1
        if DieAt.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

lab = Lab.model_validate_json(Path(sys.argv[1]).read_text())
cloud = clouds.local(json.loads(Path(sys.argv[2]).read_text()))
apply_lab(lab, cloud, progress=DieAt(), state=StateFile.of(lab, cloud, Path(sys.argv[4])))
"""


def test_up_killed_without_warning_leaves_a_state_that_the_next_up_goes_on_from(
    local_cloud: Cloud, connection_file: Path, tmp_path: Path
) -> None:
    lab, folder, nth = mock_lab(), tmp_path / "state", 5
    lab_file = tmp_path / "lab.json"
    lab_file.write_text(lab.model_dump_json(), encoding="utf-8")
    words = [sys.executable, "-c", KILLED_CHILD, str(lab_file), str(connection_file), str(nth), str(folder)]
    child = subprocess.run(words, capture_output=True, timeout=60, check=False, env={**os.environ})
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    with cleaned_up(lab, local_cloud, folder) as state:
        assert len(state.load().created) == nth - 1
        apply_lab(lab, local_cloud, state=state)
        assert status_lab(lab, local_cloud, state=state).standing == "up"


def test_a_second_up_at_the_same_time_is_refused_and_harms_nothing(local_cloud: Cloud, tmp_path: Path) -> None:
    from tripcurve.errors import TargetUnavailable

    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:

        class Rival(KillAt):
            refused = 0

            def started(self, doing: str, what: str, note: str | None = None) -> None:
                with pytest.raises(TargetUnavailable, match="is working on lab"):
                    apply_lab(lab, local_cloud, state=state)
                Rival.refused += 1

        apply_lab(lab, local_cloud, state=state, progress=Rival("none", 0))
        assert Rival.refused > 5
        assert status_lab(lab, local_cloud, state=state).standing == "up"
