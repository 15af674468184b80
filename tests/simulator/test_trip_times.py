"""Trip curves."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.trip_times import curve_points, overload_of, rule_of, shares_for
from tripcurve.errors import BadInput
from tripcurve.lab import Lab

SEEDS = range(40)


def lab(**fields: Any) -> Lab:
    breaker = {"count": 3, "interval": 300, "status_codes": [429], "trip_duration": 60} | fields
    return Lab.model_validate({"name": "v", "gateway": {"name": "g"}, "backends": [{"name": "m1", "breaker": breaker}]})


def test_the_curve_falls_with_the_overload_and_its_median_is_near_the_closed_form() -> None:
    points = curve_points(lab(), [20.0], 8, SEEDS)
    medians = [point.median for point in points]
    assert medians == sorted(medians, reverse=True)
    for point in points:
        assert point.low <= point.median <= point.high  # type: ignore[operator]  # every seed trips
        if point.expected_s is not None:
            assert point.low <= point.expected_s <= point.high  # type: ignore[operator]


def test_certain_failure_trips_at_the_counts_request() -> None:
    point = curve_points(lab(), [20.0], 8, SEEDS)[-1]
    assert point.share == 1
    assert point.median == pytest.approx(2 / 20 + 0.0012, abs=0.001)


def test_a_percentage_rule_has_a_curve_from_its_percentage_on() -> None:
    points = curve_points(lab(count=None, percentage=50, interval=10), [20.0], 4, SEEDS)
    assert [point.share for point in points] == pytest.approx([0.525, 0.651, 0.807, 1.0], abs=0.001)
    assert all(point.median is not None and point.expected_s is None for point in points)


def test_a_rule_that_cannot_trip_at_the_rate_has_no_points() -> None:
    assert shares_for(rule_of(lab(count=100, interval=1)), 10, 8) == []
    assert curve_points(lab(count=100, interval=1), [10.0], 8, SEEDS) == []


def test_the_smallest_share_of_a_percentage_of_100_is_every_answer() -> None:
    assert set(shares_for(rule_of(lab(count=None, percentage=100)), 10, 3)) == {1.0}


@pytest.mark.parametrize("rate", [0.0, -1.0, 2e6, float("nan")])
def test_a_rate_out_of_range_is_refused(rate: float) -> None:
    with pytest.raises(BadInput, match="--rate must be more than 0"):
        curve_points(lab(), [rate], 8, SEEDS)


def test_a_backend_without_a_breaker_has_no_curve() -> None:
    bare = Lab.model_validate({"name": "v", "gateway": {"name": "g"}, "backends": [{"name": "m1"}]})
    with pytest.raises(BadInput, match="m1 has no breaker"):
        rule_of(bare)


def test_a_rule_that_counts_no_status_has_no_overload() -> None:
    rule = rule_of(lab(status_codes=[], error_reasons=["Timeout"]))
    with pytest.raises(BadInput, match="counts no status"):
        overload_of(rule, 10, 1)


def test_a_rate_given_twice_is_drawn_once() -> None:
    assert curve_points(lab(), [20.0, 20.0], 3, SEEDS) == curve_points(lab(), [20.0], 3, SEEDS)
