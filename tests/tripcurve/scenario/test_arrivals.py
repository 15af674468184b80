"""When requests are due."""

from __future__ import annotations

import random
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.scenario import Phase, Scenario
from tripcurve.scenario.arrivals import arrival_times, burst_times

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


def gaps_of(cv: float, seed: int = 3, seconds: float = 400.0) -> list[float]:
    times = list(arrival_times(phase(50, seconds), random.Random(seed), cv))
    return [b - a for a, b in pairwise(times)]


@pytest.mark.parametrize("cv", [0.3, 1.0, 3.0])
def test_the_gaps_of_bursts_have_the_wanted_mean_and_spread(cv: float) -> None:
    gaps = gaps_of(cv)
    assert fmean(gaps) * 50 == pytest.approx(1, abs=4 * cv / len(gaps) ** 0.5)
    assert stdev(gaps) / fmean(gaps) == pytest.approx(cv, rel=0.06)


def test_bursts_with_a_spread_of_one_are_a_poisson_process() -> None:
    assert gaps_of(1.0) == [b - a for a, b in pairwise(arrival_times(phase(50, 400.0), random.Random(3)))]


@pytest.mark.parametrize("cv", [0.3, 3.0, 6.0])
def test_bursts_keep_the_rate_of_short_phases_too(cv: float) -> None:
    """A process that began with a request or with a whole gap would have (cv² - 1) / 2 requests more or less."""
    short = phase(20, 1.0)
    numbers = [len(list(arrival_times(short, random.Random(seed), cv))) for seed in range(3000)]
    assert fmean(numbers) == pytest.approx(20, abs=4 * stdev(numbers) / len(numbers) ** 0.5)


def bursts(*phases: dict[str, Any], **fields: Any) -> Scenario:
    named = [{"name": f"p{number}"} | one for number, one in enumerate(phases)]
    return Scenario.model_validate({"name": "b", "arrivals": {"gamma": {"cv": 3}}, "phases": named} | fields)


def test_bursts_follow_the_phases_and_leave_closed_ones_out() -> None:
    times = list(burst_times(bursts({"for": 50, "rate": 40}, {"for": 50, "users": 3}, {"for": 50, "rate": 80})))
    assert times == sorted(times)
    first, closed, last = (sum(begin <= at < begin + 50 for at in times) for begin in (0, 50, 100))
    assert 1700 < first < 2300
    assert closed == 0
    assert 3500 < last < 4500


def test_bursts_repeat_with_the_seed_of_the_scenario_or_another_one() -> None:
    one = bursts({"for": 5, "rate": 40}, seed=7)
    assert list(burst_times(one)) == list(burst_times(one.model_copy(update={"seed": 0}), 7))
    assert list(burst_times(one)) != list(burst_times(one, 8))
