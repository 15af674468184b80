"""Many units at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simulator.engines import Local
from simulator.fast.run import run_fast
from simulator.fleet import Fleet, play_fleet
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario


def lab(units: int, **gateway: Any) -> Lab:
    rule = {"count": 3, "interval": 60, "status_codes": [429], "trip_duration": 2}
    content = {"name": "v", "gateway": {"name": "g"}, "backends": [{"name": "m1", "breaker": rule}]} | gateway
    found = Lab.model_validate(content)
    return found.model_copy(update={"gateway": found.gateway.model_copy(update={"units": units})})


def scenario(share: float = 0.2, rate: float = 2000.0) -> Scenario:
    fault = {"m1": {"status": 429, "share": share}}
    phases = [{"name": "sick", "for": 10, "rate": rate, "simulate": fault}]
    return Scenario.model_validate({"name": "s", "users": {"ChatUser": 1}, "phases": phases})


def same(one: Fleet, other: Fleet) -> bool:
    return np.array_equal(one.first_trip_s, other.first_trip_s) and (
        (one.trips, one.failures, one.shed, one.requests) == (other.trips, other.failures, other.shed, other.requests)
    )


def test_two_processes_give_the_same_result_as_one() -> None:
    alone, shared = (play_fleet(lab(200), scenario(), seed=3, engine=Local(count)) for count in (1, 2))
    assert same(alone, shared)


def test_each_unit_trips_as_in_a_run_with_rows() -> None:
    fleet, run = play_fleet(lab(80), scenario(), seed=3, engine=Local(1)), run_fast(lab(80), scenario(), seed=3)
    assert fleet.first_trip_s.tolist() == [trips[0].at if trips else math.inf for trips in run.trips]
    assert (fleet.trips, fleet.failures) == (sum(map(len, run.trips)), run.failures)
    assert fleet.requests == pytest.approx(20_000)
    assert fleet.shed == pytest.approx(run.counts().shed, abs=1)


def test_times_of_tripped_shares_ascend_and_are_none_if_too_few_units_trip() -> None:
    fleet = play_fleet(lab(100), scenario(), engine=Local(1))
    half, nearly_all = fleet.tripped_by(0.5), fleet.tripped_by(0.99)
    assert half is not None
    assert nearly_all is not None
    assert half < nearly_all
    assert play_fleet(lab(100), scenario(0.001, 100.0), engine=Local(1)).tripped_by(0.99) is None


def test_the_share_of_tripped_units_is_that_of_the_poisson_process() -> None:
    fleet = play_fleet(lab(2000), scenario(), engine=Local(1))
    rate = 2000 * 0.2 / 2000  # failures a second at each unit
    for seconds in (5.0, 8.0):
        mean = rate * seconds
        expected = 1 - math.exp(-mean) * (1 + mean + mean * mean / 2)
        error = math.sqrt(expected * (1 - expected) / 2000)
        assert (fleet.first_trip_s <= seconds).mean() == pytest.approx(expected, abs=4 * error)


def test_units_that_share_a_pool_are_refused() -> None:
    both = [{"name": name, "breaker": None} for name in ("m1", "m2")]
    with pytest.raises(BadInput, match="pool"):
        play_fleet(lab(2, backends=both), scenario(), engine=Local(1))
