"""Many random faults: `python -m tests.faults.soak [--count 200] [--seed 1] [--minutes 600] [--jobs 4]`.

Prints each broken promise as it is found, then the table of docs/reliability.md. Exit code 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.injection import KINDS, Fault, Outcome, inject, random_fault

__all__ = ["main", "table"]


def table(outcomes: Iterable[Outcome]) -> str:
    """The outcomes as a Markdown table, a line for each kind of fault."""
    kinds = defaultdict(list)
    for outcome in outcomes:
        kinds[outcome.fault.kind].append(outcome)
    lines = [
        "| fault | runs | rows sent | recorded | lost | most lost in a run | allowed in a run | exit codes "
        "| promises broken |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_line(kind, kinds[kind]) for kind in KINDS if kinds[kind]),
        _line("all", [outcome for kind in KINDS for outcome in kinds[kind]]),
    ]
    return "\n".join(lines)


def _line(kind: str, outcomes: list[Outcome]) -> str:
    sent, recorded = sum(one.sent for one in outcomes), sum(one.recorded for one in outcomes)
    codes = ", ".join(str(code) for code in sorted({one.exit_code for one in outcomes}))
    most, may = max(one.lost for one in outcomes), max(one.may_lose for one in outcomes)
    broken = sum(bool(one.problems()) for one in outcomes)
    cells = [kind, len(outcomes), f"{sent:,}", f"{recorded:,}", f"{sent - recorded:,}", most, may, codes, broken]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main(words: list[str]) -> int:
    """Inject the faults and print what came of them."""
    parser = argparse.ArgumentParser(prog="tests.faults.soak")
    for name, default in (("count", 200), ("seed", 1), ("minutes", 600), ("jobs", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args(words)
    rng, began = random.Random(asked.seed), time.monotonic()
    faults = list(enumerate(random_fault(rng) for _ in range(asked.count)))
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(asked.jobs) as pool:

        def tried(numbered: tuple[int, Fault]) -> Outcome | None:
            number, fault = numbered
            if time.monotonic() > began + asked.minutes * 60:
                return None
            try:
                outcome = inject(fault, Path(scratch) / str(number))
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                outcome = Outcome(fault, code=-1, messages="", unreadable=f"the fault was not injected: {error}")
            for problem in outcome.problems():
                print(f"{number} {fault}: {problem}", flush=True)
            return outcome

        outcomes = [outcome for outcome in pool.map(tried, faults) if outcome is not None]
    took_min = (time.monotonic() - began) / 60
    print(f"{len(outcomes)} of {asked.count} schedules, seed {asked.seed}, {took_min:.1f} min\n\n{table(outcomes)}")
    return int(any(outcome.problems() for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
