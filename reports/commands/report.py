"""`tripcurve report RUN`: load, analyse, write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from reports.commands.run_report import write_report
from reports.render.drawing import Draw, drawing_process

__all__ = ["report"]

REPEATS = "repeats.json"


def report(folder: Path, checks: list[str], as_json: bool, as_csv: bool = False) -> int:
    """Write a run's reports and print its summary. Returns the exit code of its verdict, see `Verdict`.

    The folder of a `tripcurve capacity` or `tripcurve compare-gateways` gets the report of that search or comparison,
    and that of repeated runs the reports of all runs and the summary over them.

    Where GITHUB_STEP_SUMMARY names a file, as in GitHub Actions, the report goes on the job's page too.
    Raises BadInput when the folder holds no readable run or a check cannot be parsed.
    """
    if (folder / "probes.json").is_file():
        from reports.commands.capacity import capacity_command

        return capacity_command(folder, as_json)
    if (folder / "gateways.json").is_file():
        from reports.commands.compare_gateways import compare_gateways_command

        return compare_gateways_command(folder, as_json)
    if (folder / REPEATS).is_file():
        from reports.commands.repeats import repeats_command

        return repeats_command(folder, checks, as_json, again=bool(checks))
    with drawing_process() as draw:
        return _report(folder, checks, as_json, as_csv, draw)


def _report(folder: Path, checks: list[str], as_json: bool, as_csv: bool, draw: Draw) -> int:
    run, summary, written = write_report(folder, checks, draw)
    from rich.console import Console

    from reports.render.csv_tables import write_csv
    from reports.render.terminal import print_summary
    from reports.render.writers import append_job_summary, write_json
    from reports.statistics.verdict import verdict_of
    from tripcurve.run.layout import JUNIT, REPORT, SUMMARY, SUMMARY_TEXT
    from tripcurve.run.report_output import Exit, ReportOutput

    if as_csv:
        written += write_csv(run, summary, run.folder)
    job_page = os.environ.get("GITHUB_STEP_SUMMARY")
    if job_page:
        append_job_summary(run.folder / "summary.md", Path(job_page))
    verdict = verdict_of(summary)
    if as_json:
        kinds = {REPORT: "html", SUMMARY: "json", SUMMARY_TEXT: "markdown", JUNIT: "junit"}
        paths = {kinds[path.name]: str(path) for path in written if path.name in kinds}
        exited = Exit(code=verdict.exit_code, reason=verdict.sentence)
        write_json(ReportOutput.of(summary, run.folder, paths, exited), sys.stdout)
    else:
        print_summary(summary, written, Console())
    return verdict.exit_code
