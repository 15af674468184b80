"""`tripcurve compare` of two groups of runs: what is printed, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.commands.compare import compare_groups_command
from tests.reports.runs import RULE, TRIP, lab_of, write
from tripcurve.errors import BadInput


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of four runs each; the second has a rule that stays open twice as long."""
    folder = tmp_path_factory.mktemp("groups")
    for name, rule, first in (("base", RULE, 0), ("slow", RULE | {"trip_duration": 2}, 10)):
        (folder / name).mkdir()
        for number in range(4):
            write(folder / name / f"run-{number}", lab_of(rule), TRIP, seed=first + number)
    return folder


def compared(base: Path, run: Path, *limits: str, anyway: bool = True, as_json: bool = True) -> int:
    return compare_groups_command([base], [run], list(limits), as_json, anyway=anyway, allow_undecided=False)


def test_folders_of_runs_are_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(runs / "base", runs / "slow", "open_s.median=10%") == 1
    found = json.loads(capsys.readouterr().out)
    assert (len(found["base"]), len(found["run"]), found["regressed"]) == (4, 4, True)
    opened = next(one for one in found["measures"] if one["measure"] == "open_s.median")
    assert opened["low"] == pytest.approx(1, abs=0.1)
    assert opened["verdict"] == "higher"


def test_the_table_fits_80_columns(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert compared(runs / "base", runs / "slow", as_json=False) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "4 base runs, 4 runs" in printed
    assert "note: the runs differ: lab: p and p differ in backends" in printed


def test_runs_of_different_things_need_anyway(runs: Path) -> None:
    with pytest.raises(BadInput, match="--anyway"):
        compared(runs / "base", runs / "slow", anyway=False)


def test_a_run_on_both_sides_is_refused(runs: Path) -> None:
    with pytest.raises(BadInput, match="both groups"):
        compared(runs / "base", runs / "base" / "run-1")


def test_a_limit_that_three_runs_leave_undecided_fails_unless_that_is_allowed(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [runs / "base" / f"run-{number}" for number in range(3)]
    other = [runs / "slow" / f"run-{number}" for number in range(3)]
    limits = ["open_s.median=10%"]
    assert compare_groups_command(few, other, limits, False, anyway=True, allow_undecided=False) == 1
    assert "cannot be judged: open_s.median (FAILED)" in capsys.readouterr().out
    assert compare_groups_command(few, other, limits, False, anyway=True, allow_undecided=True) == 0
