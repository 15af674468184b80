"""When requests are due."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.scenario import Phase
from tripcurve.scenario.arrivals import arrival_times

rates = st.one_of(
    st.floats(0.5, 50),
    st.builds(lambda a, b: {"from": a, "to": b}, st.floats(0, 50), st.floats(0.5, 50)),
)


def phase(rate: Any, seconds: float = 4.0) -> Phase:
    return Phase.model_validate({"name": "p", "for": seconds, "rate": rate})


def test_a_constant_rate_is_even_from_the_very_start() -> None:
    assert list(arrival_times(phase(2, 2.0))) == [0.0, 0.5, 1.0, 1.5]


def test_a_ramp_from_nothing_sends_half_of_its_end_rate() -> None:
    times = list(arrival_times(phase({"from": 0, "to": 10})))
    assert len(times) == 20
    assert times[5] == pytest.approx(2.0), "a quarter of the requests take half of the time"


def test_a_ramp_to_nothing_mirrors_it() -> None:
    times = list(arrival_times(phase({"from": 10, "to": 0})))
    assert len(times) == 20
    assert times[15] == pytest.approx(2.0)


def test_a_closed_loop_phase_has_no_arrivals() -> None:
    assert list(arrival_times(Phase.model_validate({"name": "p", "for": 1, "users": 3}))) == []


def test_poisson_arrivals_repeat_with_the_seed_and_keep_the_rate() -> None:
    steady = phase(100, 20.0)
    first, again = (list(arrival_times(steady, random.Random(7))) for _ in range(2))
    assert first == again
    assert 1800 < len(first) < 2200
    gaps = [b - a for a, b in pairwise(first)]
    assert sum(gap > 0.01 for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.05), "gaps are not exponential"


@given(rates, st.floats(0.5, 10), st.one_of(st.none(), st.integers(0, 99)))
def test_arrivals_are_in_order_and_inside_the_phase(rate: Any, seconds: float, seed: int | None) -> None:
    times = list(arrival_times(phase(rate, seconds), None if seed is None else random.Random(seed)))
    assert times == sorted(times)
    assert all(0 <= at <= seconds * (1 + 1e-9) for at in times)


@given(rates, st.floats(0.5, 10))
def test_their_number_is_the_area_under_the_rate(rate: Any, seconds: float) -> None:
    ends = (rate["from"], rate["to"]) if isinstance(rate, dict) else (rate, rate)
    assert abs(len(list(arrival_times(phase(rate, seconds)))) - sum(ends) / 2 * seconds) <= 1
