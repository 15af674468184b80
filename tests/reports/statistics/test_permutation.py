"""Permutation tests reject groups that are alike as seldom as they say, and are exact for small groups."""

from __future__ import annotations

from itertools import permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.permutation import LEVEL, cliffs_delta, difference_of, divisions, family_p

GROUP = st.lists(st.integers(-20, 20), min_size=1, max_size=4)


def defined_p(base: list[int], run: list[int]) -> float:
    """The two-sided p by its definition: every order of all values, which is slow."""
    everyone, n = [*base, *run], len(base)
    orders = list(permutations(everyone))
    sums = [sum(order[n:]) * n - sum(order[:n]) * len(run) for order in orders]
    observed = sum(run) * n - sum(base) * len(run)
    above = sum(one >= observed for one in sums) / len(sums)
    below = sum(one <= observed for one in sums) / len(sums)
    return min(1.0, 2 * min(above, below))


@given(GROUP, GROUP)
def test_p_is_the_share_of_divisions_at_least_as_extreme(base: list[int], run: list[int]) -> None:
    found = difference_of(np.array(base, float), np.array(run, float))
    assert found.p == pytest.approx(defined_p(base, run))


@given(GROUP, GROUP)
def test_the_interval_excludes_0_exactly_if_p_is_below_the_level(base: list[int], run: list[int]) -> None:
    found = difference_of(np.array(base, float), np.array(run, float))
    if found.low is not None and found.high is not None:
        assert (found.low <= 0 <= found.high) == (found.p > LEVEL)
        assert found.low <= found.difference + 1e-9
        assert found.high >= found.difference - 1e-9
    else:
        assert found.p > LEVEL


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 2), (3, 3), (1, 20), (2, 5)])
def test_groups_too_small_for_any_result_have_no_interval(n: int, m: int) -> None:
    found = difference_of(np.zeros(n), np.arange(m) + 1000.0)
    assert (found.low, found.high) == (None, None)
    assert found.p == pytest.approx(min(1.0, 2 / comb(n + m, m)))


def test_the_interval_contains_the_true_shift_in_95_of_100() -> None:
    rng, members = np.random.default_rng(1), divisions(5, 5)
    sets = rng.exponential(1, (600, 10))
    found = [difference_of(row[:5], row[5:] + 3.0, members) for row in sets]
    inside = sum(one.low <= 3 <= one.high for one in found if one.low is not None and one.high is not None)
    assert 0.94 <= inside / 600 <= 0.99


def test_alike_groups_are_seldom_called_different_in_any_of_many_measures() -> None:
    rng, members = np.random.default_rng(2), divisions(5, 5)
    wrong = sum(family_p(rng.normal(size=(10, 12)), members).min() <= LEVEL for _ in range(300))
    assert wrong / 300 <= 0.08  # 5 %, and three standard deviations of 300 tries
    alone = sum(
        min(difference_of(t[:5], t[5:], members).p for t in rng.normal(size=(12, 10))) <= LEVEL for _ in range(100)
    )
    assert alone / 100 > 0.2  # as they would be without the correction


def test_a_clear_difference_in_one_of_many_measures_is_found() -> None:
    table = np.random.default_rng(3).normal(size=(10, 12))
    table[5:, 4] += 20
    corrected = family_p(table, divisions(5, 5))
    assert corrected[4] == pytest.approx(2 / 252)
    assert (np.delete(corrected, 4) > LEVEL).all()


def test_measures_that_never_change_have_no_difference() -> None:
    assert family_p(np.ones((8, 3)), divisions(4, 4)).tolist() == [1.0] * 3
    found = difference_of(np.full(5, 7.0), np.full(5, 7.0))
    assert (found.p, found.low, found.high) == (1.0, 0.0, 0.0)


def test_rounding_errors_are_not_differences() -> None:
    found = difference_of(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([0.5, 0.4, 0.3, 0.2, 0.1]))
    assert found.p == 1.0


def test_many_runs_are_divided_at_random_and_the_same_each_time() -> None:
    members = divisions(30, 30)
    assert members.shape == (20_001, 60)
    assert (members.sum(axis=1) == 30).all()
    assert members[0].tolist() == [False] * 30 + [True] * 30
    assert (members == divisions(30, 30)).all()
    far = difference_of(np.arange(30.0), np.arange(30.0) + 100, members)
    assert far.p < 0.001
    assert far.low is not None
    assert far.low > 80


@pytest.mark.parametrize(
    ("base", "run", "delta"), [([1, 2], [3, 4], 1.0), ([3, 4], [1, 2], -1.0), ([1, 2], [1, 2], 0.0), ([0, 2], [1], 0.0)]
)
def test_the_effect_is_how_much_more_often_a_run_is_above(base: list[float], run: list[float], delta: float) -> None:
    assert cliffs_delta(np.array(base, float), np.array(run, float)) == delta
