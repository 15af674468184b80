"""`tripcurve report RUN`: load, analyse, write."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from reports.analysis import analyse
from reports.load import load
from reports.summary import summarise
from reports.terminal import print_summary
from reports.writers import write_json, write_reports
from tripcurve.checks import parse

__all__ = ["report"]


def report(folder: Path, checks: list[str], as_json: bool) -> int:
    """Write a run's reports and print its summary. Returns 1 when a check failed, else 0.

    Raises BadInput when the folder holds no readable run or a check cannot be parsed.
    """
    for check in checks:
        parse(check)
    run = load(folder)
    analysis = analyse(run)
    summary = summarise(run, analysis, checks)
    written = write_reports(run, analysis, summary)
    if as_json:
        write_json(summary, sys.stdout)
    else:
        print_summary(run, summary, written, Console())
    return 0 if all(check["passed"] for check in summary["checks"]) else 1
