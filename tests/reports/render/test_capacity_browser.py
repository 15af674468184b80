"""The capacity page in a browser: accessible in light and dark, and no wider than paper."""

from __future__ import annotations

from pathlib import Path

import playwright.sync_api as playwright
import pytest

from reports.render.capacity import render_capacity
from reports.render.capacity_charts import latency_chart, rate_chart, token_chart
from reports.render.drawing import svg_of
from reports.statistics.capacity_report import CapacityReport
from tests.reports.render.test_browser import AXE, CHROMIUM, PAPER, WIDER, browser
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


@pytest.mark.parametrize(("scheme", "rules"), [("light", "{}"), ("dark", "{runOnly: ['color-contrast']}")])
def test_the_accessibility_checker_finds_nothing(
    page: Path, browser: playwright.Browser, scheme: str, rules: str
) -> None:
    context = browser.new_context(offline=True, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    opened = context.new_page()
    opened.goto(page.as_uri())
    opened.add_script_tag(path=AXE)
    found = opened.evaluate(f"axe.run({rules})")["violations"]
    problems = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]
    assert problems == [], problems
    context.close()


def test_nothing_is_wider_than_the_paper_and_the_policy_blocks_nothing(page: Path, browser: playwright.Browser) -> None:
    context = browser.new_context(offline=True)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.goto(page.as_uri())
    opened.emulate_media(media="print")
    opened.set_viewport_size(PAPER)  # type: ignore[arg-type]
    assert opened.evaluate(WIDER, PAPER["width"]) == []
    assert problems == []
    context.close()
