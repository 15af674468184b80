"""Measured trips and resets of real gateway programs lie within their half-widths of the programs' own records.

Nobody here wrote these gateways. Needs the programs: a kind whose program is missing is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provision.local.gateways.catalogue import missing_program
from reports.loading.run import Run, load
from reports.trips.analysis import Analysis, analyse
from tripcurve.lab import Lab

pytestmark = pytest.mark.slow

LONGEST_S = 180


def lab_of(kind: str, backends: int, open_s: float, **gateway: Any) -> dict[str, Any]:
    """A lab whose rule is three 500s, with a short open time, so that a run has many trips."""
    rule = {"count": 3, "interval": open_s, "trip_duration": open_s, "status_codes": ["500-599"]}
    return {
        "name": kind,
        "gateway": {"name": kind, "kind": kind},
        "backends": [{"name": f"m{number}", "breaker": rule} for number in range(1, backends + 1)],
        **gateway,
    }


def scenario_of(rate: float, fault_s: float, status: int = 500) -> dict[str, Any]:
    return {
        "name": "many-trips",
        "users": {"ChatUser": 12},
        "phases": [
            {"name": "healthy", "for": 1, "rate": rate},
            {"name": "fault", "for": fault_s, "rate": rate, "simulate": {"default": {"status": status}}},
            {"name": "healed", "for": 3, "rate": rate},
        ],
    }


def run_of(folder: Path, lab: dict[str, Any], scenario: dict[str, Any]) -> Run:
    """Run a scenario against the real program. Skips if the program is not installed."""
    missing = missing_program(Lab.model_validate(lab))
    if missing is not None:
        pytest.skip(missing)
    lab_file, scenario_file, run_dir = folder / "lab.yaml", folder / "scenario.yaml", folder / "run"
    lab_file.write_text(json.dumps(lab))
    scenario_file.write_text(json.dumps(scenario))
    command = [sys.executable, "-m", "tripcurve.cli", "run", str(lab_file), "--scenario", str(scenario_file)]
    done = subprocess.run(
        [*command, "--run-dir", str(run_dir), "--json"],
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return load(run_dir)


def measured(folder: Path, lab: dict[str, Any], scenario: dict[str, Any]) -> Analysis:
    return analyse(run_of(folder, lab, scenario))


def outside(found: Analysis, name: str, record_s: float) -> list[tuple[float, float]]:
    """Error and half-width of each instant that is further from the record than both half-widths allow."""
    pairs = [(getattr(trip, name), (trip.error_s or {}).get(name)) for trip in found.trips]
    return [
        (error, stated.half_width)
        for stated, error in pairs
        if stated is not None and error is not None and abs(error) > stated.half_width + record_s
    ]


def test_every_ejection_of_envoy_is_within_its_half_width(tmp_path: Path) -> None:
    found = measured(tmp_path, lab_of("envoy", 1, 0.4), scenario_of(100, 12))
    assert found.truth is not None
    assert len(found.truth) >= 15
    assert len(found.trips) == len(found.truth)
    assert found.unobserved == []
    assert outside(found, "tripped_s", 1e-3) == outside(found, "reset_s", 1e-3) == []


def test_a_429_ejects_if_the_rule_counts_it_and_else_does_not(tmp_path: Path) -> None:
    lab, scenario = lab_of("envoy", 1, 0.4), scenario_of(100, 2, status=429)
    ignored = measured(_folder(tmp_path, "ignored"), lab, scenario)
    assert ignored.truth == []
    lab["backends"][0]["breaker"]["status_codes"] = [429]
    counted = measured(_folder(tmp_path, "counted"), lab, scenario)
    assert counted.truth
    assert len(counted.trips) == len(counted.truth)


def test_hosts_of_one_priority_are_ejected_one_by_one_and_none_is_asked_meanwhile(tmp_path: Path) -> None:
    """One of three hosts fails, then all do. An ejected host would be asked if Envoy panicked [ENVOY-PANIC]."""
    lab = lab_of("envoy", 3, 0.4)
    lab["backends"][2]["priority"] = 2
    for backend in lab["backends"][:2]:
        backend["priority"] = 1
    broken = {"status": 500}
    faults = {"one": {"m1": broken}, "two": {"m1": broken, "m2": broken}, "all": {"default": broken}}
    phases = [{"name": name, "for": 2, "rate": 100, "simulate": fault} for name, fault in faults.items()]
    healthy = {"name": "healthy", "for": 1, "rate": 100}
    scenario = {"name": "pool", "users": {"ChatUser": 12}, "phases": [healthy, *phases]}
    run = run_of(tmp_path, lab, scenario)
    found = analyse(run)
    rows = run.requests
    by_phase = {name: set(own["backend"].dropna()) for name, own in rows.groupby("phase", observed=True)}
    assert by_phase == {
        "healthy": {"m1", "m2"},
        "one": {"m1", "m2"},
        "two": {"m1", "m2", "m3"},
        "all": {"m1", "m2", "m3"},
    }
    assert set(rows[rows["origin"] == "gateway"]["phase"]) == {"all"}, "it sheds while every host is ejected only"
    assert found.truth is not None
    assert {true.backend for true in found.truth} == {"m1", "m2", "m3"}
    at_s = (rows["start_ns"] - run.start_ns) / 1e9
    asked = [
        len(rows[(rows["backend"] == true.backend) & at_s.between(true.tripped_s + 0.02, (true.reset_s or 1e9) - 0.02)])
        for true in found.truth
    ]
    assert asked == [0] * len(found.truth)
    assert outside(found, "tripped_s", 1e-3) == outside(found, "reset_s", 1e-3) == []


def test_every_cooldown_of_litellm_is_within_its_half_width(tmp_path: Path) -> None:
    found = measured(tmp_path, lab_of("litellm", 2, 2.0), scenario_of(8, 10))
    assert found.truth is not None
    assert len(found.truth) >= 4
    assert len(found.trips) == len(found.truth)
    assert found.unobserved == []
    assert outside(found, "tripped_s", 1e-3) == outside(found, "reset_s", 1e-3) == []


def test_litellm_never_cools_a_single_deployment_down(tmp_path: Path) -> None:
    found = measured(tmp_path, lab_of("litellm", 1, 1.0), scenario_of(8, 4))
    assert (found.truth, found.trips) == ([], [])


def test_portkey_never_opens(tmp_path: Path) -> None:
    lab = lab_of("portkey", 1, 1.0, api={"path": "", "version": "v1"})
    found = measured(tmp_path, lab, scenario_of(60, 2))
    assert (found.truth, found.trips) == (None, [])


def _folder(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made
