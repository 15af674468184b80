"""The first line says whether the rule is good, and why."""

from __future__ import annotations

from typing import Any

import pytest

from reports.render.words import answer, rules_in_words
from reports.statistics.verdict import judge
from tests.reports.conftest import Reported
from tests.reports.runs import RULE, lab_of


def test_a_rule_that_trips_and_recovers_is_good(good: Reported) -> None:
    verdict = judge(good.summary)
    assert verdict.label == "good"
    assert "after the first failure" in verdict.sentence
    assert "as configured" in verdict.sentence


def test_a_failed_check_makes_it_not_good_and_is_named(tripped: Reported) -> None:
    verdict = judge(tripped.summary)
    assert verdict.label == "not good"
    assert "outage_s.max < 1 failed" in verdict.sentence


def test_a_contradicted_part_of_the_rule_makes_it_not_good(good: Reported) -> None:
    found = {**good.summary["conformance"][0], "verdict": "contradicted", "observed": "5 failures"}
    verdict = judge({**good.summary, "conformance": [found]})
    assert verdict.label == "not good"
    assert "observed 5 failures" in verdict.sentence


def test_an_instant_outside_its_interval_is_never_called_good(good: Reported) -> None:
    assert judge({**good.summary, "accuracy": {**good.summary["accuracy"], "outside": 1}}).label == "not good"


def test_without_a_trip_nothing_was_shown(healthy: Reported) -> None:
    verdict = judge(healthy.summary)
    assert verdict.label == "not shown"
    assert "not seen to open" in verdict.sentence


def test_a_killed_run_shows_nothing_for_sure(killed: Reported) -> None:
    assert judge(killed.summary).label == "not shown"
    assert "cut short" in judge(killed.summary).sentence


def test_a_run_that_ends_while_open_is_not_called_good(good: Reported) -> None:
    last = {**good.summary["trips"][-1], "recovery_latency_s": None, "outage_s": None}
    verdict = judge({**good.summary, "trips": [*good.summary["trips"][:-1], last]})
    assert verdict.label == "not shown"
    assert "before service was seen restored; it tripped" in verdict.sentence


def test_a_pool_whose_other_member_serves_is_restored(good: Reported) -> None:
    last = {**good.summary["trips"][-1], "recovery_latency_s": None, "outage_s": 1.0}
    assert judge({**good.summary, "trips": [*good.summary["trips"][:-1], last]}).label == "good"


def test_trips_of_which_nothing_was_seen_whole_do_not_make_a_rule_good(good: Reported) -> None:
    """As behind a policy whose retries hide every failure."""
    nothing = {"n": 0, "min": None, "median": None, "max": None}
    hidden = {**good.summary, "time_to_trip_s": nothing, "open_s": nothing}
    assert judge(hidden).label == "not shown"
    assert judge({**hidden, "checks": [{"expression": "sheds > 0", "value": 9.0, "passed": True}]}).label == "good"


def test_the_open_time_of_a_group_is_not_said_of_one_unit(units: Reported) -> None:
    assert "had some unit open for" in judge(units.summary).sentence


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        pytest.param(RULE, "trips at 3 failures (429) within 10 s, then stays open for 1 s.", id="a count"),
        pytest.param({**RULE, "count": 1}, "trips at 1 failure (429) within", id="a count of one"),
        pytest.param(
            {"percentage": 50, "interval": "PT1M", "trip_duration": "PT5M", "status_codes": [429, "500-599"]},
            "trips when 50 % of answers fail (429, 500-599) within 60 s, then stays open for 300 s.",
            id="a percentage",
        ),
        pytest.param({**RULE, "accept_retry_after": True}, "open for 1 s, or as Retry-After says.", id="Retry-After"),
    ],
)
def test_the_rule_is_said_in_words(rule: dict[str, Any], said: str) -> None:
    dumped = lab_of(rule).model_dump(mode="json")["backends"][0]["breaker"]
    [line] = rules_in_words({"rule": {"m1": dumped}})
    assert line.startswith("Rule of m1: ")
    assert said in line


def test_backends_with_the_same_rule_share_a_line(good: Reported) -> None:
    rule = good.summary["rule"]["m1"]
    assert len(rules_in_words({"rule": {"m1": rule, "m2": rule, "m3": {**rule, "count": 7}}})) == 2


def test_the_answer_is_three_sentences(good: Reported, healthy: Reported, live: Reported) -> None:
    for summary in (good.summary, healthy.summary, live.summary):
        assert len(answer(summary)) == 3
        assert all(sentence.endswith(".") for sentence in answer(summary))


def test_a_live_run_offers_its_half_widths_as_accuracy(live: Reported) -> None:
    assert "half-widths are the accuracy" in answer(live.summary)[2]
