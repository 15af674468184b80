"""Every stated instant of a planted run holds the true one within its half-width, and no trip is invented."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reports.loading.run import load
from reports.trips.analysis import analyse
from reports.trips.trip import Measured
from tests.planted import Plan, plant


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize(
    "plan",
    [Plan(), Plan(rate=200), Plan(backend_s=1.3, open_s=6), Plan(failing=0.3, open_s=1, fault_until=2)],
    ids=["45/s", "200/s", "2 s latency", "30 % failures"],
)
def test_planted_trips(tmp_path: Path, plan: Plan, poisson: bool, seed: int) -> None:
    whole = replace(plan, poisson=poisson, seed=seed)
    truth = plant(tmp_path / "run", whole)
    trips = analyse(load(tmp_path / "run")).trips
    assert len(trips) <= len(truth)
    for trip in trips:
        for stated, true in ((trip.tripped_s, [at for at, _ in truth]), (trip.reset_s, [to for _, to in truth])):
            assert stated is None or min(off(stated, at) for at in true) <= 0


def off(stated: Measured, at: float) -> float:
    """How far a true instant lies outside a stated one, s; 0 or less: inside."""
    return abs(stated.estimate - at) - stated.half_width - 2e-9
