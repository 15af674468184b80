"""Trips and resets of real gateway programs, measured by `tripcurve run`, beside the programs' own records.

python -m tests.benchmarks.programs FOLDER [--runs 10] [--kinds envoy,litellm]

Each run is one of the built-in lab of the kind; every backend answers 500 for 9 s. Runs that FOLDER already holds (such
as FOLDER/envoy-01) are not run again. Prints the table of docs/gateways.md. Exits with 1 if a run is no valid
measurement of the configured load, a recorded trip was not found, or an instant is outside its half-width.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reports.statistics.calibration import Point, points
from tests.benchmarks.agreement import call, left_out
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import SUMMARY
from tripcurve.run.summary import Summary

RATES = {"envoy": 40, "litellm": 8}
"""Requests per second: what the program answers on a machine of two cores beside the traffic."""
SCENARIO = """\
name: programs
users: {{ChatUser: 20}}
phases:
  - {{name: healthy, for: PT3S, rate: {rate}}}
  - {{name: fault, for: PT9S, rate: {rate}, simulate: {{default: {{status: 500}}}}}}
  - {{name: healed, for: PT8S, rate: {rate}}}
"""


class Measured(NamedTuple):
    """One run: its report, the version of the program, and the processor time per request, ms; None: not known."""

    summary: Summary
    version: str | None
    cpu_ms: float | None


def main() -> int:
    """Make the missing runs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--kinds", default=",".join(RATES))
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    runs = {kind: [measured(options.folder, kind, n) for n in range(1, options.runs + 1)] for kind in kinds}
    print("\n".join(table(runs)))
    faults = [fault for kind in kinds for fault in faults_of(kind, runs[kind])]
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


def measured(folder: Path, kind: str, number: int) -> Measured:
    """Return one run of a kind. Runs it if it is not there."""
    path = folder / f"{kind}-{number:02}"
    if not (path / SUMMARY).exists():
        scenario = folder / f"{kind}-scenario.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        scenario.write_text(SCENARIO.format(rate=RATES[kind]), "utf-8")
        call("run", kind, "--scenario", str(scenario), "--run-dir", str(path), "--json")
    return read_run(path)


def read_run(path: Path) -> Measured:
    """Return what the files of a run say."""
    info = RunInfo.read(path)
    summary = Summary.model_validate_json((path / SUMMARY).read_text("utf-8"))
    if info is None or info.counts is None:
        return Measured(summary, None, None)
    spent = [unit.get("cpu_s") for unit in info.counts.units or []]
    known = [float(value) for value in spent if isinstance(value, int | float)]
    rows = info.counts.recorded
    cpu_ms = 1000 * sum(known) / rows if known and rows else None
    return Measured(summary, (info.versions or {}).get("gateway"), cpu_ms)


def table(runs: dict[str, list[Measured]]) -> list[str]:
    """Return the table in Markdown, with a column for each kind."""
    columns = [figures(own) for own in runs.values()]
    head = ["| | " + " | ".join(runs) + " |", "| --- |" + " --- |" * len(runs)]
    return [*head, *(f"| {name} | " + " | ".join(column[name] for column in columns) + " |" for name in columns[0])]


def figures(runs: Sequence[Measured]) -> dict[str, str]:
    """Return the rows of one kind: heading and figures."""
    found = [point for run in runs for point in points(run.summary)]
    outside = sum(is_outside(point) for point in found)
    found_trips = sum(trip.truth is not None for run in runs for trip in run.summary.trips)
    missed = sum(len(run.summary.unobserved_trips) for run in runs)
    cpu = [run.cpu_ms for run in runs if run.cpu_ms is not None]
    rows = {
        "version": ", ".join(sorted({run.version or "not known" for run in runs})),
        "runs": str(len(runs)),
        "exclusions that the program recorded": str(found_trips + missed),
        "trips that Tripcurve found": str(found_trips),
    }
    for name, heading in (("tripped_s", "trip"), ("reset_s", "reset")):
        own = [point for point in found if point.instant == name]
        rows[f"error of a {heading}, median and largest, ms"] = _spread([abs(point.error_ms) for point in own])
        rows[f"half-width of a {heading}, median and largest, ms"] = _spread([point.half_width_ms for point in own])
    rows["instants outside their half-widths"] = f"{outside} of {len(found)}"
    rows["processor time per request, median, ms"] = _number(statistics.median(cpu)) if cpu else "–"
    return rows


def faults_of(kind: str, runs: Sequence[Measured]) -> list[str]:
    """Return a sentence about each run that is no valid measurement, misses a trip, or is outside a half-width."""
    found = []
    for number, run in enumerate(runs, start=1):
        name = f"{kind}-{number:02}"
        reason = left_out(run.summary.model_dump(mode="json"))
        if reason is not None:
            found.append(f"{name}: {reason}")
        if run.summary.unobserved_trips:
            found.append(f"{name}: {len(run.summary.unobserved_trips)} recorded trips were not found")
        strays = sum(trip.truth is None for trip in run.summary.trips)
        if strays:
            found.append(f"{name}: {strays} trips are not in the program's record")
        found += [
            f"{name}: {point.instant} is off by {point.error_ms:.1f} ms, its half-width is {point.half_width_ms:.1f} ms"
            for point in points(run.summary)
            if is_outside(point)
        ]
    return found


def is_outside(point: Point) -> bool:
    """Return whether a measured instant is further from the program's record than its half-width."""
    return abs(point.error_ms) > point.half_width_ms


def _spread(values: Sequence[float]) -> str:
    return f"{_number(statistics.median(values))}, {_number(max(values))}" if values else "–"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    sys.exit(main())
