"""Options of the commands that read recorded runs.

Commands import what they need when they run, so that help is fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tripcurve.command_options import CheckOption, JsonOption
from tripcurve.errors import BadInput

__all__ = ["compare", "open_report", "report", "runs"]


def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.")],
    check: CheckOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Also write trips, time bins and requests as CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Analyse a recorded run and write its reports."""
    from reports.commands.report import report as make_report

    raise typer.Exit(make_report(run_dir, check or [], as_json, as_csv))


def open_report(
    run_dir: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="The run directory. By default the newest run in runs.")
    ] = None,
) -> None:
    """Show the report of a run in the browser."""
    from reports.commands.open import open_report as open_page

    raise typer.Exit(open_page(run_dir))


def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that contains the run directories.")] = Path(
        "runs"
    ),
    trend: Annotated[
        str | None,
        typer.Option("--trend", help="Also draw this measure over the runs, for example time_to_trip_s.median."),
    ] = None,
    calibration: Annotated[
        bool,
        typer.Option(
            "--calibration",
            help="Instead, compare errors with half-widths over all runs for which the gateway kept a record; exit "
            "with 1 if an error is larger.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the recorded runs with their main measures."""
    from reports.commands.calibration import calibration_command
    from reports.commands.runs import runs_command

    if calibration and trend is not None:
        raise BadInput("--calibration and --trend print different things; give one of them")
    if calibration:
        raise typer.Exit(calibration_command(folder, as_json))
    raise typer.Exit(runs_command(folder, trend, as_json))


def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="The run to compare with.")],
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="The run to judge.")],
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="LIMIT",
            help="How much worse a measure may get: `outage_s.max=2` or `latency_ms.p99=10%`. Repeatable.",
        ),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare runs that differ in lab, scenario, load, target or version.")
    ] = False,
    allow_undecided: Annotated[
        bool, typer.Option("--allow-undecided", help="Pass a limit that too few values leave undecided.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare a run with a base run. Exit code 1 if a limit is exceeded or cannot be judged."""
    from reports.statistics.comparison import compare_command

    raise typer.Exit(
        compare_command(base, run_dir, limit or [], as_json, anyway=anyway, allow_undecided=allow_undecided)
    )
