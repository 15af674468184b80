"""`tripcurve simulate --repeat N`: a run several times in virtual time, each with the next seed, and their summary."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Protocol

from simulator.record import TARGET
from tripcurve.lab import load_lab
from tripcurve.run.layout import make_run_dir
from tripcurve.run.repeats import RepeatedRun, Repeats, run_name, write_repeats
from tripcurve.scenario import load_scenario

__all__ = ["repeat_simulation", "simulate_repeats"]


class Simulate(Protocol):
    """Simulates a run with a seed and writes it into a folder."""

    def __call__(self, *, seed: int, run_dir: Path) -> object: ...


def repeat_simulation(
    lab: str, scenario: str, simulate: Simulate, runs: int, seed: int, run_dir: Path | None, as_json: bool
) -> int:
    """Simulate runs, report them and print the summary over them. Returns the exit code of the worst run."""
    folder = simulate_repeats(lab, scenario, simulate, runs, seed, run_dir)
    # A report is made by the command, in a process of its own: rooms do not import each other.
    command = [sys.executable, "-m", "tripcurve.cli", "report", str(folder), *(["--json"] if as_json else [])]
    return subprocess.run(command, check=False).returncode


def simulate_repeats(
    lab_name: str, scenario_name: str, simulate: Simulate, runs: int, seed: int, run_dir: Path | None
) -> Path:
    """Simulate runs with the seeds from `seed` on, and return their folder. Ctrl-C ends them early.

    `run_dir` None: a new folder in runs. Raises BadInput for anything that cannot be simulated.
    """
    lab = load_lab(lab_name)
    scenario = load_scenario(scenario_name, lab)
    folder = make_run_dir(run_dir, lab.name, f"{scenario.name}-simulated-repeats")
    listed = Repeats(lab=lab.name, scenario=scenario.name, target=TARGET, asked=runs, end="finished")
    done: list[RepeatedRun] = []
    try:
        for number in range(1, runs + 1):
            simulate(seed=seed + number - 1, run_dir=folder / run_name(number))
            done.append(RepeatedRun(run=run_name(number), seed=seed + number - 1, exit=0))
    except KeyboardInterrupt:
        listed = listed.model_copy(update={"end": "interrupted"})
    write_repeats(folder, listed.model_copy(update={"runs": tuple(done)}))
    return folder
