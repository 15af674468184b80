"""How often the number of a gateway's instances is inferred right, and how often it is certain and wrong.

python -m tests.benchmarks.instances [--runs 200] [--numbers 1,2,3,5,8] [--only NAME]

Each run is planted by breakers that share no code with the product, behind a lab whose units are unknown. Prints a
table in Markdown. Exits with 1 if less than 95 % are right, or if one is certain and wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from reports.loading.run import load
from reports.trips.analysis import analyse
from tests.planted import Plan, plant

QUICK = Plan(rate=50, fault_until=8, length=13, stated_units="unknown")
"""The rule of the lab `quick` (3 failures in 20 s, open for 4 s), at 50 requests a second, 6 s of faults."""

PLANS = {
    "quick": QUICK,
    "quick, Poisson arrivals": replace(QUICK, poisson=True),
    "open for 1 s": replace(QUICK, open_s=1),
    "20 connections": replace(QUICK, connections=20),
    "20 requests under way": replace(QUICK, rate=200, backend_s=0.1),
    "half of the requests fail": replace(QUICK, failing=0.5, fault_until=2),
}
LEAST_RIGHT = 0.95


def main() -> int:
    """Plant and analyse the runs, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--numbers", default="1,2,3,5,8")
    parser.add_argument("--only", default="", help="the name of the only conditions to try")
    options = parser.parse_args()
    failed = False
    print("| conditions | instances | right | certain | certain and wrong | others |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in (name for name in PLANS if options.only in ("", name)):
        for units in map(int, options.numbers.split(",")):
            failed |= not show(name, units, options.runs)
    return int(failed)


def show(name: str, units: int, runs: int) -> bool:
    """Print one line of the table. Return whether enough were right, and none was certain and wrong."""
    right = certain = wrong = 0
    others: Counter[str] = Counter()
    for seed in range(runs):
        estimate, true, sure = inferred(replace(PLANS[name], units=units, seed=seed))
        right += estimate == true
        certain += sure
        wrong += sure and estimate != true
        if estimate != true:
            others[str(estimate)] += 1
    rest = ", ".join(f"{number}: {count}" for number, count in others.most_common()) or "–"
    print(f"| {name} | {units} | {right / runs:.1%} | {certain / runs:.1%} | {wrong} | {rest} |", flush=True)
    return right >= LEAST_RIGHT * runs and not wrong


def inferred(plan: Plan) -> tuple[int | None, int, bool]:
    """Return the estimate, the number of instances that opened at all, and whether the estimate is certain."""
    with tempfile.TemporaryDirectory() as folder:
        truth = plant(Path(folder) / "run", plan)
        found = analyse(load(Path(folder) / "run")).instances
    assert found is not None
    return found.estimate, len({trip.unit for trip in truth}), found.certain


if __name__ == "__main__":
    sys.exit(main())
