"""How many breakers a run shows, held to gateways that share no code with the product."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.loading.run import load
from reports.trips.analysis import Analysis, analyse
from reports.trips.instance_count import InstanceCount
from tests.planted import Plan, groups, plant
from tests.reports.runs import RULE, fault, lab_of, play, scenario_of

UNKNOWN = Plan(rate=50, fault_until=8, length=14, stated_units="unknown")


def analysed(folder: Path, plan: Plan) -> Analysis:
    plant(folder / "run", plan)
    return analyse(load(folder / "run"))


def inferred(folder: Path, plan: Plan) -> InstanceCount:
    found = analysed(folder, plan).instances
    assert found is not None
    return found


@pytest.mark.parametrize("units", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("stated", ["unknown", 1])
def test_the_number_is_inferred(tmp_path: Path, units: int, stated: Any) -> None:
    found = analysed(tmp_path, replace(UNKNOWN, units=units, stated_units=stated, seed=units)).instances
    if stated == units:
        assert found is None, "one breaker does not contradict a lab that says so"
        return
    assert found is not None
    assert found.estimate == units
    assert found.candidates[units] > 0.9
    assert found.certain == (found.reason is None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"open_s": 1}, id="open for 1 s"),
        pytest.param({"poisson": True}, id="Poisson arrivals"),
        pytest.param({"rate": 200, "backend_s": 0.1}, id="20 requests under way"),
        pytest.param({"connections": 20}, id="20 connections, each of one instance"),
        pytest.param({"failing": 0.2, "fault_until": 5}, id="a fifth of all others fails"),
        pytest.param({"marked": False}, id="unmarked answers"),
        pytest.param({"count": 10}, id="a count of 10"),
    ],
)
def test_three_instances_under_other_conditions(tmp_path: Path, change: dict[str, Any]) -> None:
    found = inferred(tmp_path, replace(UNKNOWN, units=3, **change))
    assert found.estimate == 3
    assert found.candidates[3] > 0.8


@pytest.mark.parametrize("units", [2, 5])
def test_the_trips_are_those_of_the_group(tmp_path: Path, units: int) -> None:
    plan = replace(UNKNOWN, units=units, fault_until=3.5)
    truth = groups(plant(tmp_path / "run", plan))
    trips = analyse(load(tmp_path / "run")).trips
    assert len(trips) == len(truth)
    for trip, true in zip(trips, truth, strict=True):
        assert trip.unit is None
        assert trip.tripped_s is not None
        assert trip.tripped_s.low <= true.tripped <= trip.tripped_s.high
        assert trip.reset_s is None or trip.reset_s.low <= true.reset <= trip.reset_s.high


def test_a_known_single_instance_is_analysed_like_a_lab_that_says_so(tmp_path: Path) -> None:
    plan = replace(UNKNOWN, units=1)
    plant(tmp_path / "stated", replace(plan, stated_units=1))
    assert analysed(tmp_path, plan).trips == analyse(load(tmp_path / "stated")).trips


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"fault_until": 2.0}, "no request was shed", id="no fault"),
        pytest.param({"percentage": 50}, "only a rule that counts", id="a percentage"),
        pytest.param({"priorities": (1, 1)}, "the members of a pool share", id="a pool"),
        pytest.param({"fault_until": 2.2, "units": 4}, "too few requests", id="not all of four opened"),
    ],
)
def test_nothing_is_certain_where_the_run_shows_too_little(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    found = inferred(tmp_path, replace(UNKNOWN, **({"units": 3} | change)))
    assert not found.certain
    assert words in (found.reason or "")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "change",
    [
        {"open_s": 6, "stated_open_s": 8.0, "fault_until": 22, "length": 30},
        {"stated_open_s": 9.0},
        {"stated_count": 5},
        {"stated_count": 2},
        {"open_s": 1, "stated_open_s": 4.0},
    ],
)
def test_a_rule_that_is_not_the_gateways_makes_no_certain_instances(
    tmp_path: Path, change: dict[str, Any], seed: int
) -> None:
    for stated in (1, "unknown"):
        found = analysed(tmp_path / str(stated), replace(UNKNOWN, **change, stated_units=stated, seed=seed)).instances
        assert found is None or not found.certain or found.estimate == 1


def test_breakers_that_all_trip_at_once_may_be_one_with_a_larger_count(tmp_path: Path) -> None:
    """Both trip within 9 ms, so no answer comes between two sheds: six failures, then sheds only."""
    found = inferred(tmp_path, replace(UNKNOWN, units=2, fault_until=4, length=9, seed=0))
    assert (found.estimate, found.certain) == (2, False)
    assert "another rule" in (found.reason or "")


def test_sixteen_instances_may_be_more(tmp_path: Path) -> None:
    found = inferred(tmp_path, replace(UNKNOWN, units=16))
    assert (found.estimate, found.certain) == (16, False)
    assert "largest number" in (found.reason or "")


def test_the_local_clouds_own_number_is_not_known_to_the_report() -> None:
    """The lab says 1 unit, and its `local` option lets the gateway run three."""
    lab = lab_of(RULE, local={"unit_count_override": 3})
    found = analyse(play(lab, scenario_of({"for": 1}, {"for": 4, "simulate": fault()}, {"for": 2}), seed=1)).instances
    assert found is not None
    assert (found.stated, found.estimate, found.certain) == (1, 3, True)
