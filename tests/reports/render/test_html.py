"""report.html as a file: whole, small, escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from reports.render.html import Pictures, render
from tests.reports.conftest import Reported, typed


def own_text(page: str) -> str:
    """The page without the bundled library."""
    return re.sub(r"<script>.*?</script>", "", page, count=1, flags=re.DOTALL)


def test_the_first_section_is_the_answer(good: Reported) -> None:
    page = own_text(good.page.read_text("utf-8"))
    assert page.index("Breaker as configured") < page.index('id="trips"') < page.index('id="charts"')


def test_no_name_becomes_markup(hostile: Reported) -> None:
    page = own_text(hostile.page.read_text("utf-8"))
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_charts_data_cannot_end_its_script(hostile: Reported) -> None:
    spec = re.search(r'id="spec">(.*?)</script>', hostile.page.read_text("utf-8"), re.DOTALL)
    assert spec is not None
    assert "alert(1)" in json.dumps(json.loads(spec.group(1)))


def test_nothing_is_fetched_from_anywhere(good: Reported) -> None:
    page = own_text(good.page.read_text("utf-8"))
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page) == []
    assert "url(" not in page


def test_ten_thousand_trips_stay_a_small_page(many: Callable[[int], dict[str, Any]]) -> None:
    page = render(typed(many(10_000)), Pictures())
    assert "The first 100 of 10,000 trips." in page
    assert len(page) < 200_000


def test_a_live_run_says_that_there_is_no_truth(live: Reported) -> None:
    page = own_text(live.page.read_text("utf-8"))
    assert "live target without a record of its own" in page
    assert "Options of the local cloud" not in page


def test_a_killed_run_says_so(killed: Reported) -> None:
    assert "killed: the report covers what was recorded until then" in render(typed(killed.summary), Pictures())


def test_several_units_have_a_table_of_their_own(units: Reported) -> None:
    assert "Units, which trip one by one" in render(typed(units.summary), Pictures())


def test_latency_stands_beside_its_uncorrected_self(good: Reported) -> None:
    page = own_text(good.page.read_text("utf-8"))
    assert page.count("intended start</td>") == page.count("sending (uncorrected)</td>") == 2


def test_each_instant_says_which_evidence_bounds_it(good: Reported) -> None:
    page = own_text(good.page.read_text("utf-8"))
    known = {trip[name]["by"] for trip in good.summary["trips"] for name in ("tripped_s", "reset_s") if trip[name]}
    assert known == {"cause", "proof"}
    assert all(f'<span class="beneath">by {by}</span>' in page for by in known)


def test_errors_are_drawn_against_half_widths_where_truth_is_known(good: Reported, live: Reported) -> None:
    assert [own_text(one.page.read_text("utf-8")).count('id="calibration"') for one in (good, live)] == [1, 0]
