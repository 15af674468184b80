"""What is fitted to a run is what made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.calibration import Calibration, calibrate
from simulator.record import batches_of, write_run
from simulator.recorded import Recorded, read_recorded
from simulator.virtual import run_virtual
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

LATENCY = {"median_ms": 40, "p95_ms": 120}
HEALTHY = {"name": "healthy", "for": 40, "rate": 50}


def recorded(tmp_path: Path, *phases: dict[str, Any], backend: dict[str, Any] | None = None, **fields: Any) -> Recorded:
    """Simulate a lab with known parameters and read the run as if it were a real one."""
    rule = {"count": 1000, "interval": 10, "status_codes": [429, 503], "trip_duration": 2}
    member = {"name": "m1", "latency": LATENCY, "breaker": rule} | (backend or {})
    lab = Lab.model_validate({"name": "v", "gateway": {"name": "g"}, "backends": [member]})
    given = {"name": "s", "users": {"ChatUser": 5}, "phases": list(phases)} | fields
    scenario = Scenario.model_validate(given)
    run = run_virtual(lab, scenario, seed=3)
    folder, _ = write_run(tmp_path / "run", lab, scenario, run.events, batches_of(run), {"seed": 3})
    return read_recorded(folder)


def fit(*args: Any, **fields: Any) -> tuple[Lab, Scenario, Calibration]:
    return calibrate(recorded(*args, **fields))


def test_answer_times_are_found_again(tmp_path: Path) -> None:
    lab, _, fitted = fit(tmp_path, HEALTHY)
    service = fitted.services[0]
    assert service.n == 2000
    assert service.median_ms == pytest.approx(40, rel=0.1)
    assert service.p95_ms == pytest.approx(120, rel=0.15)
    assert service.distance < 0.05
    assert lab.backends[0].latency is not None
    assert lab.backends[0].latency.median_ms == service.median_ms


def test_answer_times_of_another_shape_are_reported_not_to_fit(tmp_path: Path) -> None:
    """Half of the requests take ten times as long as the other half."""
    run = recorded(tmp_path, HEALTHY, backend={"latency": {"median_ms": 40, "p95_ms": 44}})
    slow = run.rows.index % 2 == 0
    run.rows.loc[slow, "backend_us"] = run.rows.loc[slow, "backend_us"] * 10
    service = calibrate(run)[2].services[0]
    assert service.distance > 5 * service.expected


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_a_share_of_failures_is_within_its_interval(share: float, tmp_path: Path) -> None:
    fault = {"status": 503, "share": share, "retry_after_s": 7, "wait_ms": 30}
    _, scenario, fitted = fit(tmp_path, HEALTHY, {"name": "ill", "for": 20, "rate": 50, "simulate": {"m1": fault}})
    ill = next(found for found in fitted.faults if found.phase == "ill")
    assert ill.n == 1000
    assert ill.low <= share <= ill.high
    assert (ill.status, ill.retry_after_s, ill.wait_ms) == (503, 7, 30)
    assert scenario.phases[1].simulate["m1"].share == ill.share
    assert not scenario.phases[0].simulate


def test_a_failed_connection_is_fitted_as_one(tmp_path: Path) -> None:
    drop = {"drop": "before", "share": 0.5}
    _, scenario, fitted = fit(tmp_path, {"name": "ill", "for": 20, "rate": 50, "simulate": {"m1": drop}})
    assert fitted.faults[0].status is None
    assert scenario.phases[0].simulate["m1"].drop == "before"


@pytest.mark.parametrize(("arrivals", "kind"), [("constant", "even"), ("poisson", "Poisson")])
def test_the_kind_and_the_rate_of_arrivals_are_found(arrivals: str, kind: str, tmp_path: Path) -> None:
    _, scenario, fitted = fit(tmp_path, HEALTHY, arrivals=arrivals)
    assert fitted.arrivals[0].kind == kind
    assert scenario.arrivals == arrivals
    assert scenario.phases[0].rate == pytest.approx(50, rel=0.1)


def test_a_quota_is_estimated_where_no_fault_was_simulated(tmp_path: Path) -> None:
    run = recorded(tmp_path, {"name": "busy", "for": 120, "rate": 20}, backend={"limits": {"rpm": 600}})
    _, _, fitted = calibrate(run)
    assert fitted.quotas[0].throttled > 100
    assert fitted.quotas[0].rpm == pytest.approx(600, rel=0.25)


def test_a_run_without_failures_says_so(tmp_path: Path) -> None:
    _, _, fitted = fit(tmp_path, HEALTHY)
    assert any("no backend failed" in text for text in fitted.unfitted)


def test_too_few_answers_leave_the_labs_times(tmp_path: Path) -> None:
    lab, _, fitted = fit(tmp_path, {"name": "short", "for": 2, "rate": 5})
    assert fitted.services == ()
    assert lab.backends[0].latency is not None
    assert lab.backends[0].latency.median_ms == 40
    assert any("too few" in text for text in fitted.unfitted)


def test_a_fit_of_a_simulated_fit_stays(tmp_path: Path) -> None:
    """Fitting what was simulated from a fit finds the same again: no bias builds up."""
    lab, scenario, first = fit(tmp_path, HEALTHY)
    run = run_virtual(lab, scenario, seed=9)
    folder, _ = write_run(tmp_path / "again", lab, scenario, run.events, batches_of(run), {"seed": 9})
    second = calibrate(read_recorded(folder))[2]
    assert np.allclose(
        [second.services[0].median_ms, second.services[0].p95_ms],
        [first.services[0].median_ms, first.services[0].p95_ms],
        rtol=0.12,
    )
