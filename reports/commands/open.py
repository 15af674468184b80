"""`tripcurve open [RUN]`: show a run's report in the browser."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

from reports.loading.history import history
from tripcurve.errors import BadInput
from tripcurve.run.layout import REPORT

__all__ = ["newest_run", "open_report"]

RUNS = Path("runs")


def open_report(folder: Path | None) -> int:
    """Open a run's report in the browser, print its path on stdout, and return 0.

    `folder` is the run directory; None means the newest run in `runs`. If there is no browser, only the path is
    printed. Raises BadInput if there is no such report.
    """
    run = newest_run(RUNS) if folder is None else folder
    page = run / REPORT
    if not page.is_file():
        remedy = f"write it with `tripcurve report {run}`" if run.is_dir() else "name a run directory"
        raise BadInput(f"{page} does not exist; {remedy}")
    sys.stdout.write(f"{page}\n")
    if not webbrowser.open(page.resolve().as_uri()):
        sys.stderr.write("no browser was found; open the file in one\n")
    return 0


def newest_run(folder: Path) -> Path:
    """Return the run that started last among those with a report. Raises BadInput if there is none."""
    runs, _ = history(folder) if folder.is_dir() else ([], [])
    if not runs:
        raise BadInput(f"there is no run with a report in {folder}; name a run directory, or make one: tripcurve run")
    return runs[-1].folder
