"""Every stated instant of a planted run holds the true one within its half-width, and no trip is invented."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from reports.loading.run import load
from reports.trips.analysis import analyse
from reports.trips.trip import Measured
from tests.planted import Plan, plant


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(), id="45/s"),
        pytest.param(Plan(rate=200), id="200/s"),
        pytest.param(Plan(backend_s=1.3, open_s=6), id="2 s latency"),
        pytest.param(Plan(failing=0.3, open_s=1, fault_until=2), id="30 % failures"),
        pytest.param(Plan(marked=False), id="unmarked answers"),
        pytest.param(Plan(status=503), id="a backend's own 503s"),
        pytest.param(Plan(stated_count=5), id="a count of 5 stated for 3"),
        pytest.param(Plan(stated_count=2, backend_s=0.1), id="a count of 2 stated for 3"),
        pytest.param(Plan(stated_count=4, backend_s=0.1, fault_until=4), id="a count of 4 stated for 3, one trip"),
        pytest.param(Plan(open_s=6, stated_open_s=4), id="4 s stated for 6 s"),
        pytest.param(Plan(status=503, marked=False), id="a backend's own 503s, unmarked"),
        pytest.param(Plan(status=503, marked=False, failing=0.3, open_s=1, fault_until=2), id="30 % of 503s, unmarked"),
        pytest.param(Plan(status=503, marked=False, backend_s=0.0005), id="503s as fast as sheds, unmarked"),
    ],
)
def test_planted_trips(tmp_path: Path, plan: Plan, poisson: bool, seed: int) -> None:
    whole = replace(plan, poisson=poisson, seed=seed)
    truth = plant(tmp_path / "run", whole)
    trips = analyse(load(tmp_path / "run")).trips
    assert len(trips) <= len(truth)
    for trip in trips:
        for stated, true in (
            (trip.tripped_s, [one.tripped for one in truth]),
            (trip.reset_s, [one.reset for one in truth]),
        ):
            assert stated is None or min(off(stated, at) for at in true) <= 0


def test_unmarked_503s_hide_no_trip_if_sheds_are_far_faster(tmp_path: Path) -> None:
    truth = plant(tmp_path / "run", Plan(status=503, marked=False))
    assert len(analyse(load(tmp_path / "run")).trips) == len(truth)


def test_no_trip_is_stated_if_unmarked_503s_cannot_be_distinguished_from_sheds(tmp_path: Path) -> None:
    plant(tmp_path / "run", Plan(status=503, marked=False, backend_s=0.0005))
    assert analyse(load(tmp_path / "run")).trips == []


def halves(plan: Plan, folder: Path) -> list[float]:
    """The half-widths of a planted run's trips, s, after checking that each trip is stated by its cause."""
    plant(folder, plan)
    found = [trip.tripped_s for trip in analyse(load(folder)).trips]
    assert {one.by for one in found if one is not None} == {"cause"}
    return [one.half_width for one in found if one is not None]


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(backend_s=0.001), id="429s at once, 45/s"),
        pytest.param(Plan(backend_s=0.001, rate=200), id="429s at once, 200/s"),
        pytest.param(Plan(open_s=0.5, rate=45, length=30, fault_until=25), id="429s after 20 ms, the count shown"),
    ],
)
def test_a_trip_by_its_cause_is_known_to_within_a_millisecond(tmp_path: Path, plan: Plan, poisson: bool) -> None:
    assert median(halves(replace(plan, poisson=poisson), tmp_path / "run")) < 1e-3


def test_a_count_that_contradicts_the_trips_leaves_instants_by_proof(tmp_path: Path) -> None:
    plant(tmp_path / "run", Plan(stated_count=9))
    trips = analyse(load(tmp_path / "run")).trips
    assert {trip.tripped_s.by for trip in trips if trip.tripped_s is not None} == {"proof"}


def off(stated: Measured, at: float) -> float:
    """How far a true instant lies outside a stated one, s; 0 or less: inside."""
    return abs(stated.estimate - at) - stated.half_width - 2e-9


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize("opens_late", [0.0, 0.012, 0.05])
def test_a_gateway_that_opens_late_is_not_bound_to_the_instant_of_the_cause(
    tmp_path: Path, opens_late: float, poisson: bool
) -> None:
    """Envoy's worker leaves an ejection to another thread, which on a busy machine took 12 ms in a live run."""
    truth = plant(tmp_path / "run", Plan(status=500, poisson=poisson, opens_late=opens_late))
    lab = tmp_path / "run" / "lab.yaml"
    lab.write_text(lab.read_text("utf-8").replace('"name": "g"', '"name": "g", "kind": "envoy"'), "utf-8")
    trips = analyse(load(tmp_path / "run")).trips
    assert len(trips) == len(truth)
    for trip, true in zip(trips, truth, strict=True):
        assert trip.tripped_s is not None
        assert off(trip.tripped_s, true.tripped) <= 0
