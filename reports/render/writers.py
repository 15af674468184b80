"""Writes a run's reports: paths in, the files written out. A failed write raises."""

from __future__ import annotations

import json
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import TextIO

from reports.loading.neighbours import links_of
from reports.loading.run import Run
from reports.render.calibration_plot import calibration_plot
from reports.render.charts import Drawn, draw_charts
from reports.render.curve import capacity_curve
from reports.render.drawing import Draw, draw_here, png_of, vega_script
from reports.render.html import Pictures, render
from reports.render.junit import write_junit
from reports.render.markdown import render_markdown
from reports.statistics.calibration import points
from reports.statistics.series import tables
from reports.trips.analysis import Analysis
from tripcurve.errors import NotRecorded, reason_of
from tripcurve.run.layout import CHARTS, JUNIT, REPORT, SUMMARY, SUMMARY_TEXT
from tripcurve.run.summary import Summary
from tripcurve.run.writing import make_folder, replacing, write_whole

__all__ = ["append_job_summary", "write_json", "write_reports"]


def write_reports(
    run: Run, analysis: Analysis, summary: Summary, drawn: Drawn | None = None, draw: Draw = draw_here
) -> list[Path]:
    """Write summary.json, summary.md, junit.xml, charts as SVG and PNG, and report.html into the run's folder.

    `drawn`: the charts, if they were begun before. `draw`: what draws those that were not. Returns the paths.
    Raises NotRecorded when the folder cannot be written, or drawing failed.
    """
    folder, drawn = run.folder, drawn or draw_charts(run, analysis, draw)
    curve, calibration = _capacity_svg(summary, draw), _calibration_svg(summary, draw)
    data = tables(run, analysis, summary.duration_s) if drawn.specs else {}
    try:
        make_folder(folder / CHARTS)
        with replacing(folder / SUMMARY) as part, part.open("w", encoding="utf-8") as out:
            write_json(summary, out)
        write_whole(folder / SUMMARY_TEXT, render_markdown(summary))
        write_junit(summary, folder / JUNIT)
        written = _write_charts(drawn.svgs, folder / CHARTS)  # the stills, asked for last, are drawn meanwhile
        script = vega_script() if drawn.specs else ""
        stills = (None if still is None else still.result() for still in (curve, calibration))
        pictures = Pictures(drawn.specs, data, script, *stills)
        write_whole(folder / REPORT, render(summary, pictures, links_of(folder, summary)))
    except BrokenExecutor:
        raise NotRecorded("the process that draws the charts died; run `tripcurve report` again") from None
    except OSError as error:
        raise NotRecorded(f"cannot write the report into {folder}: {reason_of(error)}") from None
    return [folder / REPORT, folder / SUMMARY, folder / SUMMARY_TEXT, folder / JUNIT, *written]


def write_json(summary: Summary, out: TextIO) -> None:
    """One JSON object and a newline. Not-a-number never gets in: a value that is not known is null."""
    json.dump(summary.as_written(), out, indent=1, allow_nan=False, ensure_ascii=False)
    out.write("\n")


def _capacity_svg(summary: Summary, draw: Draw) -> Future[str] | None:
    """The capacity curve as a still picture; None for a run that is no step-load."""
    return None if summary.capacity is None else draw(capacity_curve(summary.capacity.curve))


def _calibration_svg(summary: Summary, draw: Draw) -> Future[str] | None:
    """Errors against half-widths as a still picture; None where no instant's truth is known."""
    known = points(summary)
    return draw(calibration_plot(known)) if known else None


def _write_charts(svgs: dict[str, Future[str]], folder: Path) -> list[Path]:
    written = []
    for name, drawn in svgs.items():
        vector, picture = folder / f"{name}.svg", folder / f"{name}.png"
        svg = drawn.result()
        write_whole(vector, svg)
        write_whole(picture, png_of(svg))
        written += [vector, picture]
    return written


def append_job_summary(markdown: Path, to: Path) -> None:
    """Put the report on the page of a CI job. Raises NotRecorded when it cannot be written."""
    try:
        with to.open("a", encoding="utf-8") as out:
            out.write(markdown.read_text("utf-8") + "\n")
    except OSError as error:
        raise NotRecorded(f"cannot write the job summary {to}: {reason_of(error)}") from None
