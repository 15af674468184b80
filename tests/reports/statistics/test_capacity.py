"""Capacity read from steps of rising load."""

from __future__ import annotations

from reports.statistics.capacity import Limits, from_run
from tests.reports.runs import RULE, fault, lab_of, play, scenario_of
from tripcurve.run.summary import Capacity

STEPS = [{"for": 3, "rate": rate} for rate in (10, 20, 40)]


def steps(*faulty: int, limits: Limits | None = None, **fault_: object) -> Capacity:
    phases = [step | ({"simulate": fault(**fault_)} if n in faulty else {}) for n, step in enumerate(STEPS)]  # type: ignore[arg-type]  # keywords of a fault
    return from_run(play(lab_of(RULE, median_ms=10), scenario_of(*phases)), limits)


def test_the_capacity_is_the_highest_step_below_the_first_that_was_not_carried() -> None:
    found = steps(2)
    assert found.carried is not None
    assert found.failed is not None
    assert (round(found.carried.offered_s), round(found.failed.offered_s)) == (20, 40)
    assert "breaker opened" in (found.failed.cause or "")
    assert "between 20.0 and 40.0 requests/s" in found.confidence


def test_a_carried_step_above_a_failed_one_does_not_count() -> None:
    found = steps(1)
    assert found.carried is not None
    assert round(found.carried.offered_s) == 10


def test_a_run_that_carried_every_step_gives_a_lower_bound() -> None:
    found = steps()
    assert found.failed is None
    assert "at least this" in found.confidence
    assert [round(step.served_s) for step in found.curve] == [10, 20, 40]
    assert round(found.curve[-1].tokens_per_minute) == 40 * 60 * 60


def test_a_run_that_carried_nothing_says_so() -> None:
    found = steps(0, 1, 2)
    assert found.carried is None
    assert "begin with a lower step" in found.confidence


def test_too_few_throttled_answers_to_trip_mean_that_a_quota_was_reached() -> None:
    lab = lab_of(RULE | {"count": 1000})
    found = from_run(play(lab, scenario_of(STEPS[0], STEPS[1] | {"simulate": fault(0.3)})))
    assert found.failed is not None
    assert "quota" in (found.failed.cause or "")


def test_a_latency_limit_is_a_cause_of_its_own() -> None:
    found = steps(limits=Limits(p99_ms=1))
    assert found.carried is None
    assert "latency" in (found.curve[0].cause or "")


def test_headroom_is_what_the_quota_leaves() -> None:
    backend = {"name": "m1", "breaker": RULE, "limits": {"rpm": 4800}}
    found = from_run(play(lab_of(backends=[backend]), scenario_of(*STEPS)))
    [quota] = found.headroom
    assert (quota.quota, quota.limit, round(quota.used)) == ("requests per minute", 4800, 2400)
    assert abs(quota.left_share - 0.5) < 0.01
