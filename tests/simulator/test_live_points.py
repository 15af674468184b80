"""Measured points of a trip curve."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reports.commands.report import report
from simulator.commands.simulate import simulate
from simulator.live_points import measure, points_of_run
from simulator.trip_times import Overload
from tripcurve.errors import BadInput
from tripcurve.lab import load_lab


def test_a_recorded_run_gives_the_first_trip_of_each_phase_with_a_fault(tmp_path: Path) -> None:
    folder, result = simulate("quick", "trip-and-recover", run_dir=tmp_path / "run")
    report(folder, [], True, False)
    points = points_of_run(folder)
    assert [(point.rate, point.share) for point in points] == [(40.0, 1.0)]
    assert points[0].time_s + 5 == pytest.approx(result["first_trip_s"], abs=points[0].half_width_s)


def test_a_run_without_a_report_is_refused(tmp_path: Path) -> None:
    folder, _ = simulate("quick", "steady", run_dir=tmp_path / "run")
    with pytest.raises(BadInput, match="write it with: tripcurve report"):
        points_of_run(folder)


def test_measuring_runs_each_overload_and_reads_its_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[dict[str, Any]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        scenario, folder = command[command.index("--scenario") + 1], command[command.index("--run-dir") + 1]
        ran.append(yaml.safe_load(Path(scenario).read_text("utf-8")))
        simulate("quick", scenario, run_dir=Path(folder))
        report(Path(folder), [], True, False)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    points = measure("quick", load_lab("quick"), [(Overload(20.0, 0.5, 429), 3.0)], tmp_path)
    assert ran[0]["phases"][1]["simulate"] == {"openaimock1": {"status": 429, "share": 0.5}}
    assert [(point.rate, point.share) for point in points] == [(20.0, 0.5)]


def test_a_measurement_that_fails_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 3))
    with pytest.raises(BadInput, match="exit code 3"):
        measure("quick", load_lab("quick"), [(Overload(20.0, 0.5, 429), 3.0)], tmp_path)
