"""The mean number of requests under way, and the rate that Little's law makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.in_flight import InFlight, littles_law
from reports.statistics.latencies import Latencies

REQUEST = st.tuples(st.floats(0, 20), st.floats(0, 5))


def collected(requests: list[tuple[float, float]], pieces: int = 1) -> InFlight:
    found = InFlight(0.25)
    for piece in np.array_split(np.array(requests).reshape(-1, 2), pieces):
        if len(piece):
            found.add(piece[:, 0], piece.sum(axis=1))
    return found


@given(st.lists(REQUEST, min_size=1, max_size=30), st.integers(0, 40), st.integers(1, 80), st.integers(1, 3))
def test_it_is_the_time_that_requests_spend_in_the_window_over_its_length(
    requests: list[tuple[float, float]], begin: int, length: int, pieces: int
) -> None:
    begin_s, end_s = begin / 4, (begin + length) / 4
    spent = sum(max(0.0, min(due + took, end_s) - max(due, begin_s)) for due, took in requests)
    found = collected(requests, pieces).mean(begin_s, end_s)
    assert found == pytest.approx(spent / (end_s - begin_s), abs=1e-9)


def test_only_whole_bins_of_the_window_count() -> None:
    found = collected([(0.0, 10.0)])
    assert found.mean(0.1, 0.4) is None
    assert found.mean(0.1, 0.6) == pytest.approx(1.0)
    assert collected([]).mean(0.0, 1.0) == 0.0


def of_poisson(rate: float, mean_s: float, seconds: float, seed: int) -> tuple[InFlight, Latencies, float]:
    rng = np.random.default_rng(seed)
    due = np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds)))
    took = rng.exponential(mean_s, len(due))
    found = InFlight(0.25)
    found.add(due, due + took)
    return found, Latencies.of((took * 1e6).astype(np.int64)), len(due) / seconds


@pytest.mark.parametrize("seed", range(10))
def test_a_steady_step_has_the_same_rate_by_both_methods(seed: int) -> None:
    found, latencies, rate = of_poisson(50, 0.2, 30, seed)
    little = littles_law(found.mean(0, 30), latencies, rate, 30)
    assert little is not None
    assert little.agrees
    assert little.rate_s == pytest.approx(rate, rel=0.03)
    assert little.in_flight == pytest.approx(10, rel=0.15)


def test_requests_that_pile_up_do_not_agree() -> None:
    due = np.arange(0, 20, 0.02)
    took = due * 2  # each waits longer than the one before
    found = InFlight(0.25)
    found.add(due, due + took)
    little = littles_law(found.mean(0, 20), Latencies.of((took * 1e6).astype(np.int64)), 50, 20)
    assert little is not None
    assert not little.agrees
    assert little.differs_share == pytest.approx(-2 / 3, abs=0.01)


def test_without_requests_there_is_no_second_method() -> None:
    assert littles_law(None, Latencies.of(np.array([5])), 1, 1) is None
    assert littles_law(1.0, Latencies(), 1, 1) is None
    assert littles_law(0.0, Latencies.of(np.array([0])), 1, 1) is None
