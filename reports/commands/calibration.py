"""`tripcurve runs --calibration`: errors against half-widths over all runs of a folder whose truth is known."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.loading.history import history
from reports.render.words import legible, number, share, signed
from reports.statistics.calibration import Calibration, Point, calibration, points

__all__ = ["calibration_command"]

NAMES = {"tripped_s": "tripped", "reset_s": "reset"}


def calibration_command(folder: Path, as_json: bool) -> int:
    """Print a row for each instant and kind of evidence, over all runs with truth. Returns 1 if an error is larger than
    its half-width, else 0.

    Raises BadInput when there is no such folder.
    """
    runs, problems = history(folder)
    found = {run.folder: points(run.summary) for run in runs}
    known = {run: own for run, own in found.items() if own}
    rows = calibration(point for own in known.values() for point in own)
    if as_json:
        per_run = [{"run": str(run), "calibration": _plain(calibration(own))} for run, own in known.items()]
        json.dump({"calibration": _plain(rows), "runs": per_run, "problems": problems}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _print(rows, known, problems, Console())
    return 1 if any(row.outside for row in rows) else 0


def _plain(rows: list[Calibration]) -> list[dict[str, object]]:
    return [asdict(row) for row in rows]


def _print(rows: list[Calibration], known: dict[Path, list[Point]], problems: list[str], console: Console) -> None:
    if not rows:
        console.print("No run here has a measured trip and the gateway's own record of it.")
    else:
        of_runs = "1 run" if len(known) == 1 else f"{len(known):,} runs"
        console.print(f"{of_runs} with a record of the gateway's own; in ms:", highlight=False)
        console.print(_table(rows))
    for run, own in known.items():
        outside = sum(row.outside for row in calibration(own))
        if outside:
            console.print(escape(f"{legible(run.name)}: {outside:,} outside the half-width"), highlight=False)
    for problem in problems:
        console.print(f"[yellow]note:[/yellow] {escape(legible(problem))}", highlight=False)


def _table(rows: list[Calibration]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("instant", "by"):
        table.add_column(heading, no_wrap=True)
    for heading in ("n", "median error", "mean", "half-width", "largest share", "outside"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            NAMES[row.instant],
            row.by or "–",
            f"{row.n:,}",
            number(row.median_error_ms, 2),
            signed(row.mean_error_ms, 2),
            number(row.median_half_width_ms, 2),
            share(row.largest_share),
            f"{row.outside:,}",
        )
    return table
