"""Runs to report on, made by the virtual gateway."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from reports.loading.run import Run, load
from simulator.fast.run import run_fast
from simulator.record import write_run
from simulator.virtual import Network, VirtualRun, run_virtual
from tests.virtual_run import write_virtual_run
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

RULE: dict[str, Any] = {"count": 3, "interval": 10, "trip_duration": 1, "status_codes": [429]}


def lab_of(rule: dict[str, Any] = RULE, *, units: int | str = 1, median_ms: float = 5, **more: Any) -> Lab:
    """A lab with one backend, or with `backends` given whole."""
    backends = more.pop("backends", [{"name": "m1", "breaker": rule, "latency": _latency(median_ms)}])
    return Lab.model_validate({"name": "p", "gateway": {"name": "g", "units": units}, "backends": backends, **more})


def _latency(median_ms: float) -> dict[str, float]:
    return {"median_ms": median_ms, "p95_ms": 2 * median_ms}


def scenario_of(*phases: dict[str, Any], rate: float = 100, **more: Any) -> Scenario:
    """Phases as in a scenario file, `rate` where they have none."""
    whole = [{"name": f"p{index}", "rate": rate, **phase} for index, phase in enumerate(phases)]
    return Scenario.model_validate({"name": "s", "users": {"ChatUser": 5}, "phases": whole, **more})


def fault(share: float = 1, status: int = 429, **more: Any) -> dict[str, Any]:
    return {"m1": {"status": status, "share": share, **more}}


TRIP = scenario_of({"for": 2}, {"for": 4, "simulate": fault()}, {"for": 5})


def play(lab: Lab, scenario: Scenario, **options: Any) -> Run:
    """The run of a virtual gateway, written to disk and read back, its requests with it."""
    return played(lab, scenario, **options)[0]


def played(lab: Lab, scenario: Scenario, **options: Any) -> tuple[Run, VirtualRun]:
    """The same, and beside it what the gateway itself knows."""
    truth = _virtual(lab, scenario, **options)
    with tempfile.TemporaryDirectory() as folder:
        run = load(write_virtual_run(Path(folder) / "run", lab, scenario, truth))
        assert len(run.requests) == run.tally.total  # read while they are there
        return run, truth


def write(folder: Path, lab: Lab, scenario: Scenario, **options: Any) -> Path:
    """The run directory of a virtual gateway's run, not yet reported."""
    return write_virtual_run(folder, lab, scenario, _virtual(lab, scenario, **options))


def write_long(folder: Path, lab: Lab, scenario: Scenario, seed: int = 0) -> Path:
    """The run directory of a long run: by the fast method, which has the same rows and events."""
    run = run_fast(lab, scenario, seed=seed)
    return write_run(folder, lab, scenario, run.events(), run.batches(), {})[0]


def _virtual(lab: Lab, scenario: Scenario, **options: Any) -> VirtualRun:
    return run_virtual(lab, scenario, network=Network(**options.pop("network", {})), **options)
