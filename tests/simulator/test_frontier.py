"""Which rules no other dominates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.frontier import advise, dominates, frontier, kept_off
from simulator.trials import DAY_S, Trial
from tripcurve.lab.rule import BreakerRule

RULE = BreakerRule.model_validate({"count": 3, "interval": 10, "status_codes": [429], "trip_duration": 5})
WITHOUT = Trial(None, [20.0, 20.1, 19.9], [200.0, 201.0, 199.0])


def trial(outage: float, asked: float, false_trips: int = 0, noise: float = 0.1) -> Trial:
    return Trial(
        RULE,
        [outage - noise, outage, outage + noise],
        [asked + noise, asked, asked - noise],
        false_trips,
        healthy_s=DAY_S,
    )


def test_better_in_one_and_worse_in_none_dominates() -> None:
    assert dominates(trial(8, 50), trial(10, 50))
    assert dominates(trial(8, 40), trial(8, 50))
    assert dominates(trial(8, 50, 1), trial(8, 50, 100))


def test_better_in_one_and_worse_in_another_does_not() -> None:
    assert not dominates(trial(8, 60), trial(10, 50))
    assert not dominates(trial(10, 50), trial(8, 60))


def test_a_difference_within_noise_does_not() -> None:
    loud, other = Trial(RULE, [5.0, 9.0, 12.0], [50.0] * 3), Trial(RULE, [9.0, 5.0, 13.0], [50.0] * 3)
    assert not dominates(loud, other)
    assert not dominates(trial(8, 50, 3), trial(8, 50, 5))


numbers = st.floats(0, 100)
trials = st.lists(st.builds(trial, numbers, numbers, st.integers(0, 50)), min_size=1, max_size=12)


@given(trials)
def test_the_frontier_is_never_empty_and_none_of_it_dominates_another(given_trials: list[Trial]) -> None:
    best = frontier(given_trials)
    assert best
    assert not any(dominates(one, other) for one in best for other in best if one is not other)
    assert [min(t.outage_s) for t in best] == sorted(min(t.outage_s) for t in best)


@given(trials)
def test_the_advised_rule_fulfils_the_demands(given_trials: list[Trial]) -> None:
    chosen = advise(given_trials, WITHOUT, least_kept_off=0.6, most_false_trips=10)
    fulfil = [
        t
        for t in given_trials
        if kept_off(t, WITHOUT).mean >= 0.6 and (not t.false_trips or t.false_trips_a_day.high <= 10)
    ]
    assert (chosen is None) == (not fulfil)
    assert chosen is None or all(sum(chosen.outage_s) <= sum(t.outage_s) for t in fulfil)


def test_a_backend_that_got_no_request_was_spared_nothing() -> None:
    assert kept_off(trial(8, 50), Trial(None, [0.0] * 3, [0.0] * 3)).mean == 0
