"""`tripcurve report`: its exit code and its JSON say what the verdict says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from reports.commands.report import report
from tests.reports.conftest import Reported
from tripcurve.errors import BadInput
from tripcurve.schemas import schema_text


@pytest.fixture
def folder(good: Reported, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good.folder, tmp_path / "run"))


def test_the_json_is_as_published_and_names_every_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(folder, ["time_to_trip_s.max < 0"], as_json=True) == 1
    printed = json.loads(capsys.readouterr().out)
    jsonschema.validate(printed, json.loads(schema_text("report")))
    assert printed["run"] == str(folder)
    assert printed["exit"] == {"code": 1, "reason": printed["verdict"]["sentence"]}
    assert printed["verdict"]["label"] == "not good"
    assert set(printed["reports"]) == {"html", "json", "markdown", "junit"}
    assert all(Path(path).is_file() for path in printed["reports"].values())


def test_a_mistyped_measure_is_refused_before_anything_is_written(folder: Path) -> None:
    before = (folder / "summary.json").read_text("utf-8")
    with pytest.raises(BadInput, match=r"did you mean 'time_to_trip_s\.max'"):
        report(folder, ["time_to_trip.max < 2"], as_json=False)
    assert (folder / "summary.json").read_text("utf-8") == before


def test_a_folder_of_runs_is_named_as_one(folder: Path) -> None:
    with pytest.raises(BadInput, match=rf"a folder of 1 run, not a run directory; .* such as {folder}"):
        report(folder.parent, [], as_json=False)


def test_another_folder_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"not a run directory: it has no lab\.yaml"):
        report(tmp_path, [], as_json=False)
