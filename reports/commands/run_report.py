"""Writes the reports of one run, while another process draws its charts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reports.render.drawing import Draw

if TYPE_CHECKING:
    from reports.loading.run import Run
    from tripcurve.run.summary import Summary

__all__ = ["write_report"]


def write_report(folder: Path, checks: list[str], draw: Draw) -> tuple[Run, Summary, list[Path]]:
    """Write a run's reports. Returns the run, its summary and the paths.

    Raises BadInput when the folder holds no readable run or a check cannot be parsed.
    """
    # Imported here, which takes a second: by now the process that draws has started.
    from reports.loading.run import load
    from reports.render.charts import draw_charts
    from reports.trips.analysis import analyse
    from tripcurve.scenario.checks import parse

    for check in checks:
        parse(check)
    run = load(folder)
    analysis = analyse(run)
    drawn = draw_charts(run, analysis, draw)

    # And these while it draws.
    from reports.render.writers import write_reports
    from reports.statistics.summary import build_summary

    summary = build_summary(run, analysis, checks)
    return run, summary, write_reports(run, analysis, summary, drawn, draw)
