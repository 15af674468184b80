"""The report of `tripcurve run --repeat` and `tripcurve simulate --repeat`: each run's, and the summary over runs."""

from __future__ import annotations

import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path

from rich.console import Console

from reports.commands.run_report import write_report
from reports.render.charts import on_white
from reports.render.drawing import Draw, drawing_process
from reports.render.repeats import print_repeats, render_repeats, runs_chart
from reports.statistics.repeats import INTERVALS, RepeatsSummary, measure_shown, summarise_repeats
from tripcurve.errors import NotRecorded, TripcurveError, reason_of
from tripcurve.run.layout import REPORT, SUMMARY, has_records
from tripcurve.run.repeats import Repeats, read_repeats, read_summary
from tripcurve.run.writing import write_whole

__all__ = ["repeats_command"]


def repeats_command(folder: Path, checks: list[str], as_json: bool, *, again: bool = False) -> int:
    """Write intervals.json and report.html into the folder of repeated runs, and print the summary over runs.

    A run without a report gets one, with these checks; `again`: every run does. Returns the exit code of the worst run,
    or 1 if the precision that was asked for was not reached. Raises BadInput if the folder has no list of runs.
    """
    repeats = read_repeats(folder)
    with drawing_process() as draw:
        _report_runs(repeats, folder, checks, draw, again)
        summary = summarise_repeats(repeats, folder)
        _write(summary, measure_shown(repeats), folder, draw)
    if as_json:
        sys.stdout.write(summary.as_written())
    else:
        print_repeats(summary, measure_shown(repeats), folder / REPORT, Console())
    return summary.exit_code


def _report_runs(repeats: Repeats, folder: Path, checks: list[str], draw: Draw, again: bool) -> None:
    """Write the reports of runs that have none, or of all. A run that cannot be reported is a warning."""
    for run in repeats.runs:
        path = folder / run.run
        if path.is_symlink() or not has_records(path) or (not again and read_summary(path / SUMMARY) is not None):
            continue
        try:
            write_report(path, checks, draw)
        except TripcurveError as error:
            print(f"warning: {path} has no report: {error}", file=sys.stderr)


def _write(summary: RepeatsSummary, shown: str, folder: Path, draw: Draw) -> None:
    chart = runs_chart(summary, shown)
    svg = None if chart is None else draw(chart)
    plain = None if chart is None else draw(on_white(chart))
    try:
        write_whole(folder / INTERVALS, summary.as_written())
        write_whole(folder / REPORT, render_repeats(summary, shown, "" if svg is None else svg.result()))
        if plain is not None:
            write_whole(folder / "runs.svg", plain.result())
    except BrokenExecutor:
        raise NotRecorded("the process that draws the charts died; run `tripcurve report` again") from None
    except OSError as error:
        raise NotRecorded(f"cannot write the report into {folder}: {reason_of(error)}") from None
