"""The links from a run's report to the pages beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.loading.neighbours import links_of, quoted
from tests.summaries import summary_of, write_summary
from tripcurve.run.summary import Summary


def run(folder: Path, start_ns: int, **changes: object) -> Summary:
    summary = summary_of(1.0).model_copy(update={"start_ns": start_ns, **changes})
    write_summary(folder, summary)
    (folder / "report.html").touch()
    return summary


def test_a_run_alone_has_no_links(tmp_path: Path) -> None:
    run(tmp_path / "older", 1)
    assert links_of(tmp_path / "it", run(tmp_path / "it", 2)) == []


def test_beside_an_index_it_links_the_newest_older_run_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    run(tmp_path / "oldest", 1)
    run(tmp_path / "older & wiser", 2)
    run(tmp_path / "newer", 9)
    run(tmp_path / "other lab", 3, lab="other")
    run(tmp_path / "simulated", 3, target="simulated")
    own = run(tmp_path / "it", 5)
    assert links_of(tmp_path / "it", own) == [
        ("All runs", "../index.html"),
        ("Run before: older & wiser", "../older%20%26%20wiser/report.html"),
    ]


def test_a_repeated_run_links_the_summary_over_them(tmp_path: Path) -> None:
    (tmp_path / "repeats.json").touch()
    assert links_of(tmp_path / "run-01", run(tmp_path / "run-01", 2)) == [("Repeated runs", "../report.html")]


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, "{}", json.dumps({"start_ns": "x"}), "\0"])
def test_damaged_neighbours_are_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "index.html").touch()
    run(tmp_path / "older", 1)
    (tmp_path / "older" / "summary.json").write_text(content, "utf-8")
    assert links_of(tmp_path / "it", run(tmp_path / "it", 2)) == [("All runs", "../index.html")]


@pytest.mark.parametrize("name", ["javascript:alert(1)", '"><script>', "a/b", "é", "\udcff", "50%"])
def test_a_quoted_name_has_only_letters_digits_and_percents(name: str) -> None:
    assert set(quoted(name.replace("/", ""))) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%-_.~"
    )
