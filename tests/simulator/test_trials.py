"""What a rule does to clients, to a sick backend and to a healthy one."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest

from simulator.trials import DAY_S, Plan, Trial, estimate, false_trips, try_rule, with_rule
from tripcurve.lab import Lab
from tripcurve.lab.rule import BreakerRule

PLAN = Plan({"hard-fail": 1.0}, rate=10.0, during_s=20.0, after_s=20.0, healthy_share=0.0, seeds=(0, 1, 2, 3))


def rule(**fields: Any) -> BreakerRule:
    given = {"count": 3, "interval": 10, "status_codes": [429], "trip_duration": 5} | fields
    return BreakerRule.model_validate(given)


def lab(units: int = 1, **local: Any) -> Lab:
    member = {"name": "m1", "breaker": rule().model_dump()}
    given = {"name": "v", "gateway": {"name": "g", "units": units}, "backends": [member], "local": local}
    return Lab.model_validate(given)


def test_without_a_breaker_a_hard_failure_costs_its_length_and_spares_nothing() -> None:
    trial = try_rule(lab(), None, PLAN)
    assert fmean(trial.outage_s) == pytest.approx(20, rel=0.1)
    assert fmean(trial.asked) == pytest.approx(200, rel=0.1)
    assert trial.false_trips == 0


def test_a_breaker_lets_its_count_through_each_time_it_closes() -> None:
    """Open for 5 s, then 3 failures within some 0.3 s: at most five times in 20 s, at least three."""
    trial = try_rule(lab(), rule(), PLAN)
    assert all(9 <= asked <= 15 for asked in trial.asked)


def test_a_longer_trip_costs_clients_more_after_the_fault() -> None:
    short, long = (try_rule(lab(), rule(trip_duration=seconds), PLAN) for seconds in (1, 15))
    assert fmean(long.outage_s) > fmean(short.outage_s) + 5


def test_the_incidents_count_by_their_weights() -> None:
    only_slow = try_rule(lab(), rule(), replace(PLAN, weights={"slow": 1.0}))
    only_hard = try_rule(lab(), rule(), PLAN)
    both = try_rule(lab(), rule(), replace(PLAN, weights={"slow": 1.0, "hard-fail": 3.0}))
    expected = (fmean(only_slow.outage_s) + 3 * fmean(only_hard.outage_s)) / 4
    assert fmean(both.outage_s) == pytest.approx(expected)


def test_a_retried_call_that_succeeds_in_the_end_was_no_outage() -> None:
    plan = replace(PLAN, weights={"brown-out": 1.0})
    without, with_retries = (try_rule(lab(), None, replace(plan, retries=count)) for count in (0, 3))
    assert fmean(with_retries.outage_s) < 0.2 * fmean(without.outage_s)


def test_trips_of_a_healthy_backend_are_those_of_the_closed_form() -> None:
    """A count of 1: one trip for each failure that does not fall into the trip before."""
    plan = replace(PLAN, healthy_share=0.01, healthy_s=DAY_S)
    trips, seconds = false_trips(lab(), rule(count=1, trip_duration=5), plan)
    failures = 10 * 0.01
    assert seconds == DAY_S
    assert trips == pytest.approx(DAY_S * failures / (1 + failures * 5), rel=0.05)


def test_a_share_and_a_count_of_the_same_failures_agree_where_both_mean_the_first() -> None:
    plan = replace(PLAN, healthy_share=0.01, healthy_s=20_000.0)
    counted, _ = false_trips(lab(), rule(count=1), plan)
    shared, _ = false_trips(lab(percentage_min_volume=1), rule(count=None, percentage=1, interval=0.001), plan)
    assert shared == pytest.approx(counted, abs=4 * math.sqrt(counted))


def test_a_backend_that_never_fails_never_trips() -> None:
    assert false_trips(lab(), rule(), PLAN)[0] == 0


def test_units_share_the_load_and_so_trip_less_by_chance() -> None:
    plan = replace(PLAN, healthy_share=0.02, healthy_s=DAY_S)
    assert false_trips(lab(8), rule(), plan)[0] < 0.5 * false_trips(lab(1), rule(), plan)[0]


def test_the_rule_goes_to_every_backend_that_has_one() -> None:
    assert with_rule(lab(), None).backends[0].breaker is None
    changed = with_rule(lab(), rule(count=7)).backends[0].breaker
    assert changed is not None
    assert changed.count == 7


def test_an_interval_holds_the_mean_and_shrinks_with_more_values() -> None:
    few, many = estimate([1.0, 2.0, 3.0]), estimate([1.0, 2.0, 3.0] * 10)
    assert few.low < 2 == few.mean < few.high
    assert many.high - many.low < few.high - few.low
    assert math.isinf(estimate([1.0]).high)


def test_a_run_without_trips_still_has_an_upper_bound() -> None:
    found = Trial(rule(), healthy_s=DAY_S).false_trips_a_day
    assert (found.mean, found.low) == (0, 0)
    assert 3 < found.high < 5
