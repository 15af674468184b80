"""The first line says whether the rule is good, and why."""

from __future__ import annotations

from typing import Any

import pytest

from reports.render import words
from reports.statistics import verdict
from tests.reports.conftest import Reported, typed
from tests.reports.runs import RULE
from tripcurve.lab.rule import BreakerRule
from tripcurve.run.summary import Verdict


def judge(summary: dict[str, Any]) -> Verdict:
    """Judge anew, whatever verdict the summary holds."""
    return verdict.judge(typed(summary))


def answer(summary: dict[str, Any]) -> list[str]:
    return words.answer(typed(summary))


def rule_lines(*backends: str, **changes: Any) -> list[str]:
    rules = {name: BreakerRule.model_validate(RULE) for name in backends}
    return words.rules_in_words(rules | {name: BreakerRule.model_validate(rule) for name, rule in changes.items()})


PASSED = [{"expression": "sheds > 0", "value": 9.0, "passed": True}]


def test_a_rule_whose_checks_pass_is_good(good: Reported) -> None:
    found = judge({**good.summary, "checks": PASSED})
    assert (found.label, found.exit_code) == ("good", 0)
    assert "after the first failure" in found.sentence
    assert "as configured" in found.sentence
    assert "the check passed" in found.sentence


def test_without_checks_a_rule_is_never_called_good(good: Reported) -> None:
    found = judge(good.summary)
    assert (found.label, found.exit_code) == ("as configured", 0)
    assert "no check was set" in found.sentence


@pytest.mark.parametrize(("throttles", "times"), [(1, "429 once,"), (1234, "429 1,234 times,")])
def test_one_time_is_once(good: Reported, throttles: int, times: str) -> None:
    found = judge({**good.summary, "trips": [], "unobserved_trips": [], "conformance": [], "throttles": throttles})
    assert f"backends answered {times} which did not open the breaker" in found.sentence


def test_without_checks_and_without_a_confirmed_part_nothing_was_shown(good: Reported) -> None:
    unshown = [{**found, "verdict": "not shown"} for found in good.summary["conformance"]]
    assert judge({**good.summary, "conformance": unshown}).label == "not shown"


def test_the_slowest_trip_and_the_shed_share_are_stated(good: Reported) -> None:
    """As in a run whose first trip took 5.71 s, the median 0.035 s, and in which 69 % was shed."""
    trips = [dict(trip) for trip in good.summary["trips"][:1]] * 3
    trips[0] = {**trips[0], "time_to_trip_s": 5.71}
    trips[1] = trips[2] = {**trips[1], "time_to_trip_s": 0.035}
    spread = {"n": 3, "min": 0.035, "median": 0.035, "max": 5.71}
    requests = {**good.summary["requests"], "total": 1000}
    summary = {**good.summary, "trips": trips, "time_to_trip_s": spread, "sheds": 690, "requests": requests}
    at = trips[0]["tripped_s"]["estimate"]
    assert f"the slowest of 3 trips came 5.710 s after the first failure, at {at:.2f} s" in judge(summary).sentence
    assert "the gateway shed 69% of all requests" in judge(summary).sentence


def test_a_run_with_trips_that_no_request_shows_is_not_good(good: Reported) -> None:
    missed = [{"backend": "m1", "unit": 0, "tripped_s": 1.0, "reset_s": 2.0}] * 7
    found = judge({**good.summary, "checks": PASSED, "unobserved_trips": missed, "trips": good.summary["trips"][-1:]})
    assert found.label == "not shown"
    assert "7 of the 8 openings in the gateway's record were not measured" in found.sentence


@pytest.mark.parametrize(
    ("kind", "label", "code"),
    [
        ("target lost", "target lost", 3),
        ("not recorded", "not valid", 4),
        ("key refused", "not valid", 4),
        ("broken answers", "not valid", 4),
        ("load not delivered", "not valid", 4),
        ("workers lost", "not valid", 4),
        ("interrupted", "not shown", 130),
    ],
)
def test_a_problem_outranks_the_rule(tripped: Reported, good: Reported, kind: str, label: str, code: int) -> None:
    problems = [{"kind": kind, "text": "this happened"}]
    cut = kind == "interrupted"
    found = judge({**good.summary, "checks": PASSED, "problems": problems, "interrupted": cut})
    assert (found.label, found.exit_code) == (label, code)
    assert cut or "this happened" in found.sentence
    assert judge({**tripped.summary, "problems": problems}).exit_code == code


