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
    run_dir: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run directory, or with --index a folder of them.")
    ],
    check: CheckOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Also write trips, time bins and requests as CSV.")] = False,
    index: Annotated[
        bool, typer.Option("--index", help="RUN is a folder of runs: write a page that lists them, and their trends.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Analyse a recorded run and write its reports."""
    if index:
        from reports.commands.index import index_command

        if check or as_csv:
            raise BadInput("--index lists runs that are reported; --check and --csv are for one run")
        raise typer.Exit(index_command(run_dir, as_json))
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
    base: Annotated[Path, typer.Argument(metavar="BASE", help="The run to compare with, or a folder of runs.")],
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="The run to judge, or a folder of runs.")],
    more_base: Annotated[
        list[Path] | None,
        typer.Option("--base", metavar="PATH", help="Another run, or folder of runs, to compare with. Repeatable."),
    ] = None,
    more_runs: Annotated[
        list[Path] | None,
        typer.Option("--run", metavar="PATH", help="Another run, or folder of runs, to judge. Repeatable."),
    ] = None,
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
    """Compare a run with a base run, or two groups of runs. Exit code 1 if a limit is exceeded or cannot be judged."""
    from reports.commands.compare import compare_command, compare_groups_command
    from reports.statistics.groups import is_group

    sides = [base, *(more_base or [])], [run_dir, *(more_runs or [])]
    limits = limit or []
    if any(len(side) > 1 or is_group(side[0]) for side in sides):
        code = compare_groups_command(*sides, limits, as_json, anyway=anyway, allow_undecided=allow_undecided)
    else:
        code = compare_command(base, run_dir, limits, as_json, anyway=anyway, allow_undecided=allow_undecided)
    raise typer.Exit(code)
