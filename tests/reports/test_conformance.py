"""The rule set beside what a run proves of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reports.analysis import analyse
from reports.conformance import Finding, conformance
from reports.load import Run
from tests.reports.runs import RULE, TRIP, fault, lab_of, play, scenario_of
from tripcurve.lab import Lab


def findings(run: Run) -> dict[str, Finding]:
    return {finding.part: finding for finding in conformance(run, analyse(run))}


def claim(run: Run, **rule: Any) -> Run:
    """The same run, said to have had another rule."""
    lab = run.lab.model_dump(mode="json", by_alias=True)
    lab["backends"][0]["breaker"] |= rule
    return replace(run, lab=Lab.model_validate(lab))


def test_an_ordinary_run_confirms_count_statuses_and_duration() -> None:
    found = findings(play(lab_of(), TRIP))
    assert [found[part].verdict for part in ("count", "statuses", "open for")] == ["confirmed"] * 3


@pytest.mark.parametrize(
    ("rule", "part"),
    [({"count": 30}, "count"), ({"trip_duration": "PT2S"}, "open for"), ({"count": 2}, "interval")],
)
def test_a_rule_that_was_not_the_one_is_contradicted_or_not_confirmed(rule: dict[str, Any], part: str) -> None:
    assert findings(claim(play(lab_of(), TRIP), **rule))[part].verdict != "confirmed"


def test_a_duration_twice_as_long_as_the_rule_says_is_contradicted_not_read_as_two_trips() -> None:
    run = claim(play(lab_of(RULE | {"trip_duration": 2}), TRIP), trip_duration="PT1S")
    assert findings(run)["open for"].verdict == "contradicted"


def test_a_percentage_that_was_just_reached_is_confirmed() -> None:
    rule = {"percentage": 100, "interval": 10, "trip_duration": 1, "status_codes": [429]}
    run = play(lab_of(rule), scenario_of({"for": 3, "simulate": fault()}, {"for": 4}))
    assert findings(run)["percentage"].verdict == "confirmed"


def test_a_percentage_that_was_not_reached_is_contradicted() -> None:
    rule = {"percentage": 10, "interval": 10, "trip_duration": 1, "status_codes": [429]}
    run = play(lab_of(rule), scenario_of({"for": 3}, {"for": 3, "simulate": fault(0.3)}, {"for": 4}))
    assert findings(claim(run, percentage=90))["percentage"].verdict == "contradicted"


def test_an_accepted_retry_after_is_confirmed_where_it_differs_from_the_rule() -> None:
    scenario = scenario_of({"for": 2}, {"for": 2, "simulate": fault(retry_after_s=2)}, {"for": 6})
    run = play(lab_of(RULE | {"accept_retry_after": True}), scenario)
    assert findings(run)["Retry-After"].verdict == "confirmed"


def test_one_units_rule_is_not_read_off_a_group_of_units() -> None:
    found = findings(play(lab_of(units=3), TRIP))
    assert found["open for"].verdict == "not shown"
    assert "one unit" in (found["open for"].remedy or "")


def test_whatever_is_not_shown_says_what_would_show_it() -> None:
    runs = [
        play(lab_of(), scenario_of({"for": 1})),
        play(lab_of(RULE | {"count": 1}), TRIP),
        play(lab_of(units=2), TRIP),
    ]
    for run in runs:
        for finding in findings(run).values():
            assert (finding.verdict == "not shown") == (finding.remedy is not None), finding


@pytest.mark.parametrize("units", [1, 2])
def test_fewer_failures_than_the_count_show_nothing_of_the_interval(units: int) -> None:
    scenario = scenario_of({"for": 2, "simulate": fault(0.2)}, rate=20)
    run = play(lab_of(RULE | {"count": 30}, units=units), scenario)
    assert 0 < (run.requests["status"] == 429).sum() < 29
    assert findings(run)["interval"].verdict == "not shown"