def test_the_summary_holds_the_verdict(good: Reported) -> None:
    assert good.summary["verdict"] == judge(good.summary).model_dump(mode="json")
    assert verdict.verdict_of(typed(good.summary)) == judge(good.summary)
    before = {key: value for key, value in good.summary.items() if key != "verdict"}
    assert verdict.verdict_of(typed(before)) == judge(good.summary)


def test_a_failed_check_makes_the_verdict_not_good_and_is_named(tripped: Reported) -> None:
    found = judge(tripped.summary)
    assert found.label == "not good"
    assert "outage_s.max < 1 failed" in found.sentence


def test_a_contradicted_part_of_the_rule_makes_the_verdict_not_good(good: Reported) -> None:
    against = {**good.summary["conformance"][0], "verdict": "contradicted", "observed": "5 failures"}
    found = judge({**good.summary, "conformance": [against]})
    assert found.label == "not good"
    assert "observed 5 failures" in found.sentence


def test_an_instant_outside_its_interval_is_never_called_good(good: Reported) -> None:
    assert judge({**good.summary, "accuracy": {**good.summary["accuracy"], "outside": 1}}).label == "not good"


def test_without_a_trip_nothing_was_shown(healthy: Reported) -> None:
    found = judge(healthy.summary)
    assert found.label == "not shown"
    assert "not seen to open" in found.sentence


def test_a_killed_run_shows_nothing_with_certainty(killed: Reported) -> None:
    assert (judge(killed.summary).label, judge(killed.summary).exit_code) == ("not valid", 4)
    assert "was killed" in judge(killed.summary).sentence


def test_a_run_that_ends_while_open_is_not_called_good(good: Reported) -> None:
    last = {**good.summary["trips"][-1], "recovery_latency_s": None, "outage_s": None}
    found = judge({**good.summary, "trips": [*good.summary["trips"][:-1], last]})
    assert found.label == "not shown"
    assert "before service was restored; " in found.sentence


def test_a_pool_whose_other_member_serves_is_restored(good: Reported) -> None:
    last = {**good.summary["trips"][-1], "recovery_latency_s": None, "outage_s": 1.0}
    assert judge({**good.summary, "trips": [*good.summary["trips"][:-1], last]}).label == "as configured"


def test_trips_without_a_complete_measure_do_not_make_a_rule_good(good: Reported) -> None:
    """As behind a policy whose retries hide every failure."""
    nothing = {"n": 0, "min": None, "median": None, "max": None}
    hidden = {**good.summary, "time_to_trip_s": nothing, "open_s": nothing}
    assert judge(hidden).label == "not shown"
    assert judge({**hidden, "checks": [{"expression": "sheds > 0", "value": 9.0, "passed": True}]}).label == "good"


def test_the_open_time_of_a_group_is_not_attributed_to_one_unit(units: Reported) -> None:
    seen = {"n": 1, "min": 1.0, "median": 1.0, "max": 1.0}
    assert "some unit was open for 1.00 s" in judge({**units.summary, "open_s": seen}).sentence


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
def test_the_rule_is_described_in_words(rule: dict[str, Any], said: str) -> None:
    [line] = rule_lines(m1=rule)
    assert line.startswith("Rule of m1: ")
    assert said in line


def test_backends_with_the_same_rule_share_a_line() -> None:
    assert len(rule_lines("m1", "m2", m3={**RULE, "count": 7})) == 2


def test_the_answer_is_three_sentences(good: Reported, healthy: Reported, live: Reported) -> None:
    for summary in (good.summary, healthy.summary, live.summary):
        assert len(answer(summary)) == 3
        assert all(sentence.endswith(".") for sentence in answer(summary))


def test_a_live_run_states_its_half_widths_as_accuracy(live: Reported) -> None:
    assert "half-widths are all that is known of the accuracy" in answer(live.summary)[2]
