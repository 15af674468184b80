"""The search for a capacity, against capacities that are known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.errors import BadInput
from tripcurve.lab import load_lab
from tripcurve.scenario import load_scenario
from tripcurve.scenario.search import Bounds, Bracket, Trial, at_rate, bracket, next_probe, next_rate


def search(capacity: float, start: float, highest: float, tolerance: float) -> list[Trial]:
    """Try rates on a gateway that carries exactly up to `capacity`."""
    trials: list[Trial] = []
    while (rate := next_rate(trials, start=start, highest=highest, tolerance=tolerance)) is not None:
        trials.append(Trial(rate, rate <= capacity))
        assert len(trials) < 60
    return trials


@given(capacity=st.floats(1, 5000), start=st.floats(1, 5000), tolerance=st.floats(0.01, 0.5))
def test_a_capacity_within_the_bounds_is_found_to_within_the_tolerance(
    capacity: float, start: float, tolerance: float
) -> None:
    low, high = bracket(search(capacity, start, 10_000, tolerance))
    assert low is not None
    assert high is not None
    assert low <= capacity < high <= low * (1 + tolerance) * (1 + 1e-9)


def test_a_capacity_above_the_bounds_ends_at_the_highest_rate() -> None:
    assert bracket(search(1e9, 50, 800, 0.1)) == Bracket(800, None)


def test_a_capacity_below_the_bounds_ends_at_the_lowest_rate() -> None:
    assert bracket(search(0.5, 50, 800, 0.1)) == Bracket(None, 1.0)


def test_no_rate_is_tried_twice() -> None:
    rates = [trial.rate for trial in search(333, 50, 10_000, 0.02)]
    assert len(rates) == len(set(rates))


def test_luck_above_a_failure_does_not_count() -> None:
    assert bracket([Trial(50, True), Trial(100, False), Trial(200, True)]) == Bracket(50, 100)


@pytest.mark.parametrize("bounds", [(0.5, 10), (20, 10), (0, 0)])
def test_bounds_that_make_no_sense_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="bounds must be"):
        next_rate([], start=bounds[0], highest=bounds[1])


@given(capacity=st.floats(1, 5000), start=st.floats(1, 500), tolerance=st.floats(0.01, 0.5))
def test_a_search_over_whole_rates_ends_and_tries_no_rate_twice(
    capacity: float, start: float, tolerance: float
) -> None:
    """Rounded, 25.5 would be 25 again, and the search between 25 and 26 would never end."""
    bounds, trials = Bounds(start=start, highest=10_000, tolerance=tolerance), list[Trial]()
    while (rate := next_probe(trials, bounds)) is not None:
        assert rate not in [trial.rate for trial in trials]
        trials.append(Trial(rate, rate <= capacity))
        assert len(trials) < 60


def test_a_rate_is_sent_by_enough_users_and_without_faults() -> None:
    lab = load_lab("quick")
    base = load_scenario("trip-and-recover", lab)
    found = at_rate(base, 100, 20)
    [phase] = found.phases
    assert (phase.rate, phase.duration_s, dict(phase.simulate)) == (100, 20, {})
    assert sum(found.users.values()) >= 200
    assert "ProbeUser" not in found.users


@pytest.mark.parametrize(
    "bounds", [Bounds(start=0.5), Bounds(start=9, highest=5), Bounds(probe_s=0), Bounds(tolerance=2)]
)
def test_bounds_are_checked_by_the_name_of_their_option(bounds: Bounds) -> None:
    with pytest.raises(BadInput, match=r"--start|--probe|--tolerance"):
        bounds.check()
