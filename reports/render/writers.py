"""Writes a run's reports: paths in, the files written out. A failed write raises."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread
from typing import Any, TextIO
from xml.etree import ElementTree

import vl_convert

from reports.loading.run import Run
from reports.render.charts import Figure, figures, on_white
from reports.render.html import render, vega_script
from reports.render.markdown import render_markdown
from reports.render.words import legible
from reports.statistics.series import tables
from reports.trips.analysis import Analysis
from tripcurve.errors import TripcurveError
from tripcurve.run.layout import CHARTS, JUNIT, REPORT, SUMMARY, SUMMARY_TEXT

__all__ = ["append_job_summary", "write_json", "write_reports"]


def write_reports(run: Run, analysis: Analysis, summary: dict[str, Any]) -> list[Path]:
    """summary.json, summary.md, junit.xml, charts as SVG and PNG, and report.html, in the run's folder.

    Raises TripcurveError when the folder cannot be written.
    """
    folder, duration_s = run.folder, summary["duration_s"]
    drawn = figures(run, analysis, duration_s) if run.tally.total else {}
    data = tables(run, analysis, duration_s) if drawn else {}
    bundling = Thread(target=vega_script, daemon=True)  # builds the page's script while the charts are drawn
    bundling.start()
    try:
        (folder / CHARTS).mkdir(exist_ok=True)
        with (folder / SUMMARY).open("w", encoding="utf-8") as out:
            write_json(summary, out)
        (folder / SUMMARY_TEXT).write_text(render_markdown(summary), encoding="utf-8")
        _write_junit(summary, folder / JUNIT)
        written = _write_charts(drawn, folder / CHARTS)
        bundling.join()
        (folder / REPORT).write_text(render(summary, drawn, data), encoding="utf-8")
    except OSError as error:
        raise TripcurveError(f"cannot write the report into {folder}: {error.strerror}") from None
    return [folder / REPORT, folder / SUMMARY, folder / SUMMARY_TEXT, folder / JUNIT, *written]


def write_json(summary: dict[str, Any], out: TextIO) -> None:
    """One JSON object and a newline. Not-a-number never gets in: a value that is not known is null."""
    json.dump(summary, out, indent=1, allow_nan=False, ensure_ascii=False)
    out.write("\n")


def _write_charts(drawn: dict[str, Figure], folder: Path) -> list[Path]:
    written = []
    for name, figure in drawn.items():
        svg = vl_convert.vegalite_to_svg(on_white(figure))
        vector, picture = folder / f"{name}.svg", folder / f"{name}.png"
        vector.write_text(svg, encoding="utf-8")
        picture.write_bytes(vl_convert.svg_to_png(svg, scale=2))
        written += [vector, picture]
    return written


def _write_junit(summary: dict[str, Any], path: Path) -> None:
    """Each check as a test case, as CI systems read them."""
    failed = sum(not check["passed"] for check in summary["checks"])
    suite = ElementTree.Element(
        "testsuite",
        name=legible(f"tripcurve {summary['lab']} {summary['scenario']}"),
        tests=str(len(summary["checks"])),
        failures=str(failed),
        time=f"{summary['duration_s']:.3f}",
    )
    for check in summary["checks"]:
        case = ElementTree.SubElement(
            suite, "testcase", classname="tripcurve.checks", name=legible(check["expression"])
        )
        if not check["passed"]:
            value = "not observed" if check["value"] is None else str(check["value"])
            ElementTree.SubElement(case, "failure", message=f"value: {value}")
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def append_job_summary(markdown: Path, to: Path) -> None:
    """Put the report on the page of a CI job. Raises TripcurveError when it cannot be written."""
    try:
        with to.open("a", encoding="utf-8") as out:
            out.write(markdown.read_text("utf-8") + "\n")
    except OSError as error:
        raise TripcurveError(f"cannot write the job summary {to}: {error.strerror}") from None
