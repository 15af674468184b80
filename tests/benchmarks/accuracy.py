"""Trip and reset measured against the gateway's own record: 20 live runs of four trips at each of four loads.

Beside each figure stands that of the same instants by proof alone and without dense probes, which is all that traffic
shows of a breaker.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from reports.loading.run import Run, load
from reports.trips.analysis import Analysis, analyse
from reports.trips.evidence import gather
from reports.trips.instants import NS
from reports.trips.periods import find_open_periods
from tripcurve.documents import write_yaml
from tripcurve.lab import load_lab

RUNS = int(os.environ.get("TRIPCURVE_ACCURACY_RUNS", "20"))
TRIPS = 4
OPEN_S = 1.0
LONGEST_S = 120
LOADS = [(rate, arrivals) for rate in (45, 200) for arrivals in ("constant", "poisson")]
MOST_MEDIAN_MS = {"tripped_s": 0.5, "reset_s": 1.0}
MOST_HALF_WIDTH_MS = 1.0
MOST_BIAS = 0.1
PROOF = "by proof, without probes"

SCENARIO = """\
name: accuracy
users: {{ChatUser: 50}}
arrivals: {arrivals}
phases:
  - {{name: healthy, for: PT1S, rate: {rate}}}
"""
CYCLE = """\
  - {{name: fault-{number}, for: PT0.3S, rate: {rate}, simulate: {{default: {{status: 429}}}}}}
  - {{name: healed-{number}, for: PT1.5S, rate: {rate}}}
"""


class Instant(NamedTuple):
    """One measured instant: measured minus true, and its half-width, seconds."""

    name: str
    error: float
    half_width: float


class Measured(NamedTuple):
    """What one run shows: its instants, the same by proof alone, and its dense probes."""

    instants: list[Instant]
    by_proof: list[Instant]
    resets: int
    probes: int
    answered: int


def rows() -> list[dict[str, Any]]:
    """For trips and resets at each load: errors, half-widths, how many lay outside theirs; and what probes cost."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as base:
        lab = Path(base) / "lab.yaml"
        lab.write_text(_lab(), "utf-8")
        for rate, arrivals in LOADS:
            scenario = Path(base) / f"{arrivals}-{rate}.yaml"
            cycles = [CYCLE.format(rate=rate, number=number + 1) for number in range(TRIPS)]
            scenario.write_text("".join([SCENARIO.format(rate=rate, arrivals=arrivals), *cycles]), "utf-8")
            runs = [_one(lab, scenario, Path(base) / f"{arrivals}-{rate}-{index}") for index in range(RUNS)]
            for name in ("tripped_s", "reset_s"):
                found += _rows(f"{name} at {rate}/s, {arrivals}", name, runs)
            found += _costs(f"at {rate}/s, {arrivals}", runs)
    return found


def _lab() -> str:
    """The quick lab, open for a second, so that a run has several trips."""
    lab = load_lab("quick")
    [backend] = lab.backends
    assert backend.breaker is not None
    rule = backend.breaker.model_copy(update={"trip_duration": OPEN_S})
    return write_yaml(lab.model_copy(update={"backends": (backend.model_copy(update={"breaker": rule}),)}))


def _rows(what: str, name: str, runs: list[Measured]) -> list[dict[str, Any]]:
    own = [one for run in runs for one in run.instants if one.name == name]
    proof = [one for run in runs for one in run.by_proof if one.name == name]
    if len(own) < RUNS * TRIPS:
        raise RuntimeError(f"{RUNS} runs gave only {len(own)} instants with a known truth: {what}")
    outside = [sum(abs(one.error) > one.half_width for one in instants) for instants in (own, proof)]
    error, width = _median_error_ms(own), _median_width_ms(own)
    return [
        _row(f"{what}: median error over {len(own)}", error, "ms", MOST_MEDIAN_MS[name], _median_error_ms(proof)),
        _row(f"{what}: mean signed error over half-width", _bias(own), "", MOST_BIAS, _bias(proof)),
        _row(f"{what}: median half-width", width, "ms", MOST_HALF_WIDTH_MS, _median_width_ms(proof)),
        _row(f"{what}: outside their half-width", outside[0], "of them", 0, outside[1]),
    ]


def _costs(what: str, runs: list[Measured]) -> list[dict[str, Any]]:
    resets = max(sum(run.resets for run in runs), 1)
    probes, answered = sum(run.probes for run in runs) / resets, sum(run.answered for run in runs) / resets
    return [
        _row(f"extra requests per reset {what}", probes, "", None, 0),
        _row(f"extra requests that a backend answered, per reset {what}", answered, "", 1, 0),
    ]


def _median_error_ms(instants: list[Instant]) -> float:
    return statistics.median(abs(one.error) for one in instants) * 1000


def _median_width_ms(instants: list[Instant]) -> float:
    return statistics.median(one.half_width for one in instants) * 1000


def _bias(instants: list[Instant]) -> float:
    """The mean signed error, each as a share of its half-width: measured too late where it is positive."""
    return statistics.fmean(one.error / one.half_width for one in instants)


def _one(lab: Path, scenario: Path, folder: Path) -> Measured:
    """Make one run, and measure it in both ways."""
    command = [sys.executable, "-m", "tripcurve.cli", "run", str(lab), "--scenario", str(scenario)]
    done = subprocess.run(
        [*command, "--run-dir", str(folder), "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"a run ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    run = load(folder)
    analysis = analyse(run)
    probing = run.info.probing
    assert probing is not None
    known = list(_known(analysis))
    return Measured(known, list(_by_proof(run, analysis)), len(probing.resets), probing.requests, probing.answered)


def _known(analysis: Analysis) -> Iterator[Instant]:
    """The instants whose truth is known."""
    for trip in analysis.trips:
        for name in ("tripped_s", "reset_s"):
            measured, error = getattr(trip, name), (trip.error_s or {}).get(name)
            if measured is not None and error is not None:
                yield Instant(name, error, measured.half_width)


def _by_proof(run: Run, analysis: Analysis) -> Iterator[Instant]:
    """The same instants as the traffic alone proves them: each the middle of its interval."""
    traffic = replace(run, decisive=run.decisive[~run.decisive["dense"]])
    [backend] = run.lab.backends
    for period in find_open_periods(gather(traffic, backend).touches):
        for name, interval in (("tripped_s", period.tripped), ("reset_s", period.reset)):
            true = [at for one in analysis.truth or [] if (at := getattr(one, name)) is not None]
            if interval is not None and true:
                middle = ((interval.low_ns + interval.high_ns) / 2 - run.start_ns) / NS
                nearest = min(true, key=lambda at: abs(at - middle))
                yield Instant(name, middle - nearest, (interval.high_ns - interval.low_ns) / 2 / NS)


def _row(name: str, value: float, unit: str, most: float | None, proof: float) -> dict[str, Any]:
    """`proof`: the same figure by proof alone, shown beside. A bias may be of either sign."""
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "peer": f"{PROOF}: {proof:.3g}",
        "ratio": None,
        "budget": None if most is None else f"≤ {most:g} {unit}".rstrip(),
        "ok": None if most is None else abs(value) <= most,
    }
