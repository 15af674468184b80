"""Every stated interval holds the truth. `held` also checks the random runs of test_measures.py."""

from __future__ import annotations

import numpy as np
import pytest

from reports.loading.run import Run
from reports.trips.analysis import Analysis, analyse
from reports.trips.touches import touches_of
from reports.trips.trip import Measured, Trip
from reports.trips.truth import TrueTrip
from tests.reports.runs import RULE, TRIP, fault, lab_of, play, scenario_of
from tests.reports.strategies import ROUNDING_S


def misses(analysis: Analysis) -> list[str]:
    """What was stated and is not so."""
    wrong: list[str] = []
    for trip in analysis.trips:
        for name in ("tripped_s", "reset_s"):
            stated: Measured | None = getattr(trip, name)
            error = (trip.error_s or {}).get(name)
            if stated is not None and error is None:
                wrong.append(f"{name} {stated} has no counterpart in truth")
            elif stated is not None and error is not None and abs(error) > stated.half_width + ROUNDING_S:
                wrong.append(f"{name} {stated} is off by {error}")
    return wrong


def held(run: Run) -> Analysis:
    analysis = analyse(run)
    assert not misses(analysis)
    assert analysis.truth is not None
    assert len(analysis.trips) <= len(analysis.truth), "a trip was invented"
    return analysis


def counted(trip: Trip, truth: list[TrueTrip]) -> None:
    """The breaker's own count lies within the bounds of the failures seen, where the window is not in doubt."""
    matched = next((true for true in truth if trip.truth and true.tripped_s == trip.truth["tripped_s"]), None)
    if matched is not None and trip.failures_bounds is not None and matched.failures is not None:
        assert trip.failures_bounds[1] >= min(matched.failures, 1)


@pytest.mark.parametrize("rate", [20, 50, 200])
def test_intervals_are_no_wider_than_the_gap_to_the_neighbouring_requests(rate: float) -> None:
    scenario = scenario_of({"for": 2}, {"for": 4, "simulate": fault()}, {"for": 5}, rate=rate)
    run = play(lab_of(RULE, median_ms=1), scenario, network={"jitter_s": 0.0})
    analysis = held(run)
    touches = touches_of(run.decisive, run.lab.backends[0], run.lab)
    starts = np.sort(np.concatenate((touches.answer_start, touches.shed_start)))
    widest = float(np.diff(starts).max()) / 1e9
    assert len(analysis.trips) == 4
    for trip in analysis.trips:
        for measured in (trip.tripped_s, trip.reset_s):
            assert measured is not None
            assert measured.half_width <= widest


def test_every_trip_is_seen_at_an_ordinary_rate() -> None:
    analysis = held(play(lab_of(), TRIP))
    assert analysis.unobserved == []
    assert len(analysis.trips) == 4


def test_a_trip_that_nobody_touched_is_unobserved_not_invented() -> None:
    scenario = scenario_of({"for": 2}, {"for": 5, "simulate": fault()}, {"for": 4}, rate=0.5)
    analysis = held(play(lab_of(RULE | {"count": 1, "trip_duration": 0.5}), scenario))
    assert analysis.trips == []
    assert len(analysis.unobserved) >= 1


def test_a_run_that_ends_open_states_no_reset() -> None:
    analysis = held(play(lab_of(RULE | {"trip_duration": 30}), TRIP))
    assert [trip.reset_s for trip in analysis.trips] == [None]
    assert [trip.tripped_s is None for trip in analysis.trips] == [False]


def test_the_first_unit_to_trip_is_distinguished_from_the_trip_of_all_units() -> None:
    [trip] = held(play(lab_of(RULE | {"trip_duration": 3}, units=2), TRIP_ONCE, seed=3)).trips
    assert trip.unit is None
    assert trip.first_shed_s is not None
    assert trip.full_shed_s is not None
    assert trip.full_shed_s.estimate + trip.full_shed_s.half_width > trip.first_shed_s
    assert trip.partial_shed_share is not None


TRIP_ONCE = scenario_of({"for": 3}, {"for": 1, "simulate": fault()}, {"for": 6}, rate=200)
