"""What limits planted loads, with the evidence."""

from __future__ import annotations

import pytest

from reports.statistics.limiting_cause import Cause, find_cause
from tests.reports.runs import RULE, lab_of
from tests.reports.steps import step
from tripcurve.lab import Lab


def limited(rpm: int | None = None, tpm: int | None = None) -> Lab:
    return lab_of(backends=[{"name": "m1", "breaker": RULE, "limits": {"rpm": rpm, "tpm": tpm}}])


def throttled(lab: Lab | None, *, trips: int = 0) -> Cause:
    """Half of 40 requests/s, 2,400 requests and 144,000 tokens a minute if all were served, are throttled."""
    answers = {"429 backend": 0.1, "shed": 0.4} if trips else {"429 backend": 0.5}
    return find_cause([step(10), step(20), step(40, answers=answers, trips=trips)], lab)


def test_a_quota_of_requests_is_named_with_what_was_offered() -> None:
    cause = throttled(limited(rpm=1200, tpm=1_000_000))
    assert cause.kind == "requests quota"
    assert cause.text == "The backends' quota of 1,200 requests per minute."
    assert any("2,400 requests per minute, 200% of the quota of 1,200" in line for line in cause.evidence)


def test_a_quota_of_tokens_is_named_where_it_is_the_nearer_one() -> None:
    cause = throttled(limited(rpm=2400, tpm=60_000))
    assert cause.kind == "tokens quota"
    assert any("144,000 tokens per minute, 240% of the quota of 60,000" in line for line in cause.evidence)


def test_429s_that_open_the_breaker_are_the_quotas() -> None:
    cause = throttled(limited(rpm=1200), trips=2)
    assert cause.kind == "requests quota"
    assert any("breaker opened 2 times and refused" in line for line in cause.evidence)


def test_a_few_429s_below_every_quota_that_open_the_breaker_are_the_breakers() -> None:
    cause = throttled(limited(rpm=10_000, tpm=1_000_000), trips=1)
    assert cause.kind == "breaker"
    assert any("m1 is taken out at 3 failures within 10 s" in line for line in cause.evidence)


@pytest.mark.parametrize("lab", [None, lab_of()])
def test_a_quota_that_nobody_states_is_not_guessed(lab: Lab | None) -> None:
    cause = throttled(lab)
    assert cause.kind == "quota"
    assert "not known" in cause.text


def test_429s_below_every_stated_quota_say_so() -> None:
    assert "below each quota" in throttled(limited(rpm=10_000, tpm=10_000_000)).text


def test_a_breaker_that_opens_at_other_failures_is_the_breakers() -> None:
    cause = find_cause([step(10), step(20, answers={"other error": 0.05, "shed": 0.3}, trips=1)], lab_of())
    assert cause.kind == "breaker"


def test_failures_of_backends_are_theirs() -> None:
    cause = find_cause([step(10), step(20, answers={"other error": 0.2})], lab_of())
    assert cause.kind == "backend"
    assert any("× 500" in line for line in cause.evidence)


def test_unsent_arrivals_with_quick_answers_are_the_generators() -> None:
    cause = find_cause(
        [step(10), step(500, delivered=0.7, late_ms=300, cause="9,000 arrivals found no free user")], None
    )
    assert cause.kind == "load generator"
    assert any("70.0%" in line for line in cause.evidence)
    assert any("at least 300 ms late" in line for line in cause.evidence)


@pytest.mark.parametrize(("outside", "kind"), [(400, "gateway"), (5, "backend")])
def test_unsent_arrivals_with_slow_answers_are_the_side_that_became_slow(outside: float, kind: str) -> None:
    steps = [
        step(10),
        step(500, median_ms=500, outside_ms=outside, delivered=0.7, cause="9,000 arrivals found no free user"),
    ]
    assert find_cause(steps, None).kind == kind


def test_a_load_that_was_carried_reached_no_limit() -> None:
    cause = find_cause([step(10), step(20)], lab_of())
    assert cause.kind == "none reached"
    assert "20.0 requests/s, was carried" in cause.evidence[0]


def test_a_late_generator_is_mentioned_where_no_limit_was_reached() -> None:
    assert "fell behind" in find_cause([step(10), step(20, late_ms=300)], None).evidence[1]


def test_a_failed_check_is_repeated() -> None:
    cause = find_cause([step(10), step(20, cause="check failed: requests.total < 5")], None)
    assert cause.kind == "other"
    assert "requests.total < 5" in cause.text


def test_answers_that_are_slow_because_they_were_sent_late_are_the_generators() -> None:
    late = step(500, median_ms=500, late_ms=480, delivered=0.7, cause="9,000 arrivals found no free user")
    assert find_cause([step(10), late], None).kind == "load generator"
