"""The knee of planted latencies: named where it is, and not named where nobody could."""

from __future__ import annotations

import pytest

from reports.statistics.capacity_steps import StepFigures
from reports.statistics.knee import RISE, find_knee
from tests.reports.steps import step

RATES = (25, 50, 100, 150, 200, 250, 300)


def planted(knee: float, seed: int = 0, rates: tuple[float, ...] = RATES) -> list[StepFigures]:
    """Steps whose median is 20 ms, and rises so that it crosses RISE times that at the knee."""
    return [
        step(rate, median_ms=20 * max(1.0, RISE * (rate / knee) ** 3), seed=seed * 100 + index, seconds=10)
        for index, rate in enumerate(rates)
    ]


def test_the_knee_lies_within_its_interval_in_95_of_100_planted_loads() -> None:
    knees = [find_knee(planted(60 + 2 * seed, seed)) for seed in range(100)]
    inside = [
        knee.low is not None and knee.high is not None and knee.low <= 60 + 2 * seed <= knee.high
        for seed, knee in enumerate(knees)
    ]
    assert sum(inside) >= 95


def test_its_estimate_is_close() -> None:
    knee = find_knee(planted(130))
    assert (knee.low, knee.high) == (100, 150)
    assert knee.rate_s == pytest.approx(130, rel=0.15)


def test_a_latency_that_does_not_rise_has_no_knee() -> None:
    knee = find_knee([step(rate, seed=index) for index, rate in enumerate(RATES)])
    assert (knee.rate_s, knee.low, knee.high) == (None, None, None)
    assert "did not reach" in knee.reason


def test_two_rates_name_no_knee() -> None:
    assert "fewer than 3" in find_knee(planted(60, rates=(25, 100))).reason


def test_a_latency_that_rises_and_falls_names_no_knee() -> None:
    knee = find_knee([step(rate, median_ms=80 if rate == 100 else 20, seed=index) for index, rate in enumerate(RATES)])
    assert knee.rate_s is None
    assert "below that at a higher rate again" in knee.reason


def test_a_noisy_latency_names_no_knee() -> None:
    """Each median is known to a factor of several only, so no step proves a side."""
    knee = find_knee(
        [step(rate, seconds=2, spread=4, seed=index, median_ms=20 * rate) for index, rate in enumerate((5, 8, 11))]
    )
    assert knee.rate_s is None


def test_steps_without_successes_are_ignored() -> None:
    steps = [*planted(130), step(400, answers={"429 backend": 1.0})]
    assert find_knee(steps) == find_knee(planted(130))
