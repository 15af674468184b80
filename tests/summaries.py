"""Summaries of runs that differ in one measure, for tests of what is computed over runs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from tests.reports.runs import TRIP, lab_of, play
from tripcurve.run.summary import Problem, Spread, Summary


@cache
def _summary() -> Summary:
    run = play(lab_of(), TRIP, seed=1)
    return build_summary(run, analyse(run), [])


def summary_of(outage_s: float | None, *, problem: str | None = None, interrupted: bool = False) -> Summary:
    """The summary of a run with one outage; None: none was observed. `problem`: why the run is not valid."""
    problems = () if problem is None else (Problem(kind="load not delivered", text=problem),)
    spread = Spread(n=0 if outage_s is None else 1, min=outage_s, median=outage_s, max=outage_s)
    changes = {"outage_s": spread, "problems": problems, "interrupted": interrupted, "verdict": None}
    return _summary().model_copy(update=changes)


def write_summary(folder: Path, summary: Summary) -> None:
    """Write a run directory with this summary and an empty record, enough for what reads summaries."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lab.yaml").write_text("name: p\n", "utf-8")
    (folder / "requests.parquet").touch()
    (folder / "summary.json").write_text(summary.model_dump_json(by_alias=True), "utf-8")
