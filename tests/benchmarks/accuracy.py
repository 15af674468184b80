"""Trip and reset measured against the gateway's own record: 20 live runs at each of four loads."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from reports.loading.run import load
from reports.trips.analysis import analyse

RUNS = int(os.environ.get("TRIPCURVE_ACCURACY_RUNS", "20"))
LONGEST_S = 120
LOADS = [(rate, arrivals) for rate in (45, 200) for arrivals in ("constant", "poisson")]
MOST_MEDIAN_MS = {"tripped_s": 0.5, "reset_s": 1.0}
MOST_HALF_WIDTH_MS = 1.0

SCENARIO = """\
name: accuracy
users: {{ChatUser: 50}}
arrivals: {arrivals}
phases:
  - {{name: healthy, for: PT1S, rate: {rate}}}
  - {{name: fault, for: PT1.5S, rate: {rate}, simulate: {{default: {{status: 429}}}}}}
  - {{name: healed, for: PT5S, rate: {rate}}}
"""


class Instant(NamedTuple):
    """One measured instant: measured minus true, and its half-width, seconds."""

    name: str
    error: float
    half_width: float


def rows() -> list[dict[str, Any]]:
    """For trips and resets at each load: median and mean error, median half-width, and how many lay outside theirs."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as base:
        for rate, arrivals in LOADS:
            scenario = Path(base) / f"{arrivals}-{rate}.yaml"
            scenario.write_text(SCENARIO.format(rate=rate, arrivals=arrivals), "utf-8")
            folders = [Path(base) / f"{arrivals}-{rate}-{index}" for index in range(RUNS)]
            instants = [one for folder in folders for one in _one(scenario, folder)]
            for name in ("tripped_s", "reset_s"):
                found += _rows(f"{name} at {rate}/s, {arrivals}", [one for one in instants if one.name == name])
    return found


def _rows(what: str, instants: list[Instant]) -> list[dict[str, Any]]:
    if len(instants) < RUNS:
        raise RuntimeError(f"{RUNS} runs gave only {len(instants)} instants with a known truth: {what}")
    errors, widths = [one.error for one in instants], [one.half_width for one in instants]
    outside = sum(abs(one.error) > one.half_width for one in instants)
    half_width = statistics.median(widths) * 1000
    most = MOST_MEDIAN_MS[instants[0].name]
    return [
        _row(f"{what}: median error over {len(instants)}", statistics.median(map(abs, errors)) * 1000, "ms", most),
        _row(f"{what}: mean signed error", statistics.fmean(errors) * 1000, "ms", None),
        _row(f"{what}: median half-width", half_width, "ms", MOST_HALF_WIDTH_MS),
        _row(f"{what}: outside their half-width", outside, "of them", 0),
    ]


def _one(scenario: Path, folder: Path) -> list[Instant]:
    """The instants of one run whose truth is known."""
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
                found.append(Instant(name, error, measured.half_width))
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
