"""run.json: written whole, read back as it was, and refused with a remedy where it cannot be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tripcurve.errors import BadInput
from tripcurve.run.info import Counts, Ended, GatewayCounts, Pacing, RunInfo, WorkerClock, WorkerInfo

WHOLE = RunInfo(
    schema=1,
    lab="quick",
    start_ns=5,
    ended=Ended(kind="failed", reason="Every worker was lost.", at_ns=9),
    counts=Counts(recorded=7, gateway=GatewayCounts(requests=7), unrecorded=0),
    pacing=Pacing(intended=7, sent=7, late_p99_ms=None, dropped=0),
    workers=[WorkerInfo(worker=0, rows=7, lost=False, clock=WorkerClock(offset_ns=3, half_width_ns=1))],
)


def put(folder: Path, content: Any) -> Path:
    (folder / "run.json").write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


def test_it_reads_back_as_written(tmp_path: Path) -> None:
    WHOLE.write(tmp_path)
    assert RunInfo.read(tmp_path) == WHOLE


def test_only_the_given_keys_are_written(tmp_path: Path) -> None:
    WHOLE.write(tmp_path)
    written = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert list(written) == ["schema", "lab", "start_ns", "ended", "counts", "pacing", "workers"]
    assert written["pacing"] == {"intended": 7, "sent": 7, "late_p99_ms": None, "dropped": 0}


def test_nothing_half_written_is_left_behind(tmp_path: Path) -> None:
    WHOLE.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_run_without_the_file_has_no_info(tmp_path: Path) -> None:
    assert RunInfo.read(tmp_path) is None


def test_a_killed_run_counts_as_interrupted() -> None:
    assert RunInfo.of_killed_run().interrupted


def test_an_older_run_with_few_keys_is_read(tmp_path: Path) -> None:
    info = RunInfo.read(put(tmp_path, {"target": "local", "start_ns": 1, "end_ns": 2}))
    assert info is not None
    assert (info.target, info.end_ns, info.ended, info.pacing, info.workers) == ("local", 2, None, None, None)


def test_keys_that_this_version_does_not_know_are_kept(tmp_path: Path) -> None:
    info = RunInfo.read(put(tmp_path, {"new": 1, "counts": {"later": [2]}}))
    assert info is not None
    assert info.as_written() == {"new": 1, "counts": {"later": [2]}}


def test_a_newer_version_is_refused_naming_both(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"run\.json was written in version 2; this Tripcurve reads up to version 1"):
        RunInfo.read(put(tmp_path, {"schema": 2}))


@pytest.mark.parametrize("content", ["", '{"lab": "qui', "[1]", "null", '{"start_ns": "soon"}', '{"workers": [1]}'])
def test_a_damaged_file_is_refused_with_its_path_and_a_remedy(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadInput, match=f"{re.escape(str(tmp_path))}.*remove it to report from the records alone"):
        RunInfo.read(put(tmp_path, content))


def test_a_wrong_value_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"workers\[0\]\.rows: must be a whole number"):
        RunInfo.read(put(tmp_path, {"workers": [{"rows": "many"}]}))
