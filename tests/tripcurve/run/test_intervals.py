"""The interval of repeated measurements contains their true median as often as it says, whatever their distribution."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.run.intervals import FEWEST_RANKED, interval_of

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60)
DISTRIBUTIONS = {
    "normal": (lambda rng, shape: rng.normal(10, 1, shape), 10.0),
    "exponential": (lambda rng, shape: rng.exponential(1, shape), math.log(2)),
    "uniform": (lambda rng, shape: rng.uniform(0, 1, shape), 0.5),
    "heavy tails": (lambda rng, shape: rng.standard_t(2, shape), 0.0),
    "two values a second apart": (lambda rng, shape: 13.0 + (rng.uniform(size=shape) < 0.2), 13.0),
    "two clusters": (lambda rng, shape: (rng.uniform(size=shape) < 0.4) + rng.normal(0, 0.01, shape), 0.0097),
}


CASES = [(name, n) for name in sorted(DISTRIBUTIONS) for n in (5, 6, 9, 20)] + [
    ("normal", 2),
    ("normal", 3),
    ("normal", 4),
]


@pytest.mark.parametrize(("name", "n"), CASES)
def test_the_true_median_is_inside_in_95_of_100(name: str, n: int) -> None:
    draw, true = DISTRIBUTIONS[name]
    sets = draw(np.random.default_rng(1), (1000, n))
    found = [interval_of(row.tolist()) for row in sets]
    inside = sum(one.low <= true <= one.high for one in found if one.low is not None and one.high is not None)
    # The sampling error of 1000 sets is 0.7 %, one standard deviation. The range of five values has 93.75 %.
    assert inside / 1000 >= (0.94 if n >= FEWEST_RANKED else 0.93)


@given(VALUES)
def test_the_interval_contains_the_median(values: list[float]) -> None:
    found = interval_of(values)
    assert found.n == len(values)
    assert found.median == median(values)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.median <= found.high
    assert found.half_width == max(found.high - found.median, found.median - found.low)


@given(VALUES, st.floats(0.1, 10), st.floats(-100, 100))
def test_the_interval_moves_and_stretches_with_the_values(values: list[float], scale: float, shift: float) -> None:
    before, after = interval_of(values), interval_of([value * scale + shift for value in values])
    for one, other in ((before.low, after.low), (before.median, after.median), (before.high, after.high)):
        assert one is not None
        assert other == pytest.approx(one * scale + shift, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize(
    ("n", "rank"), [(6, 1), (8, 1), (9, 2), (12, 3), (20, 6), (50, 18), (100, 40)]
)  # ranks of the sign test's interval of 95 %
def test_the_ends_are_the_order_statistics_of_the_sign_test(n: int, rank: int) -> None:
    found = interval_of([float(value) for value in range(1, n + 1)])
    assert (found.low, found.high) == (rank, n + 1 - rank)


def test_five_values_get_the_wider_of_their_range_and_the_t_interval() -> None:
    even = interval_of([1.0, 1.0, 1.0, 5.0, 5.0])
    assert even.low == pytest.approx(2.6 - 3.495 * math.sqrt(4.8) / math.sqrt(5))
    assert even.high == pytest.approx(2.6 + 3.495 * math.sqrt(4.8) / math.sqrt(5))
    far = interval_of([1.0, 1.0, 1.0, 1.0, 9.0])
    assert far.low == pytest.approx(2.6 - 3.495 * 3.5777 / math.sqrt(5), abs=1e-3)
    assert far.high == 9.0


def test_one_value_has_no_interval_and_no_value_no_median() -> None:
    assert (interval_of([4.0]).median, interval_of([4.0]).low, interval_of([4.0]).half_width) == (4.0, None, None)
    assert interval_of([]).median is None
