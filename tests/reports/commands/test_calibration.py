"""`tripcurve runs --calibration` over a folder of runs with and without truth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reports.commands.calibration import calibration_command
from tests.reports.conftest import Reported


@pytest.fixture
def folder(good: Reported, live: Reported, healthy: Reported, tmp_path: Path) -> Path:
    for name, reported in {"good": good, "live": live, "healthy": healthy}.items():
        shutil.copytree(reported.run.folder, tmp_path / name)
        (tmp_path / name / "summary.json").write_text(json.dumps(reported.summary), "utf-8")
    return tmp_path


def test_only_runs_with_truth_count(folder: Path, good: Reported, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibration_command(folder, as_json=True) == 0
    printed = json.loads(capsys.readouterr().out)
    assert sum(row["n"] for row in printed["calibration"]) == good.summary["accuracy"]["n"]
    assert [Path(one["run"]).name for one in printed["runs"]] == ["good"]
    assert printed["runs"][0]["calibration"] == printed["calibration"]


def test_the_table_fits_a_narrow_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert calibration_command(folder, as_json=False) == 0
    said, heading, *rows = capsys.readouterr().out.splitlines()
    assert said.startswith("1 run with a record")
    assert heading.split()[-1] == "outside"
    assert all(row.split()[-1] == "0" for row in rows)


def test_an_error_outside_its_half_width_fails_and_names_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "good" / "summary.json"
    summary = json.loads(path.read_text("utf-8"))
    summary["trips"][0]["error_s"]["tripped_s"] = 99.0
    path.write_text(json.dumps(summary), "utf-8")
    assert calibration_command(folder, as_json=False) == 1
    assert "good: 1 outside the half-width" in capsys.readouterr().out


def test_without_truth_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibration_command(tmp_path, as_json=False) == 0
    assert capsys.readouterr().out.startswith("No run here has a measured trip")
