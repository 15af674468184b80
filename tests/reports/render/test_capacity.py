"""The capacity report: golden page, Markdown and terminal, and names that attack."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from reports.render.capacity import CHARTS, print_capacity, render_capacity, render_capacity_markdown
from reports.statistics.capacity_report import CapacityReport, Cost, Simulated, Subject
from reports.statistics.limiting_cause import Cause
from tests.reports.conftest import HOSTILE
from tests.reports.render.golden import matches
from tests.reports.runs import RULE, lab_of
from tests.reports.steps import step
from tests.reports.subjects import subject

LAB = lab_of(backends=[{"name": "m1", "breaker": RULE, "limits": {"rpm": 9000, "tpm": 600_000}}])
SVGS = dict.fromkeys(CHARTS, "<svg></svg>")


def measured(**changes: object) -> Subject:
    """Latency rises from 100 requests/s on, and half of 200 requests/s is throttled."""
    steps = [step(rate, median_ms=20, seed=index) for index, rate in enumerate((25, 50, 100))]
    steps += [step(140, median_ms=60, seed=4), step(200, median_ms=90, answers={"429 backend": 0.5}, seed=5)]
    return subject(*steps, lab=LAB, **changes)


@pytest.fixture(scope="module")
def whole() -> CapacityReport:
    cause = Cause(kind="requests quota", text="The backends' quota of 9,000 requests per minute.")
    twice = Cause(kind="none reached", text="None was reached.")
    first = measured(
        notes=("Rates were held for 20 s.",),
        cost=Cost(currency="USD", per_hour=3.5, per_1000_requests=0.007, per_million_tokens=0.12),
        simulated=(
            Simulated(change=None, carried_s=148, failed_s=152, tokens_per_minute=533_000, cause=cause),
            Simulated(change="rpm=18000", carried_s=300, failed_s=None, tokens_per_minute=1_080_000, cause=twice),
        ),
    )
    other = subject(*(step(rate, median_ms=20, seed=rate) for rate in (10, 20)), name="other", path="runs/other")
    return CapacityReport(subject=first, beside=(other,))


def test_the_page_is_as_it_was_last_looked_at(whole: CapacityReport) -> None:
    page = render_capacity(whole, [SVGS, SVGS])
    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    assert matches("capacity.html", re.sub(r"Tripcurve \d[^<]*", "Tripcurve", page))


def test_the_markdown_is_as_it_was_last_looked_at(whole: CapacityReport) -> None:
    assert matches("capacity.md", render_capacity_markdown(whole))


def test_the_terminal_is_as_it_was_last_looked_at_and_fits_80_columns(whole: CapacityReport) -> None:
    out = io.StringIO()
    print_capacity(whole, "runs/quick-capacity/report.html", Console(file=out, width=80))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert matches("capacity.txt", text)


def test_the_page_needs_no_network_and_no_script(whole: CapacityReport) -> None:
    page = render_capacity(whole, [SVGS, SVGS])
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page) == []
    assert "<script" not in page
    assert "url(" not in page


def test_simulated_figures_are_marked_as_such(whole: CapacityReport) -> None:
    for text in (render_capacity(whole, [SVGS, SVGS]), render_capacity_markdown(whole)):
        assert "(simulated)" in text
        assert "no request was sent" in text


def test_no_name_becomes_markup() -> None:
    cause = Cause(kind="other", text=HOSTILE, evidence=(HOSTILE,))
    report = CapacityReport(subject=measured(name=HOSTILE, path=HOSTILE, target=HOSTILE, cause=cause, notes=(HOSTILE,)))
    report = report.model_copy(update={"beside": (report.subject,)})
    page = render_capacity(report, [SVGS, SVGS])
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    markdown = render_capacity_markdown(report)
    assert "<script>" not in markdown
    out = io.StringIO()
    print_capacity(report, HOSTILE, Console(file=out, width=80, color_system=None))
    for text in (page, markdown, out.getvalue()):
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([step(10), step(20)], "Carried: at least 20.0 requests/s"),
        ([step(10, answers={"429 backend": 0.5})], "Not even the lowest rate was carried"),
        ([step(10), step(500, delivered=0.5, cause="9 arrivals found no free user")], "could not send more"),
    ],
)
def test_an_answer_that_is_no_limit_says_so(steps: list[object], expected: str) -> None:
    page = render_capacity(CapacityReport(subject=subject(*steps)), [SVGS])  # type: ignore[arg-type]  # steps
    assert expected in page


def test_a_simulated_run_is_not_shown_as_a_measured_one() -> None:
    page = render_capacity(CapacityReport(subject=subject(step(10), target="simulated")), [SVGS])
    assert "Carried in the simulator: at least 10.0" in page


def test_the_knees_band_is_explained_only_where_it_is_drawn(whole: CapacityReport) -> None:
    assert render_capacity(whole, [SVGS, SVGS]).count("Grey: the knee lies here.") == 2  # text alternative and caption
