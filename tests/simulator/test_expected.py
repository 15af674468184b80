"""Times to trip in closed form."""

from __future__ import annotations

import random
from collections import deque
from statistics import fmean, stdev

import pytest

from simulator.expected import expected_trip_s, threshold_share
from tripcurve.lab.rule import BreakerRule


def rule(**fields: object) -> BreakerRule:
    return BreakerRule.model_validate({"interval": 300, "status_codes": [429], "trip_duration": 60, **fields})


def played_s(one: BreakerRule, rate: float, share: float, rng: random.Random) -> float:
    """Time to trip, request by request."""
    failures: deque[float] = deque()
    number = 0
    while True:
        now = number / rate
        if rng.random() < share:
            failures.append(now)
            while failures[0] <= now - one.interval:
                failures.popleft()
            if len(failures) >= (one.count or 0):
                return now
        number += 1


@pytest.mark.parametrize(
    ("count", "interval", "rate", "share"),
    [(1, 1, 10, 0.1), (2, 1, 10, 0.05), (2, 3, 4, 0.2), (3, 300, 10, 0.2), (5, 300, 10, 0.9), (3, 300, 10, 1.0)],
)
def test_the_mean_is_that_of_playing_every_request(count: int, interval: float, rate: float, share: float) -> None:
    one, rng = rule(count=count, interval=interval), random.Random(1)
    times = [played_s(one, rate, share, rng) for _ in range(4000)]
    expected = expected_trip_s(one, rate, share)
    assert expected is not None
    assert abs(fmean(times) - expected) <= 4 * stdev(times) / len(times) ** 0.5 + 1e-9


def test_there_is_no_closed_form_if_the_window_matters_or_for_a_percentage() -> None:
    assert expected_trip_s(rule(count=3, interval=1), 10, 0.1) is None
    assert expected_trip_s(rule(percentage=50), 10, 0.6) is None


def test_the_threshold_is_a_full_window_of_failures_or_the_percentage() -> None:
    assert threshold_share(rule(count=3), 10) == pytest.approx(0.001)
    assert threshold_share(rule(percentage=50), 10) == 0.5
