"""`tripcurve run --repeat N` and `--until`: the same run several times, one after the other.

Each run has a folder of its own, and the next seed, so that arrivals, prompts and shares differ as they do from day to
day. On the local cloud each run starts a gateway with closed breakers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from locustfiles.commands.run import run
from locustfiles.telemetry.choice import NO_EXPORTERS, Exporters
from tripcurve.errors import INTERRUPTED
from tripcurve.lab import load_lab
from tripcurve.run.layout import SUMMARY, claim_run_dir, has_records
from tripcurve.run.measures import number_at
from tripcurve.run.repeats import (
    FEWEST,
    End,
    RepeatedRun,
    Repeats,
    Until,
    interval_over,
    is_valid,
    read_summary,
    run_name,
    write_repeats,
)
from tripcurve.run.summary import Summary
from tripcurve.scenario.checks import parse as parse_check
from tripcurve.scenario.replay import load_replay
from tripcurve.target import check_target_name

__all__ = ["Repeated", "repeat_run"]

SHOWN = "outage_s.median"
"""The measure on the line of each run, unless --until names another."""


@dataclass(frozen=True)
class Repeated:
    """What is repeated. `until` None: `runs` runs are made.

    `seed`: of the first run; None: the scenario's. `trace` and `exporters`: see `run`.
    """

    lab: str
    scenario: str
    target: str
    runs: int
    until: Until | None = None
    seed: int | None = None
    checks: list[str] = field(default_factory=list)
    sharpen: bool = True
    trace: str = ""
    exporters: Exporters = NO_EXPORTERS


def repeat_run(
    asked: Repeated, folder: Path | None, before_report: Callable[[Path], None] | None = None
) -> tuple[Path, int]:
    """Make the runs. Returns their folder and the exit code.

    `folder` None: a new one in runs. `before_report`: see `run`. The exit code is 130 if interrupted, else the highest
    of the runs' codes, or 1 if `until` was not reached. Raises BadInput before anything starts.
    """
    lab = load_lab(asked.lab)
    scenario, _ = load_replay(asked.scenario, lab, asked.trace)
    check_target_name(asked.target, os.environ)
    asked.exporters.check()
    for check in asked.checks:
        parse_check(check)
    lock = claim_run_dir(folder, lab.name, f"{scenario.name}-repeats")
    first = scenario.seed if asked.seed is None else asked.seed
    repeats = Repeats(
        lab=lab.name,
        scenario=scenario.name,
        target=asked.target,
        asked=asked.runs,
        until=None if asked.until is None else asked.until.text,
    )
    try:
        done = _Runs(asked, lock.folder, first, before_report).make(repeats)
    finally:
        lock.release()
    return lock.folder, done.exit_code(one.exit for one in done.runs)


@dataclass
class _Runs:
    """Makes the runs, and keeps repeats.json up to date after each."""

    asked: Repeated
    folder: Path
    first_seed: int
    before_report: Callable[[Path], None] | None
    valid: list[Summary] = field(default_factory=list)

    def make(self, repeats: Repeats) -> Repeats:
        """Make runs until there are enough, and return the list of them."""
        end: End | None = None
        while end is None:
            repeats, end = self._next(repeats)
            repeats = repeats.model_copy(update={"end": end or "running"})
            write_repeats(self.folder, repeats)
        return repeats

    def _next(self, repeats: Repeats) -> tuple[Repeats, End | None]:
        """Make one run. Returns the list with it, and why it was the last one, or None."""
        number, asked = len(repeats.runs) + 1, self.asked
        seed, path = self.first_seed + number - 1, self.folder / run_name(number)
        try:
            code = run(
                asked.lab,
                asked.scenario,
                asked.target,
                path,
                asked.checks,
                False,
                asked.sharpen,
                self.before_report,
                asked.trace,
                seed=seed,
                quiet=True,
                exporters=asked.exporters,
            )
        except KeyboardInterrupt:  # while the report was made, after the traffic
            code = INTERRUPTED
        made = RepeatedRun(run=path.name, seed=seed, exit=code)
        repeats = repeats.model_copy(update={"runs": (*repeats.runs, made)})
        if code == INTERRUPTED or has_records(path):
            self._note(number, path, code)
            return repeats, self._end(number, code)
        print(f"run {number} of {asked.runs}: exit code {code}, nothing recorded", file=sys.stderr)
        return repeats, "nothing recorded"

    def _note(self, number: int, path: Path, code: int) -> None:
        """Keep the run's summary if it counts, and print a line about it."""
        summary, measure = read_summary(path / SUMMARY), SHOWN if self.asked.until is None else self.asked.until.measure
        if summary is None:
            print(f"run {number} of {self.asked.runs}: exit code {code}, without a report", file=sys.stderr)
            return
        if is_valid(summary):
            self.valid.append(summary)
        value = number_at(summary, tuple(measure.split(".")))
        verdict = "" if summary.verdict is None else f"{summary.verdict.symbol} {summary.verdict.label}"
        text = f"{measure} {'not observed' if value is None else f'{value:.3f}'}"
        print(f"run {number} of {self.asked.runs}: {verdict}; {text}{self._precision()}", file=sys.stderr)

    def _precision(self) -> str:
        """Return how narrow the interval is by now, if the runs are repeated for that."""
        if self.asked.until is None:
            return ""
        found = interval_over(self.asked.until.measure, self.valid)
        if found.median is None or found.half_width is None:
            return ""
        return f"; over {found.n} runs {found.median:.3f} ± {found.half_width:.3f}"

    def _end(self, number: int, code: int) -> End | None:
        """Return why a run was the last one, or None if another follows."""
        until = self.asked.until
        if code == INTERRUPTED:
            return "interrupted"
        if until is not None:
            found = interval_over(until.measure, self.valid)
            if until.reached(found):
                return "precise"
            if number >= self.asked.runs or (number >= FEWEST and not found.n):
                return "not precise"
            return None
        return "finished" if number >= self.asked.runs else None
