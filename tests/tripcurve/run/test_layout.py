"""The run directory: where it is made, and which folders are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tripcurve.errors import BadInput
from tripcurve.run.layout import has_records, make_run_dir, shard_path, shard_paths


def test_a_run_without_a_folder_gets_one_named_after_lab_scenario_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_run_dir(None, "quick", "step-load")
    assert re.fullmatch(r"runs/quick-step-load-\d{8}T\d{6}Z", str(folder))
    assert folder.is_dir()


def test_a_given_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert make_run_dir(tmp_path / "a" / "b", "l", "s").is_dir()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert make_run_dir(tmp_path, "l", "s") == tmp_path


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    with pytest.raises(BadInput, match="is not empty"):
        make_run_dir(tmp_path, "l", "s")


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be used"):
        make_run_dir(tmp_path / "file", "l", "s")


def test_shards_are_found_by_their_name(tmp_path: Path) -> None:
    for worker in (1, 0):
        shard_path(tmp_path, worker).touch()
    (tmp_path / "other.arrows").touch()
    assert [path.name for path in shard_paths(tmp_path)] == ["requests-0.arrows", "requests-1.arrows"]


@pytest.mark.parametrize(("name", "records"), [("requests.parquet", True), ("requests-3.arrows", True), ("x", False)])
def test_a_run_that_recorded_is_distinguished_from_one_that_did_not(tmp_path: Path, name: str, records: bool) -> None:
    (tmp_path / name).touch()
    assert has_records(tmp_path) is records
