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
    [
        pytest.param(Plan(), id="45/s"),
        pytest.param(Plan(rate=200), id="200/s"),
        pytest.param(Plan(backend_s=1.3, open_s=6), id="2 s latency"),
        pytest.param(Plan(failing=0.3, open_s=1, fault_until=2), id="30 % failures"),
        pytest.param(Plan(marked=False), id="unmarked answers"),
        pytest.param(Plan(status=503), id="a backend's own 503s"),
        pytest.param(
            Plan(status=503, marked=False),
            marks=pytest.mark.xfail(strict=True, reason="a backend's unmarked 503s are taken for the gateway's"),
            id="a backend's own 503s, unmarked",
        ),
    ],
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
