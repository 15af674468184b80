"""Measured points of a trip curve, from recorded runs or from runs made for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from simulator.trip_times import Overload
from tripcurve.documents import read_document
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.run.layout import SCENARIO, SUMMARY
from tripcurve.run.summary import Summary
from tripcurve.scenario import Scenario

__all__ = ["LivePoint", "measure", "points_of_run"]

_HEALTHY_S, _AFTER_S = 2.0, 2.0


@dataclass(frozen=True)
class LivePoint:
    """A measured trip. `rate`: requests per second. `share`: of failures. `time_s`: from the onset of the overload.

    `half_width_s`: how far `time_s` may be off. `run`: the run directory.
    """

    rate: float
    share: float
    time_s: float
    half_width_s: float
    run: str


def points_of_run(run: Path) -> list[LivePoint]:
    """Return the first trip of each phase with a fault. Raises BadInput for a folder without a readable report."""
    scenario = read_document(run / SCENARIO, Scenario, "scenario")
    try:
        summary = Summary.model_validate(json.loads((run / SUMMARY).read_text("utf-8")))
    except (OSError, ValueError, ValidationError):
        raise BadInput(f"--run {run}: there is no readable {SUMMARY}; write it with: tripcurve report {run}") from None
    found, begin = [], 0.0
    for phase in scenario.phases:
        end = begin + phase.duration_s
        rate, fault = phase.rate_at(0.0), next(iter(phase.simulate.values()), None)
        trips = [trip.tripped_s for trip in summary.trips if trip.tripped_s is not None]
        within = [trip for trip in trips if begin <= trip.estimate < end]
        if fault is not None and rate and within:
            first = min(within, key=lambda trip: trip.estimate)
            found.append(LivePoint(rate, fault.share, first.estimate - begin, first.half_width, str(run)))
        begin = end
    return found


def measure(lab_name: str, lab: Lab, overloads: Sequence[tuple[Overload, float]], folder: Path) -> list[LivePoint]:
    """Run each overload on the local cloud for its seconds, and return the observed trips.

    Each run is made by `tripcurve run` and recorded below `folder`. Raises BadInput if a run fails.
    """
    found = []
    for number, (overload, seconds) in enumerate(overloads):
        scenario = folder / f"measured-{number}.yaml"
        run = folder / f"measured-{number}"
        scenario.write_text(yaml.safe_dump(_scenario(lab, overload, seconds), sort_keys=False), "utf-8")
        command = [sys.executable, "-m", "tripcurve.cli", "run", lab_name, "--scenario", str(scenario)]
        done = subprocess.run([*command, "--run-dir", str(run), "--json"], stdout=subprocess.DEVNULL, check=False)
        if done.returncode not in (0, 1):
            raise BadInput(
                f"--measure: the run in {run} ended with exit code {done.returncode}; see its messages above"
            )
        found += points_of_run(run)
    return found


def _scenario(lab: Lab, overload: Overload, seconds: float) -> dict[str, object]:
    fault = {lab.backends[0].name: {"status": overload.status, "share": round(overload.share, 6)}}
    phases = [
        {"name": "healthy", "for": _HEALTHY_S, "rate": overload.rate},
        {"name": "overload", "for": seconds, "rate": overload.rate, "simulate": fault},
        {"name": "after", "for": _AFTER_S, "rate": overload.rate},
    ]
    return {"name": "trip-curve", "users": {"ChatUser": 20}, "phases": phases}
