"""The capacity page in a browser: accessible in light and dark, and no wider than paper."""

from __future__ import annotations

from pathlib import Path

import playwright.sync_api as playwright
import pytest

from reports.render.capacity import render_capacity
from reports.render.capacity_charts import latency_chart, rate_chart, token_chart
from reports.render.drawing import svg_of
from reports.statistics.capacity_report import CapacityReport
from tests.reports.render.test_browser import CHROMIUM, PAPER, WIDER, Opened, assert_accessible, browser
from tests.reports.render.test_capacity import whole

__all__ = ["browser", "whole"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH to open the page in")


@pytest.fixture(scope="module")
def page(whole: CapacityReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = {name: svg_of(chart(whole.subject)) for name, chart in _CHARTS.items()}
    path = tmp_path_factory.mktemp("capacity") / "report.html"
    path.write_text(render_capacity(whole, [drawn, {}]), "utf-8")
    return path


_CHARTS = {"rates": rate_chart, "tokens": token_chart, "latency": latency_chart}


def test_the_accessibility_checker_finds_nothing(page: Path, browser: playwright.Browser) -> None:
    opened = Opened(browser, page, bypass_csp=True)  # for the checker's own script
    assert_accessible(opened.page)
    opened.context.close()


def test_nothing_is_wider_than_the_paper_and_the_policy_blocks_nothing(page: Path, browser: playwright.Browser) -> None:
    opened = Opened(browser, page)
    assert opened.problems == []
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size(PAPER)
    assert opened.page.evaluate(WIDER, PAPER["width"]) == []
    opened.context.close()
