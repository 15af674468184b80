"""The first line says whether the rule is good, and why."""

from __future__ import annotations

from reports.verdict import judge
from reports.words import answer
from tests.reports.rendering.conftest import Reported


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
    last = {**good.summary["trips"][-1], "recovery_latency_s": None}
    assert judge({**good.summary, "trips": [*good.summary["trips"][:-1], last]}).label == "not shown"


def test_the_answer_is_three_sentences(good: Reported, healthy: Reported, live: Reported) -> None:
    for summary in (good.summary, healthy.summary, live.summary):
        assert len(answer(summary)) == 3
        assert all(sentence.endswith(".") for sentence in answer(summary))


def test_a_live_run_offers_its_half_widths_as_accuracy(live: Reported) -> None:
    assert "half-widths are the accuracy" in answer(live.summary)[2]
