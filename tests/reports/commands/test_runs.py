"""`tripcurve runs`: what was run, and how a measure moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reports.commands.runs import runs_command
from reports.loading.history import history
from tests.reports.conftest import Reported
from tripcurve.errors import BadInput


@pytest.fixture
def folder(good: Reported, tripped: Reported, healthy: Reported, tmp_path: Path) -> Path:
    for number, reported in enumerate((good, tripped, healthy)):
        copy = tmp_path / f"run{number}"
        shutil.copytree(reported.run.folder, copy)
        (copy / "summary.json").write_text(json.dumps({**reported.summary, "start_ns": (3 - number) * 10**18}), "utf-8")
    return tmp_path


def test_runs_are_listed_oldest_first(folder: Path) -> None:
    runs, problems = history(folder)
    assert [run.folder.name for run in runs] == ["run2", "run1", "run0"]
    assert problems == []


def test_a_run_without_a_report_is_named(folder: Path) -> None:
    (folder / "run1" / "summary.json").unlink()
    runs, problems = history(folder)
    assert len(runs) == 2
    assert "tripcurve report" in problems[0]


def test_a_broken_summary_is_named_and_spoils_no_other(folder: Path) -> None:
    (folder / "run0" / "summary.json").write_text("{", "utf-8")
    assert "not readable" in history(folder)[1][0]


def test_a_summary_of_a_newer_schema_is_refused_with_both_versions(folder: Path) -> None:
    path = folder / "run0" / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "schema": 2}), "utf-8")
    runs, problems = history(folder)
    assert [run.folder.name for run in runs] == ["run2", "run1"]
    assert "schema 2" in problems[0]
    assert "up to 1" in problems[0]


def test_a_summary_that_cannot_be_read_is_named_with_its_path(folder: Path) -> None:
    path = folder / "run0" / "summary.json"
    path.write_text(path.read_text("utf-8")[:200], "utf-8")
    assert str(path) in history(folder)[1][0]


def test_the_list_is_one_json_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs_command(folder, None, as_json=True) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert [run["verdict"] for run in listed] == ["not shown", "not good", "as configured"]


def test_no_column_is_cut_on_a_narrow_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    runs_command(folder, None, as_json=False)
    heading, *rows = capsys.readouterr().out.splitlines()[:4]
    assert heading.split()[-1] == "shed"
    assert all(row.endswith(("%", "–")) for row in rows)


def test_a_trend_is_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs_command(folder, "open_s.median", as_json=False) == 0
    assert "open_s.median, oldest to newest: " in capsys.readouterr().out
    assert (folder / "trend-open_s.median.svg").read_text("utf-8").startswith("<svg")


def test_an_unknown_measure_is_refused_with_names_that_work(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"did you mean 'time_to_trip_s\.median'"):
        runs_command(folder, "time_to_trip.median", as_json=False)


def test_a_trend_over_several_labs_has_a_line_for_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "run0" / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "lab": "other"}), "utf-8")
    assert runs_command(folder, "requests.rate_s", as_json=False) == 0
    trends = [line for line in capsys.readouterr().out.splitlines() if "oldest to newest" in line]
    assert [line.partition(":")[0] for line in trends] == [
        f"{name}; requests.rate_s, oldest to newest" for name in ("p, s", "other, s")
    ]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a folder"):
        history(tmp_path / "nowhere")
