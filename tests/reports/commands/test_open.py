"""`tripcurve open` shows the report of the run that was named, or of the newest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reports.commands.open import open_report
from tests.reports.conftest import Reported
from tripcurve.errors import BadInput


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to show."""
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: shown.append(address) is None)
    return shown


@pytest.fixture
def runs(healthy: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs in `runs` of the working directory, the second of which started first."""
    for number in (1, 2):
        copy = tmp_path / "runs" / f"run {number}"
        shutil.copytree(healthy.folder, copy)
        summary = json.loads((copy / "summary.json").read_text("utf-8"))
        (copy / "summary.json").write_text(json.dumps({**summary, "start_ns": (3 - number) * 10**18}), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_a_named_run_is_shown(runs: Path, opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert open_report(Path("runs/run 2")) == 0
    assert opened == [(runs / "run 2" / "report.html").as_uri()]
    assert capsys.readouterr().out == "runs/run 2/report.html\n"


def test_without_a_name_the_newest_run_is_shown(runs: Path, opened: list[str]) -> None:
    open_report(None)
    assert opened == [(runs / "run 1" / "report.html").as_uri()]


def test_without_a_browser_the_path_is_printed(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _address: False)
    assert open_report(runs / "run 1") == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (
        f"{runs / 'run 1' / 'report.html'}\n",
        "no browser was found; open the file in one\n",
    )


def test_a_run_without_a_report_gets_the_command_that_writes_it(runs: Path, opened: list[str]) -> None:
    (runs / "run 1" / "report.html").unlink()
    with pytest.raises(BadInput, match=r"report.html does not exist; write it with `tripcurve report .*run 1`"):
        open_report(runs / "run 1")
    assert opened == []


@pytest.mark.parametrize("folder", [None, Path("runs/nothing")])
def test_without_a_run_there_is_a_message(
    folder: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="name a run directory"):
        open_report(folder)
    assert opened == []
