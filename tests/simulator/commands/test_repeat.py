"""`tripcurve simulate --repeat`, and how often the interval over runs contains the long-run value."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pytest

from reports.loading.run import load
from reports.trips.analysis import analyse
from simulator.commands.repeat import simulate_repeats
from simulator.commands.simulate import simulate
from simulator.fast.run import run_fast
from simulator.virtual import EPOCH_NS
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab
from tripcurve.run.intervals import interval_of
from tripcurve.run.repeats import read_repeats
from tripcurve.scenario import Scenario, load_scenario

RUNS, REPEATS = 5, 100


def outage_s(lab: Lab, scenario: Scenario, seed: int) -> float:
    """The seconds from the first failure of a simulated run to its next second in which all requests succeeded.

    Written from the definition in docs/measures.md, for a scenario with one outage.
    """
    rows = pa.Table.from_batches(run_fast(lab, scenario, seed=seed).batches())
    start_s = (rows["start_ns"].to_numpy() - EPOCH_NS) / 1e9
    failed = rows["status"].to_numpy() != 200
    began = start_s[failed].min()
    bad = np.bincount(start_s.astype(int), weights=failed)
    whole = np.flatnonzero(bad == 0)
    return float(whole[whole > began][0] - began)


@pytest.mark.slow
def test_the_interval_of_five_runs_contains_the_long_run_outage_in_95_of_100_repeats(tmp_path: Path) -> None:
    lab = load_lab("quick")
    scenario = load_scenario("trip-and-recover", lab)
    outages = [outage_s(lab, scenario, seed) for seed in range(RUNS * REPEATS)]
    assert len(set(outages)) > RUNS * REPEATS / 2  # they do differ from seed to seed
    long_run = median(outages)
    found = [interval_of(outages[first : first + RUNS]) for first in range(0, len(outages), RUNS)]
    covered = sum(one.low <= long_run <= one.high for one in found if one.low is not None and one.high is not None)
    assert covered >= 95

    # The outage is the one that the report of such a run has.
    folder, _ = simulate("quick", "trip-and-recover", seed=3, run_dir=tmp_path / "run")
    reported = [trip.outage_s for trip in analyse(load(folder)).trips if trip.outage_s is not None]
    assert reported == [pytest.approx(outages[3], abs=1e-6)]


def test_each_run_has_the_next_seed(tmp_path: Path) -> None:
    one = partial(simulate, "quick", "trip-and-recover")
    folder = simulate_repeats("quick", "trip-and-recover", one, 2, 5, tmp_path / "it")
    listed = read_repeats(folder)
    assert (listed.target, listed.end, [run.seed for run in listed.runs]) == ("simulated", "finished", [5, 6])
    seeds = [
        json.loads((folder / run.run / "run.json").read_text("utf-8"))["simulation"]["seed"] for run in listed.runs
    ]
    assert seeds == [5, 6]


def test_an_interrupt_keeps_the_finished_runs(tmp_path: Path) -> None:
    def one(*, seed: int, run_dir: Path) -> None:
        if seed == 2:
            raise KeyboardInterrupt
        run_dir.mkdir()

    listed = read_repeats(simulate_repeats("quick", "steady", one, 5, 0, tmp_path / "it"))
    assert (listed.end, [run.run for run in listed.runs]) == ("interrupted", ["run-01", "run-02"])


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note").touch()
    with pytest.raises(BadInput, match="not empty"):
        simulate_repeats("quick", "steady", partial(simulate, "quick", "steady"), 2, 0, tmp_path)
