"""`tripcurve report FOLDER --index`: the list of runs, the trends, and folders that somebody else made."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from reports.commands.index import index_command
from reports.commands.repeats import repeats_command
from tests.summaries import summary_of, write_summary
from tripcurve.errors import BadInput
from tripcurve.run.repeats import RepeatedRun, Repeats, write_repeats

DAY_NS = 86_400 * 10**9
EVIL = "<img src=x onerror=alert(1)>"
"""A folder's name that a page would execute if it were not escaped."""


def run(folder: Path, day: int, outage_s: float = 1.0, **changes: object) -> Path:
    write_summary(folder, summary_of(outage_s).model_copy(update={"start_ns": day * DAY_NS, **changes}))
    (folder / "report.html").touch()
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for day in range(1, 5):
        run(tmp_path / f"day-{day}", day, outage_s=day / 10)
    run(tmp_path / "other", 9, lab="other")
    return tmp_path


def pages(folder: Path) -> tuple[str, str]:
    return tuple((folder / name).read_text("utf-8") for name in ("index.html", "trend.html"))  # type: ignore[return-value]


def test_runs_are_listed_newest_first_with_links(runs: Path) -> None:
    assert index_command(runs, as_json=False) == 0
    index, _ = pages(runs)
    assert re.findall(r'href="\./([^/]*)/report\.html"', index) == ["other", "day-4", "day-3", "day-2", "day-1"]
    assert "1970-01-05 00:00:00" in index


def test_a_lab_with_two_runs_has_a_trend_and_one_with_one_has_none(runs: Path) -> None:
    index_command(runs, as_json=False)
    index, trend = pages(runs)
    assert index.count('href="trend.html#change-1"') == 4
    assert 'id="change-1"' in trend
    assert 'id="change-2"' not in trend
    assert trend.count("<svg") >= 3
    assert re.findall(r'href="\./(day-\d)/report\.html"', trend) == ["day-4", "day-3", "day-2", "day-1"]
    assert "0.400" in trend


def test_the_pages_need_no_network_and_run_nothing(runs: Path) -> None:
    index_command(runs, as_json=False)
    for page in pages(runs):
        assert "<script" not in page
        assert "default-src 'none'" in page
        assert re.findall(r'(?:src|href)="(?!#|data:|\./|index\.html|trend\.html)[^"]*"', page) == []


def test_groups_of_runs_are_listed_and_linked_if_they_have_a_page(runs: Path) -> None:
    for name, reported in (("five", True), ("more", False)):
        (runs / name).mkdir()
        write_repeats(
            runs / name,
            Repeats(lab="l", scenario="s", target="local", asked=2, runs=(RepeatedRun(run="run-01", seed=0, exit=0),)),
        )
        if reported:
            (runs / name / "report.html").touch()
    (runs / "search").mkdir()
    (runs / "search" / "probes.json").touch()
    (runs / "more" / "intervals.json").write_text("[]", "utf-8")
    index_command(runs, as_json=False)
    index, _ = pages(runs)
    assert 'href="./five/report.html"' in index
    assert 'href="./more/report.html"' not in index
    assert "l, s: 1 run, repeated, not reported" in index
    assert "search for the capacity" in index


def test_a_hostile_name_is_text_and_its_link_stays_in_the_folder(tmp_path: Path) -> None:
    for day, name in enumerate((EVIL, "javascript:alert(1)", "a&quot;b", " ", "50%41"), 1):
        run(tmp_path / name, day)
    index_command(tmp_path, as_json=False)
    for page in pages(tmp_path):
        assert "<img" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page
        assert not re.search(r'href="\s*javascript', page)
        assert 'href="./javascript%3Aalert%281%29/report.html"' in page
        assert 'href="./50%2541/report.html"' in page


def test_a_hostile_lab_is_text(tmp_path: Path) -> None:
    run(tmp_path / "a", 1, lab=EVIL, target=EVIL)
    run(tmp_path / "b", 2, lab=EVIL, target=EVIL)
    index_command(tmp_path, as_json=False)
    for page in pages(tmp_path):
        assert "<img" not in page
        assert "&lt;img" in page


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("run.json", "{"),
        ("run.json", '{"schema": 99}'),
        ("run.json", "[" * 100_000),
        ("summary.json", "{"),
        ("summary.json", '{"schema": 2}'),
        ("summary.json", "[" * 100_000),
        ("summary.json", None),
    ],
)
def test_a_broken_run_is_listed_as_broken_and_not_linked(runs: Path, file: str, content: str | None) -> None:
    path = runs / "day-2" / file
    if content is None:
        path.unlink()
    else:
        path.write_text(content, "utf-8")
    index_command(runs, as_json=False)
    index, trend = pages(runs)
    assert 'href="./day-2/report.html"' not in index + trend
    assert "day-2" in index.partition('id="broken"')[2]


def test_an_instant_that_no_calendar_has_is_broken(runs: Path) -> None:
    path = runs / "day-2" / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "start_ns": 10**30}), "utf-8")
    index_command(runs, as_json=False)
    assert "day-2" in pages(runs)[0].partition('id="broken"')[2]


def test_links_pipes_and_parts_of_runs_are_broken(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "link").symlink_to(runs / "day-1")
    (runs / "part").mkdir()
    (runs / "part" / "run.json").touch()
    (runs / "pipe").mkdir()
    (runs / "pipe" / "lab.yaml").touch()
    os.mkfifo(runs / "pipe" / "summary.json")
    (runs / "notes").mkdir()
    assert index_command(runs, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["runs"], len(found["broken"])) == (5, 3)
    assert "link, which is not followed" in found["broken"][0]
    assert "part has no lab.yaml" in found["broken"][1]
    assert "pipe" in found["broken"][2]


def test_links_at_the_names_of_the_pages_are_replaced(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "mine"
    outside.write_text("mine", "utf-8")
    (runs / "index.html").symlink_to(outside)
    index_command(runs, as_json=False)
    assert outside.read_text("utf-8") == "mine"
    assert not (runs / "index.html").is_symlink()


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no runs"):
        index_command(tmp_path, as_json=False)
    with pytest.raises(BadInput, match="not a folder"):
        index_command(tmp_path / "nowhere", as_json=False)


def test_repeated_runs_are_listed_with_their_interval(tmp_path: Path) -> None:
    folder = tmp_path / "repeats"
    for number, outage in enumerate((1.0, 1.1, 1.3, 1.2, 1.15, 1.25), 1):
        run(folder / f"run-{number:02d}", number, outage)
    listed = tuple(RepeatedRun(run=f"run-{number:02d}", seed=number, exit=0) for number in range(1, 7))
    write_repeats(folder, Repeats(lab="l", scenario="s", target="local", asked=6, end="finished", runs=listed))
    repeats_command(folder, [], as_json=True)
    index_command(tmp_path, as_json=False)
    index, _ = pages(tmp_path)
    assert "l, s: 6 runs, repeated; outage_s.median 1.175, 95 % interval 1.000 … 1.300" in index
