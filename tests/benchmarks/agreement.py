"""Live runs of labs beside simulated ones: does each simulated figure lie within the spread of the live ones?

python -m tests.benchmarks.agreement FOLDER [--runs 10] [--labs quick,pool,quota]

Runs that FOLDER already holds (such as FOLDER/quick-01) are not run again. Prints a table in Markdown, and exits with 1
if the median of the simulated runs lies outside the live ones. The spread of a figure that is measured from outside
includes its half-width. Runs that their report does not accept as a measurement, or whose load was not sent as
configured, are left out. A lab is not compared if that is half of its runs or more; then, too, the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tripcurve.breaker.events import BreakerEvent, read_events
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import EVENTS, SUMMARY

SLOW = """\
name: trip-slowly
users: {ChatUser: 20}
phases:
  - {name: healthy, for: PT5S, rate: 8}
  - {name: fault, for: PT10S, rate: 8, simulate: {default: {status: 429, retry_after_s: 2}}}
  - {name: healed, for: PT15S, rate: 8}
"""
"""For LiteLLM, which needs 20 to 30 ms of processor time for a request: like `trip-and-recover`, at 8 requests/s."""

SCENARIOS = {
    "quick": "trip-and-recover",
    "pool": "pool-failover",
    "quota": "quota",
    "envoy": "trip-and-recover",
    "litellm": SLOW,
}
"""By lab: the name of a built-in scenario, or the text of one."""
LONGEST_S = 300


class Run(NamedTuple):
    """A run's summary, and the openings in its gateway's record: instant and length in seconds."""

    summary: dict[str, Any]
    openings: list[tuple[float, float]]


def first_trip(run: Run) -> tuple[float, float] | None:
    """Return the first reported trip and its half-width."""
    found = next((trip["tripped_s"] for trip in run.summary["trips"] if trip["tripped_s"]), None)
    return None if found is None else (found["estimate"], found["half_width"])


def figure(name: str, of: str, *instants: str) -> Callable[[Run], tuple[float, float] | None]:
    """Return a function that reads one figure of a measure. Its half-width is the sum of those of the instants."""

    def read(run: Run) -> tuple[float, float] | None:
        value = run.summary[name][of]
        widths = (
            max((trip[instant]["half_width"] for trip in run.summary["trips"] if trip[instant]), default=0.0)
            for instant in instants
        )
        return None if value is None else (value, sum(widths))

    return read


FIGURES: dict[str, Callable[[Run], tuple[float, float] | None]] = {
    "openings, gateway's record": lambda run: (len(run.openings), 0.0),
    "open in all, gateway's record, s": lambda run: (sum(length for _, length in run.openings), 0.0),
    "first trip, reported, s": first_trip,
    "trips, reported": lambda run: (len(run.summary["trips"]), 0.0),
    "slowest time to trip, s": figure("time_to_trip_s", "max", "tripped_s"),
    "open, median, s": figure("open_s", "median", "tripped_s", "reset_s"),
    "recovery latency, s": figure("recovery_latency_s", "max", "reset_s"),
    "longest outage, s": figure("outage_s", "max", "tripped_s", "reset_s"),
    "throttles": lambda run: (run.summary["throttles"], 0.0),
    "sheds": lambda run: (run.summary["sheds"], 0.0),
}


def main() -> int:
    """Make the missing runs and print the table. Returns 1 if a figure lies outside, or a lab is not compared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--labs", default=",".join(SCENARIOS))
    options = parser.parse_args()
    print("| Lab | Figure | live: least to most | median | simulated: least to most | median | inside |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    outside = 0
    for lab in options.labs.split(","):
        live = [live_run(options.folder, lab, number) for number in range(1, options.runs + 1)]
        valid = comparable(lab, live)
        if not valid:
            outside += 1
            continue
        simulated = [simulated_run(options.folder, lab, seed) for seed in range(options.runs)]
        outside += sum(not show(lab, name, read, valid, simulated) for name, read in FIGURES.items())
    return 1 if outside else 0


def comparable(lab: str, live: list[Run]) -> list[Run]:
    """Return the runs that are valid measurements of the configured load; none if they are half of all or less.

    Prints why each other run is left out, and why nothing is compared.
    """
    reasons = [left_out(run.summary) for run in live]
    for number, reason in enumerate(reasons, start=1):
        if reason is not None:
            print(f"{lab}-{number:02}: left out: {reason}", file=sys.stderr)
    valid = [run for run, reason in zip(live, reasons, strict=True) if reason is None]
    said = f"{lab}: {len(valid)} of {len(live)} live runs are valid measurements of the configured load"
    if 2 * len(valid) > len(live):
        print(said, file=sys.stderr)
        return valid
    print(f"{said}, too few to compare; run it on a machine with less other work", file=sys.stderr)
    return []


def left_out(summary: dict[str, Any]) -> str | None:
    """Return why a run must not be compared with simulated ones; None if it may be."""
    if summary["problems"]:
        return "; ".join(problem["text"] for problem in summary["problems"])
    stimulus = summary["stimulus"]
    if stimulus is None or stimulus["as_configured"]:
        return None
    return f"the load was {stimulus['sentence']}"


def show(
    lab: str, name: str, read: Callable[[Run], tuple[float, float] | None], live: list[Run], simulated: list[Run]
) -> bool:
    """Print one line of the table; return whether the simulated median lies within the live spread."""
    measured, drawn = ([value for run in runs if (value := read(run)) is not None] for runs in (live, simulated))
    if not measured and not drawn:
        return True
    low, high = (min(v - h for v, h in measured), max(v + h for v, h in measured)) if measured else (0.0, 0.0)
    middle = statistics.median(value for value, _ in drawn) if drawn else float("nan")
    inside = bool(measured) and low - 1e-9 <= middle <= high + 1e-9
    cells = [name, spread(low, high), text(statistics.median(v for v, _ in measured)) if measured else "–"]
    cells += [spread(min(v for v, _ in drawn), max(v for v, _ in drawn)) if drawn else "–", text(middle)]
    print(f"| {lab} | {' | '.join(cells)} | {'yes' if inside else 'NO'} |")
    return inside


def live_run(folder: Path, lab: str, number: int) -> Run:
    """Return a live run, without the dense probes, which a simulation does not send. Runs it if it is not there."""
    path = folder / f"{lab}-{number:02}"
    if not (path / SUMMARY).exists():
        call("run", lab, "--scenario", scenario_of(folder, lab), "--no-sharpen", "--run-dir", str(path), "--json")
    return read_run(path)


def simulated_run(folder: Path, lab: str, seed: int) -> Run:
    """Return a simulated run and its report. Simulates it if it is not there."""
    path = folder / f"{lab}-simulated-{seed}"
    if not (path / SUMMARY).exists():
        call(
            "simulate",
            lab,
            "--scenario",
            scenario_of(folder, lab),
            "--seed",
            str(seed),
            "--run-dir",
            str(path),
            "--json",
        )
        call("report", str(path), "--json")
    return read_run(path)


def scenario_of(folder: Path, lab: str) -> str:
    """Return the name of a lab's scenario, or the file in the folder to which its text was written."""
    scenario = SCENARIOS[lab]
    if "\n" not in scenario:
        return scenario
    file = folder / f"{lab}-scenario.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(scenario, "utf-8")
    return str(file)


def call(*arguments: str) -> None:
    """Run a command of Tripcurve. Raises CalledProcessError unless it ran.

    Neither a failed check of a scenario is an error (1) nor a run that is no valid measurement (4): its report says so.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tripcurve.cli", *arguments], capture_output=True, text=True, timeout=LONGEST_S
    )
    if done.returncode not in (0, 1, 4):
        sys.stderr.write(done.stderr)
        done.check_returncode()


def read_run(path: Path) -> Run:
    """Return what a run's report and its gateway's record hold."""
    info = RunInfo.read(path)
    start_ns = 0 if info is None else info.start_ns
    events = list(read_events((path / EVENTS).read_text("utf-8").splitlines()))
    openings = [((at_ns - start_ns) / 1e9, length_s) for at_ns, length_s in openings_of(events)]
    return Run(json.loads((path / SUMMARY).read_text("utf-8")), openings)


def openings_of(events: list[BreakerEvent]) -> list[tuple[int, float]]:
    """Return when a breaker opened, in unix ns, and for how many s; one without end as planned."""
    found, pending = [], dict[tuple[int | None, str], BreakerEvent]()
    for event in sorted(events, key=lambda one: one.at_ns):
        breaker = (event.unit, event.backend)
        if event.kind == "opened":
            pending[breaker] = event
        elif breaker in pending:
            begun = pending.pop(breaker).at_ns
            found.append((begun, (event.at_ns - begun) / 1e9))
    return sorted(found + [(event.at_ns, event.trip_duration_s or 0.0) for event in pending.values()])


def spread(low: float, high: float) -> str:
    """Return a range in words."""
    return text(low) if text(low) == text(high) else f"{text(low)} to {text(high)}"


def text(value: float) -> str:
    """Return a number with at most three decimals."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    sys.exit(main())
