"""Trip and reset measured against the gateway's own record: 20 live runs of a short scenario at 200 requests/s."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from reports.loading.run import load
from reports.trips.analysis import analyse

RUNS = int(os.environ.get("TRIPCURVE_ACCURACY_RUNS", "20"))
LONGEST_S = 120
MOST_MEDIAN_MS = 5.0

SCENARIO = """\
name: accuracy
users: {ChatUser: 50}
phases:
  - {name: healthy, for: PT1S, rate: 200}
  - {name: fault, for: PT1.5S, rate: 200, simulate: {default: {status: 429}}}
  - {name: healed, for: PT5S, rate: 200}
"""


def rows() -> list[dict[str, Any]]:
    """The median error in ms, and how many of the instants lay outside their half-width."""
    errors: list[float] = []
    widths: list[float] = []
    with tempfile.TemporaryDirectory() as base:
        scenario = Path(base) / "accuracy.yaml"
        scenario.write_text(SCENARIO, "utf-8")
        for index in range(RUNS):
            for error, half_width in _one(scenario, Path(base) / str(index)):
                errors.append(error)
                widths.append(half_width)
    if len(errors) < RUNS:
        raise RuntimeError(f"{RUNS} runs gave only {len(errors)} instants with a known truth")
    outside = sum(error > width for error, width in zip(errors, widths, strict=True))
    median = statistics.median(errors) * 1000
    return [
        _row(f"trip and reset, median error over {len(errors)} instants", median, "ms", MOST_MEDIAN_MS),
        _row("trip and reset, largest error", max(errors) * 1000, "ms", None),
        _row("trip and reset, median half-width", statistics.median(widths) * 1000, "ms", None),
        _row("trip and reset, instants outside their half-width", outside, "of them", 0),
    ]


def _one(scenario: Path, folder: Path) -> list[tuple[float, float]]:
    """Error and half-width of each instant of one run, seconds."""
    command = [sys.executable, "-m", "tripcurve.cli", "run", "quick", "--scenario", str(scenario)]
    done = subprocess.run(
        [*command, "--run-dir", str(folder), "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"a run ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    found = []
    for trip in analyse(load(folder)).trips:
        for name in ("tripped_s", "reset_s"):
            measured, error = getattr(trip, name), (trip.error_s or {}).get(name)
            if measured is not None and error is not None:
                found.append((abs(error), measured.half_width))
    return found


def _row(name: str, value: float, unit: str, most: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "peer": "the gateway's own record",
        "ratio": None,
        "budget": None if most is None else f"≤ {most:g} {unit}",
        "ok": None if most is None else value <= most,
    }
