"""The interval of a Poisson rate and the Kolmogorov-Smirnov test, against published values and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reports.statistics.distributions import (
    MOST_EXACT,
    gamma_cdf,
    gamma_cdf_of_bins,
    kolmogorov_p,
    largest_distance,
    poisson_interval,
)


@pytest.mark.parametrize(
    ("n", "low", "high"), [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904), (100, 81.364, 121.627)]
)
def test_the_interval_is_the_published_one(n: int, low: float, high: float) -> None:
    """Garwood's 95 % limits, as in tables of confidence limits of a Poisson mean."""
    assert poisson_interval(n, 0.05) == pytest.approx((low, high), abs=3e-4)


@pytest.mark.parametrize("level", [0.05, 0.001])
def test_the_approximation_continues_the_exact_interval(level: float) -> None:
    exact, approximated = poisson_interval(MOST_EXACT, level), poisson_interval(MOST_EXACT + 1, level)
    for before, after in zip(exact, approximated, strict=True):
        assert after - before == pytest.approx(1, abs=1e-4 * MOST_EXACT)
        assert after > before


def test_the_interval_of_a_million_is_that_of_a_normal_distribution() -> None:
    low, high = poisson_interval(1_000_000, 0.05)
    assert (1_000_000 - low, high - 1_000_000) == (pytest.approx(1960, abs=3), pytest.approx(1960, abs=5))


@pytest.mark.parametrize(("scaled", "p"), [(1.2238, 0.10), (1.3581, 0.05), (1.6276, 0.01), (1.9495, 0.001)])
def test_the_p_value_is_the_published_one(scaled: float, p: float) -> None:
    """Critical values of Kolmogorov's limiting distribution."""
    n = 1_000_000
    assert kolmogorov_p(scaled / (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)), n) == pytest.approx(p, rel=0.01)


def test_no_distance_is_likely_and_the_largest_is_impossible() -> None:
    assert kolmogorov_p(0.0, 100) == 1
    assert kolmogorov_p(1.0, 100) < 1e-12


@pytest.mark.parametrize("n", [20, 200])
def test_the_p_value_is_evenly_distributed_if_the_assumption_holds(n: int) -> None:
    rng = np.random.default_rng(1)
    expected = gamma_cdf_of_bins(1.0, 4096)
    draws = rng.integers(0, 4096, (2000, n))
    p_values = [kolmogorov_p(largest_distance(np.bincount(row, minlength=4096), expected), n) for row in draws]
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=4 * math.sqrt(level / 2000) + 0.01)


def test_the_interval_of_a_broken_number_lies_between_its_neighbours() -> None:
    (low, high), (lower, _), (_, higher) = (poisson_interval(n, 0.001) for n in (20.5, 20, 21))
    assert lower < low < 20.5 < high < higher


X = np.array([0.01, 0.3, 1.0, 2.0, 5.0])


def test_a_gamma_distribution_of_shape_1_is_exponential() -> None:
    assert gamma_cdf(1.0, X) == pytest.approx(1 - np.exp(-X))
    bins = gamma_cdf_of_bins(1.0000001, 4096)
    assert bins == pytest.approx(gamma_cdf_of_bins(1.0, 4096), abs=1e-6)


def test_a_gamma_distribution_of_shape_one_half_is_that_of_a_squared_normal() -> None:
    assert gamma_cdf(0.5, X) == pytest.approx([math.erf(math.sqrt(x / 2)) for x in X.tolist()])


@pytest.mark.parametrize("shape", [2, 9, 400])
def test_a_gamma_distribution_of_a_whole_shape_is_the_wait_for_so_many_events(shape: int) -> None:
    def at_least(mean: float) -> float:
        logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(shape)]
        return 1 - math.fsum(map(math.exp, logs))

    assert gamma_cdf(float(shape), X) == pytest.approx([at_least(shape * x) for x in X.tolist()], abs=1e-9)


@pytest.mark.parametrize("shape", [0.01, 0.1, 30.0, 400.0])
def test_a_gamma_distribution_rises_to_1(shape: float) -> None:
    found = gamma_cdf_of_bins(shape, 4096)
    assert np.all(np.diff(found) >= -1e-12)
    assert found[-1] == pytest.approx(1)
