"""A run folder that is removed, or cannot be made: exit code 4 or 2, and the reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.locustfiles.running import Running, ended
from tests.locustfiles.servers import Gateway, serving
from tripcurve.errors import BadInput
from tripcurve.run.layout import claim_run_dir

SCENARIO = "name: s\nusers: {ChatUser: 8}\nphases: [{name: all, for: 2, rate: 200}]\n"


def test_a_folder_that_is_removed_ends_with_its_reason(tmp_path: Path) -> None:
    gateway = Gateway()
    with serving(gateway) as port:
        running = Running(tmp_path, port, gateway)
        process = running.drive(SCENARIO, "--no-report")
        running.wait_for_rows()
        shutil.rmtree(running.run_dir)
        code, _, err = ended(process)
        running.close()
    assert (code, "Traceback" in err) == (4, False), err
    assert f"{running.run_dir}: the run could not be completed: No such file or directory" in err


def test_a_folder_that_cannot_be_written_is_refused_before_the_run() -> None:
    """/sys takes no folders, whoever asks."""
    with pytest.raises(BadInput, match="/sys/tripcurve-run cannot be used"):
        claim_run_dir(Path("/sys/tripcurve-run"), "quick", "steady")
