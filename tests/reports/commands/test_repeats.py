"""The report of repeated runs: intervals.json, the page and the terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from reports.commands.repeats import repeats_command
from reports.commands.report import report
from tests.reports.conftest import HOSTILE, Reported
from tests.reports.runs import TRIP, lab_of, write
from tests.summaries import summary_of, write_summary
from tripcurve.errors import BadInput
from tripcurve.run.repeats import End, RepeatedRun, Repeats, run_name, write_repeats


def repeated(
    folder: Path,
    outages: Sequence[float | None],
    *,
    until: str | None = None,
    end: End = "finished",
    lab: str = "quick",
) -> Path:
    """A folder of repeated runs with these outages."""
    listed = []
    for number, outage in enumerate(outages, 1):
        write_summary(folder / run_name(number), summary_of(outage))
        listed.append(RepeatedRun(run=run_name(number), seed=number, exit=0))
    most = max(len(listed), 2)
    write_repeats(
        folder,
        Repeats(lab=lab, scenario="s", target="local", asked=most, until=until, end=end, runs=tuple(listed)),
    )
    return folder


def test_the_interval_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = repeated(tmp_path / "it", [12.0, 12.5, 13.0, 12.1, 12.2, 12.3])
    assert repeats_command(folder, [], as_json=False) == 0
    printed = capsys.readouterr().out
    assert "outage_s.median: 12.250 over 6 runs, 95 % interval 12.000 … 13.000." in printed
    written = json.loads((folder / "intervals.json").read_text("utf-8"))
    outage = next(one for one in written["measures"] if one["measure"] == "outage_s.median")
    assert (outage["n"], outage["low"], outage["high"]) == (6, 12.0, 13.0)
    assert repeats_command(folder, [], as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == written


def test_no_line_is_cut_on_a_narrow_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    repeats_command(repeated(tmp_path / "it", [12.0, 12.5, 13.0]), [], as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "…" in line.rstrip()[-1:]] == []
    assert any("latency_intended_ms.backend.p99" in line for line in lines)


def test_runs_that_do_not_count_are_named_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = repeated(tmp_path / "it", [12.0, 12.5, 13.0, 14.0], end="interrupted")
    write_summary(folder / "run-02", summary_of(99.0, problem="7 % of the load was not sent"))
    write_summary(folder / "run-04", summary_of(99.0, interrupted=True))
    assert repeats_command(folder, [], as_json=False) == 130
    printed = capsys.readouterr().out
    assert "over 2 of 4 runs" in printed
    assert "run-02 does not count: 7 % of the load was not sent" in printed
    assert "run-04 does not count: it was interrupted" in printed
    assert "Interrupted: the runs finished until then are summarised." in printed


def test_the_page_links_each_run_and_needs_no_network(tmp_path: Path) -> None:
    folder = repeated(tmp_path / "it", [12.0, 12.5, 13.0])
    repeats_command(folder, [], as_json=True)
    page = (folder / "report.html").read_text("utf-8")
    assert [f'href="run-0{number}/report.html"' in page for number in (1, 2, 3)] == [True] * 3
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "<script" not in page
    assert "<svg" in page
    assert (folder / "runs.svg").read_text("utf-8").startswith("<svg")


def test_names_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = repeated(tmp_path / "it", [12.0, 12.5], lab=HOSTILE)
    repeats_command(folder, [], as_json=False)
    assert "\x1b[31m" not in capsys.readouterr().out
    page = (folder / "report.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_run_without_a_report_gets_one(tmp_path: Path) -> None:
    folder = repeated(tmp_path / "it", [12.0, 12.5])
    shutil.rmtree(folder / "run-02")
    write(folder / "run-02", lab_of(), TRIP, seed=2)
    assert report(folder, [], as_json=True) == 0
    assert (folder / "run-02" / "report.html").is_file()
    outage = json.loads((folder / "intervals.json").read_text("utf-8"))["measures"][0]
    assert outage["n"] == 2


def test_a_folder_or_a_link_in_place_of_a_run_does_not_count(tmp_path: Path, good: Reported) -> None:
    folder = repeated(tmp_path / "it", [12.0, 12.5, 13.0])
    shutil.rmtree(folder / "run-02")
    (folder / "run-02").symlink_to(good.folder)
    (folder / "run-03" / "summary.json").write_text("{", "utf-8")
    (folder / "run-03" / "requests.parquet").write_text("not rows", "utf-8")
    before = sorted(path.stat().st_mtime_ns for path in good.folder.iterdir())
    assert repeats_command(folder, [], as_json=True) == 0
    assert sorted(path.stat().st_mtime_ns for path in good.folder.iterdir()) == before
    runs = json.loads((folder / "intervals.json").read_text("utf-8"))["runs"]
    assert [run["counts"] for run in runs] == [True, False, False]


@pytest.mark.parametrize(("end", "code"), [("precise", 0), ("not precise", 1)])
def test_the_precision_and_whether_it_was_reached_are_stated(
    tmp_path: Path, end: End, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repeated(tmp_path / "it", [0.1, 0.2], until="absorption ± 5%", end=end)
    assert repeats_command(folder, [], as_json=False) == code
    printed = capsys.readouterr().out
    assert "absorption:" in printed
    assert "reached: absorption ± 5%." in printed


def test_runs_without_the_measure_have_no_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = repeated(tmp_path / "it", [None, None])
    assert repeats_command(folder, [], as_json=False) == 0
    assert "not observed in any run" in capsys.readouterr().out
    assert not (folder / "runs.svg").exists()


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"repeats\.json"):
        repeats_command(tmp_path, [], as_json=False)
