"""Intervals: how often they contain the truth, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.estimates import (
    Estimate,
    _student,
    estimate_of_batches,
    estimate_of_quantile,
    estimate_of_share,
)


def contains(estimate: Estimate, truth: float) -> bool:
    low = -np.inf if estimate.low is None else estimate.low
    high = np.inf if estimate.high is None else estimate.high
    return bool(low <= truth <= high)


@pytest.mark.parametrize(("freedom", "value"), [(3, 3.182), (4, 2.776), (9, 2.262), (29, 2.045), (1000, 1.962)])
def test_students_t_is_that_of_the_tables(freedom: int, value: float) -> None:
    assert _student(freedom) == pytest.approx(value, rel=0.01)


def test_95_of_100_intervals_of_a_mean_contain_it() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.normal(50, 8, (2000, 10))
    found = [contains(estimate_of_batches(float(batches.mean()), batches), 50) for batches in drawn]
    assert 0.935 < np.mean(found) < 0.965


def test_95_of_100_intervals_of_a_typical_latency_contain_it() -> None:
    rng = np.random.default_rng(2)
    drawn = 20 * np.exp(0.3 * rng.standard_normal((2000, 10)))
    middles = np.exp(np.log(drawn).mean(axis=1))
    found = [
        contains(estimate_of_batches(float(m), batches, ratio=True), 20)
        for m, batches in zip(middles, drawn, strict=True)
    ]
    assert 0.935 < np.mean(found) < 0.965


def test_95_of_100_intervals_of_a_quantile_contain_it() -> None:
    rng = np.random.default_rng(3)
    found = [contains(estimate_of_quantile(rng.random(800), 0.99), 0.99) for _ in range(1000)]
    assert np.mean(found) > 0.94


def test_95_of_100_intervals_of_a_share_contain_it() -> None:
    rng = np.random.default_rng(4)
    found = [contains(estimate_of_share(int(part), 400), 0.97) for part in rng.binomial(400, 0.97, 1000)]
    assert np.mean(found) > 0.93


def test_too_few_batches_have_no_interval() -> None:
    assert estimate_of_batches(5.0, np.array([4.0, 6.0, np.nan])) == Estimate(value=5.0)


def test_a_quantile_beyond_the_sample_has_an_open_end() -> None:
    found = estimate_of_quantile(np.arange(50.0), 0.99)
    assert found.high is None
    assert found.low is not None


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_an_interval_contains_its_value(values: list[float], share: float) -> None:
    numbers = np.array(values)
    for found in (
        estimate_of_quantile(numbers, share),
        estimate_of_batches(float(numbers.mean()), numbers),
        estimate_of_batches(float(np.median(numbers)), numbers, ratio=True),
    ):
        assert contains(found, found.value)


@given(st.integers(1, 10_000), st.data())
def test_a_share_and_its_interval_are_shares(whole: int, data: st.DataObject) -> None:
    found = estimate_of_share(data.draw(st.integers(0, whole)), whole)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1 + 1e-12
