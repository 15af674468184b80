"""Capacity read from steps of rising load."""

from __future__ import annotations

import pytest

from reports.statistics.capacity import Limits, from_run, quotas_of
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


def test_the_interval_is_between_the_steps_with_enough_requests_to_be_sure() -> None:
    phases = [{"for": 5, "rate": rate} for rate in (100, 200)]
    found = from_run(
        play(lab_of(RULE, median_ms=10), scenario_of(*phases, {"for": 3, "rate": 300, "simulate": fault()}))
    )
    assert (found.low_s, found.high_s) == (pytest.approx(200, rel=0.01), pytest.approx(300, rel=0.01))
    assert "with 95 % certainty from 200.0 to 300.0 requests/s" in found.confidence


def test_few_requests_leave_the_lower_end_open() -> None:
    found = steps(2)  # at most 60 good requests in a step: 99 % is not sure
    assert found.carried is not None
    assert (found.low_s, found.carried.certain) == (None, False)
    assert found.high_s == pytest.approx(40, rel=0.01)
    assert "with 95 % certainty less than 40.0 requests/s" in found.confidence


def test_a_step_that_was_nearly_carried_leaves_the_upper_end_open() -> None:
    lab = lab_of(RULE | {"count": 1000})
    run = play(lab, scenario_of({"for": 5, "rate": 100}, {"for": 2, "rate": 120, "simulate": fault(0.025)}), seed=2)
    found = from_run(run)
    assert found.failed is not None
    assert (found.failed.certain, found.high_s) == (False, None)
    assert found.low_s == pytest.approx(100, rel=0.01)


def test_a_latency_limit_is_judged_with_its_own_uncertainty() -> None:
    phases = scenario_of({"for": 10, "rate": 100}, {"for": 10, "rate": 150})
    run = play(lab_of(RULE, median_ms=10), phases)
    (p99,) = {step.p99_ms for step in from_run(run).curve[:1]}
    assert p99 is not None
    certain = [from_run(run, Limits(p99_ms=limit)).curve[0].certain for limit in (p99 * 3, p99 * 1.01, p99 / 3)]
    assert certain == [True, False, True]


def test_littles_law_gives_the_carried_rate_again() -> None:
    found = steps(2)
    assert found.carried is not None
    assert found.carried.little is not None
    assert found.carried.little.agrees
    assert found.carried.little.rate_s == pytest.approx(20, rel=0.05)
    assert "by Little's law" in found.confidence


def test_an_answer_of_an_older_version_has_no_interval() -> None:
    written = steps(2).model_dump(mode="json")
    for name in ("low_s", "high_s"):
        del written[name]
    for step in (written["carried"], written["failed"], *written["curve"]):
        del step["certain"], step["little"]
    assert Capacity.model_validate(written).low_s is None


def test_a_provisioned_deployment_has_a_quota_of_tokens_by_its_units_and_none_of_requests() -> None:
    """100 units admit 250,000 tokens a minute; 100 thousand tokens would be those of a standard deployment."""
    model = {"sku": "ProvisionedManaged", "capacity": 100}
    assert quotas_of(lab_of(backends=[{"name": "m1", "kind": "openai"}], model=model)) == (None, 250_000)
    assert quotas_of(lab_of(backends=[{"name": "m1", "kind": "openai"}], model={"capacity": 100})) == (600, 100_000)
