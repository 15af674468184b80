"""A run that cannot start."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any, cast

import pytest

from locustfiles.conduct import conductor
from locustfiles.conduct.conductor import Conductor
from locustfiles.conduct.preparation import Preparation, RunInputs
from locustfiles.recording.recorder import RecordingFailed
from locustfiles.recording.tally import Tally
from tests.locustfiles.conduct.test_master import LAB, TARGET, plan_of


def test_a_run_whose_rows_cannot_be_written_ends_without_counts_of_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RecordingFailed("the disk is full")

    monkeypatch.setattr(conductor, "launch", fail)
    options = Namespace(target="local", run_dir=str(tmp_path / "run"), headless=False)
    runner, shape = Namespace(stop=lambda: None), Namespace(run=None)
    environment = cast(Any, Namespace(parsed_options=options, runner=runner, shape_class=shape, process_exit_code=None))
    one = Conductor(environment)
    one.preparation = Preparation(RunInputs("l", "s", "local"), LAB, plan_of("constant").scenario, TARGET, None)
    one._tally = Tally(intended=7, sent=7, rows=7)
    for step in (one._on_test_start, one._on_test_stopping, one._on_test_stop):
        step(environment)
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["ended"]["reason"] == "the disk is full"
    assert run["pacing"]["intended"] == 0
