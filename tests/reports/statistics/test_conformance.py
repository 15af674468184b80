"""The rule set beside what a run proves of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.loading.run import Run
from reports.statistics.conformance import Finding, conformance
from reports.trips.analysis import analyse
from tests.reports.runs import RULE, TRIP, fault, lab_of, play, scenario_of
from tests.reports.strategies import pool_of
from tripcurve.lab import Lab
from tripcurve.scenario import load_scenario


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


def test_answers_without_a_name_show_the_statuses_of_the_only_backend() -> None:
    run = play(lab_of(gateway={"name": "g", "kind": "envoy"}), TRIP)
    run.tally.kinds["backend"] = None
    assert findings(run)["statuses"].verdict == "confirmed"


@pytest.mark.parametrize(
    ("rule", "part"),
    [({"count": 30}, "count"), ({"trip_duration": "PT2S"}, "open for"), ({"count": 2}, "interval")],
)
def test_a_rule_that_was_not_in_force_is_contradicted_or_not_confirmed(rule: dict[str, Any], part: str) -> None:
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


def test_an_accepted_retry_after_is_confirmed_if_it_differs_from_the_rule() -> None:
    scenario = scenario_of({"for": 2}, {"for": 2, "simulate": fault(retry_after_s=2)}, {"for": 6})
    run = play(lab_of(RULE | {"accept_retry_after": True}), scenario)
    assert findings(run)["Retry-After"].verdict == "confirmed"


def test_the_rule_of_one_unit_is_not_inferred_from_a_group_of_units() -> None:
    found = findings(play(lab_of(units=3), TRIP))
    assert found["open for"].verdict == "not shown"
    assert "one unit" in (found["open for"].remedy or "")


def test_each_part_that_is_not_shown_says_what_would_show_it() -> None:
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


def interval_run(actual: float, **lab: Any) -> Run:
    """The shipped scenario on a gateway that counts over `actual` s, whose rule is said to be 10 s."""
    configured = lab_of(RULE | {"interval": 10}, **lab)
    scenario = load_scenario("interval", configured)
    return claim(play(lab_of(RULE | {"interval": actual}, **lab), scenario), interval="PT10S")


def test_the_scenario_made_for_it_confirms_the_interval() -> None:
    found = findings(interval_run(10))["interval"]
    assert found.verdict == "confirmed"
    assert re.fullmatch(r"longer than 9\.\d\d s and no longer than (10|11)\.\d\d s", found.observed)


@pytest.mark.parametrize("actual", [0.2, 3, 9, 9.4, 11.2, 12, 20, 100])
def test_another_interval_is_never_confirmed(actual: float) -> None:
    assert findings(interval_run(actual))["interval"].verdict == "contradicted"


def test_failures_with_successes_between_contradict_no_interval_of_a_gateway_that_may_count_in_a_row() -> None:
    """An unknown gateway that a success sets back to zero: most failures are alone, until all fail."""
    lab = lab_of(RULE, local={"success_clears": True})
    run = play(lab, scenario_of({"for": 4, "simulate": fault(0.1)}, {"for": 2, "simulate": fault()}, {"for": 3}))
    other = replace(run, lab=lab_of(RULE), info=run.info.model_copy(update={"target": "url"}))
    assert findings(other)["interval"].verdict == "not shown"
    known = replace(run, lab=lab_of(RULE))
    assert findings(known)["interval"].verdict == "contradicted"


@pytest.mark.parametrize("units", [2, 3])
def test_an_interval_is_not_inferred_from_a_group_of_units(units: int) -> None:
    assert findings(interval_run(10, units=units))["interval"].verdict == "not shown"


def test_trips_at_once_show_only_that_the_interval_is_longer() -> None:
    found = findings(play(lab_of(), TRIP))["interval"]
    assert (found.verdict, found.remedy) == ("not shown", "the scenario interval")
    assert found.observed.startswith("longer than 0.0")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    actual=st.floats(1, 30),
    configured=st.sampled_from([5, 10, 20]),
    count=st.integers(2, 5),
    share=st.sampled_from([0.02, 0.1, 1]),
    rate=st.sampled_from([5, 40]),
    seed=st.integers(0, 1000),
)
def test_for_any_failures_the_interval_lies_within_the_stated_bounds(
    actual: float, configured: float, count: int, share: float, rate: float, seed: int
) -> None:
    scenario = scenario_of({"for": 20, "simulate": fault(share)}, {"for": 3}, rate=rate)
    run = claim(play(lab_of(RULE | {"interval": actual, "count": count}), scenario, seed=seed), interval=configured)
    found = findings(run)["interval"]
    longer, up_to = (
        re.search(rf"{words} than ([0-9.]+) s", found.observed) for words in ("(?<!no )longer", "no longer")
    )
    assert longer is None or float(longer[1]) <= actual + 0.01
    assert up_to is None or float(up_to[1]) >= actual - 0.01
    assert found.verdict != "contradicted" or configured != actual
    assert found.verdict != "confirmed" or abs(configured - actual) <= configured / 4


def test_hidden_failures_of_a_retry_contradict_nothing() -> None:
    lab = pool_of(RULE | {"trip_duration": 4}, (1, 2), (1, 1), "smooth", 1)
    scenario = scenario_of({"for": 3}, {"for": 6, "simulate": fault()}, {"for": 6}, rate=40)
    run = play(lab, scenario, retries=1)
    assert [f for f in conformance(run, analyse(run)) if f.verdict == "contradicted"] == []


@pytest.mark.parametrize("error_ms", [-400, 400])
def test_an_uncertain_workers_clock_contradicts_no_interval(error_ms: int) -> None:
    """Failures recorded by a worker whose clock is off by less than its doubt seem too far apart, or too close."""
    run = interval_run(10)
    frame = run.decisive.copy()
    other = np.arange(len(frame)) % 2
    frame["start_ns"] += other * error_ms * 1_000_000
    frame["clock_doubt_ns"] = other * 500_000_000
    frame = frame.sort_values("start_ns", kind="stable", ignore_index=True)
    assert findings(replace(run, decisive=frame))["interval"].verdict != "contradicted"
