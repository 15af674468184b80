"""summary.md, on a pull request's page or a CI job's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.commands.report import report
from reports.render.markdown import render_markdown
from tests.reports.conftest import Reported, typed
from tests.reports.render.golden import matches


def test_it_is_the_golden_one(tripped: Reported) -> None:
    assert matches("summary.md", render_markdown(typed(tripped.summary)))


def test_no_name_starts_markup(hostile: Reported) -> None:
    text = render_markdown(typed(hostile.summary))
    assert "<script" not in text
    assert "<b>" not in text
    assert "\x1b" not in text


def test_a_bar_in_a_name_does_not_add_a_column(hostile: Reported) -> None:
    table = render_markdown(typed(hostile.summary)).partition("## Trips\n\n")[2].partition("\n\n")[0].splitlines()
    assert len(table) == 2 + len(hostile.summary["trips"])
    assert len({row.replace("\\|", "").count("|") for row in table}) == 1


def test_ten_thousand_trips_stay_a_page(many: Callable[[int], dict[str, Any]]) -> None:
    text = render_markdown(typed(many(10_000)))
    assert "9,900 more trips" in text
    assert len(text) < 40_000


def test_truth_has_no_columns_where_there_is_none(live: Reported) -> None:
    assert "truth, s" not in render_markdown(typed(live.summary))


def test_the_report_goes_on_the_job_page(good: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "job.md"
    page.write_text("# before\n", "utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert report(good.run.folder, [], as_json=False) == 0
    assert page.read_text("utf-8").startswith("# before\n# p: s\n")
