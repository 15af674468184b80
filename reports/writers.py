"""Writes a run's reports: paths in, the files written out. A failed write raises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO
from xml.etree import ElementTree

from reports.analysis import Analysis
from reports.charts import Figure, charts
from reports.html import render
from reports.load import Run
from reports.markdown import render_markdown
from tripcurve.errors import TripcurveError

__all__ = ["write_json", "write_reports"]


def write_reports(run: Run, analysis: Analysis, summary: dict[str, Any]) -> list[Path]:
    """summary.json, summary.md, junit.xml, charts as SVG and PNG, and report.html, in the run's folder.

    Raises TripcurveError when the folder cannot be written.
    """
    folder = run.folder
    figures = charts(run, analysis, summary["duration_s"]) if len(run.requests) else {}
    try:
        (folder / "charts").mkdir(exist_ok=True)
        with (folder / "summary.json").open("w", encoding="utf-8") as out:
            write_json(summary, out)
        (folder / "summary.md").write_text(render_markdown(summary), encoding="utf-8")
        _write_junit(summary, folder / "junit.xml")
        written = _write_charts(figures, folder / "charts")
        (folder / "report.html").write_text(render(summary, figures), encoding="utf-8")
    except OSError as error:
        raise TripcurveError(f"cannot write the report into {folder}: {error.strerror}") from None
    return [folder / "report.html", folder / "summary.json", folder / "summary.md", folder / "junit.xml", *written]


def write_json(summary: dict[str, Any], out: TextIO) -> None:
    """One JSON object and a newline. Not-a-number never gets in: a value that is not known is null."""
    json.dump(summary, out, indent=1, allow_nan=False, ensure_ascii=False)
    out.write("\n")


def _write_charts(figures: dict[str, Figure], folder: Path) -> list[Path]:
    written = []
    for name, figure in figures.items():
        on_white = figure.properties(background="white")
        for suffix in ("svg", "png"):
            path = folder / f"{name}.{suffix}"
            on_white.save(str(path), scale_factor=2 if suffix == "png" else 1)
            written.append(path)
    return written


def _write_junit(summary: dict[str, Any], path: Path) -> None:
    """Each check as a test case, as CI systems read them."""
    failed = sum(not check["passed"] for check in summary["checks"])
    suite = ElementTree.Element(
        "testsuite",
        name=f"tripcurve {summary['lab']} {summary['scenario']}",
        tests=str(len(summary["checks"])),
        failures=str(failed),
        time=f"{summary['duration_s']:.3f}",
    )
    for check in summary["checks"]:
        case = ElementTree.SubElement(suite, "testcase", classname="tripcurve.checks", name=check["expression"])
        if not check["passed"]:
            ElementTree.SubElement(case, "failure", message=f"value: {check['value']}")
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
