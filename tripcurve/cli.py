"""The `tripcurve` command: flags in, one of the three rooms called, exit code out.

It only wires. Rooms are imported inside the commands, so that `tripcurve --help` stays fast.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tripcurve import __version__
from tripcurve.errors import BadInput, TripcurveError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Load testing for the circuit breaker of an AI gateway.",
    epilog="Exit codes: 0 fine; 1 a check failed; 2 bad usage or bad lab; 3 target not provisioned or reached; "
    "130 interrupted.",
)

LabArgument = Annotated[
    str, typer.Argument(metavar="LAB", help="A lab file, or the name of one that ships: quick, seed, pool.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; all else goes to stderr.")]
TargetOption = Annotated[
    str,
    typer.Option(
        "--target", help="local (embedded), azure (an `up` lab), or a gateway's URL with TRIPCURVE_API_KEY set."
    ),
]
CloudOption = Annotated[
    str, typer.Option("--cloud", help="azure, or local: the local cloud named by --connection or TRIPCURVE_LOCAL.")
]
ConnectionOption = Annotated[
    Path | None,
    typer.Option("--connection", help="File holding the JSON line of `tripcurve local`, for --cloud local."),
]
SubscriptionOption = Annotated[
    str | None,
    typer.Option("--subscription", help="Azure subscription id; else the lab's, else AZURE_SUBSCRIPTION_ID."),
]
CheckOption = Annotated[
    list[str] | None,
    typer.Option("--check", help="A check over the summary, as in `time_to_trip_s.max < 2`. Repeatable."),
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tripcurve {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command()
def run(
    lab: LabArgument = "quick",
    scenario: Annotated[
        str, typer.Option("--scenario", help="A scenario file, or the name of one that ships.")
    ] = "trip-and-recover",
    target: TargetOption = "local",
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="Where the run goes; default runs/LAB-SCENARIO-TIME.")
    ] = None,
    check: CheckOption = None,
    as_json: JsonOption = False,
) -> None:
    """Provision, drive the scenario, record, report, tear down: the main job."""
    from locustfiles.commands.run import run as run_scenario

    if target == "azure":
        from provision.commands import refresh_rules

        refresh_rules(lab)  # the record holds the rules that are in force, not those of the last `up`
    raise typer.Exit(run_scenario(lab, scenario, target, run_dir, check or [], as_json))


@app.command()
def up(
    lab: LabArgument,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create or mend the lab: a second `up` changes nothing."""
    import provision.commands as commands

    raise typer.Exit(commands.up(lab, cloud, connection, subscription, as_json))


@app.command()
def plan(
    lab: LabArgument,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `up` would create or change. Exit code 0: nothing; 10: something."""
    import provision.commands as commands

    raise typer.Exit(commands.plan(lab, cloud, connection, subscription, as_json))


@app.command()
def status(
    lab: LabArgument,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what of the lab exists, and any drift."""
    import provision.commands as commands

    raise typer.Exit(commands.status(lab, cloud, connection, subscription, as_json))


@app.command()
def smoke(
    lab: LabArgument,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """The seed's two tests: a raw HTTP call, and the AzureOpenAI client."""
    import provision.commands as commands

    raise typer.Exit(commands.smoke(lab, cloud, connection, subscription, as_json))


@app.command()
def down(
    lab: LabArgument,
    purge: Annotated[bool, typer.Option("--purge", help="Also purge what Azure keeps soft-deleted.")] = False,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete what `up` created, and nothing else."""
    import provision.commands as commands

    raise typer.Exit(commands.down(lab, purge, cloud, connection, subscription, as_json))


@app.command()
def local(
    lab: Annotated[str | None, typer.Argument(metavar="[LAB]", help="A lab to provision once the cloud is up.")] = None,
    port: Annotated[
        int, typer.Option("--port", help="Port of the control plane; 0: any free one.", min=0, max=65535)
    ] = 0,
    gateway_port: Annotated[
        int, typer.Option("--gateway-port", help="Port of the gateway; 0: any free one.", min=0, max=65535)
    ] = 0,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder for events, logs and certificates; default a private temporary one."),
    ] = None,
    stop_with_stdin: Annotated[
        bool, typer.Option("--stop-with-stdin", help="Stop when standard input ends: for programs that start this one.")
    ] = False,
) -> None:
    """Run Azure on localhost in the foreground, until interrupted."""
    from provision.local.command import run_local

    raise typer.Exit(
        run_local(lab, port=port, gateway_port=gateway_port, data_dir=data_dir, stop_with_stdin=stop_with_stdin)
    )


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    check: CheckOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Also write trips, time bins and requests as CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find the trips in a recorded run and write its reports."""
    from reports.commands.report import report as make_report

    raise typer.Exit(make_report(run_dir, check or [], as_json, as_csv))


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder of run directories.")] = Path("runs"),
    trend: Annotated[
        str | None, typer.Option("--trend", help="Draw this measure over the runs, as in time_to_trip_s.median.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs with their headline measures; --trend draws one of them over time."""
    from reports.commands.runs import runs_command

    raise typer.Exit(runs_command(folder, trend, as_json))


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="The run to compare with.")],
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="The run to judge.")],
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit", help="How much worse a measure may be: `outage_s.max=2`, `latency_ms.p99=10%`. Repeatable."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Set two runs side by side; exit code 1 when a limit is exceeded."""
    from reports.statistics.comparison import compare_command

    raise typer.Exit(compare_command(base, run_dir, limit or [], as_json))


@app.command()
def capacity(
    lab: LabArgument = "quick",
    scenario: Annotated[
        str, typer.Option("--scenario", help="Users, sizes and checks are this scenario's; its phases are replaced.")
    ] = "steady",
    target: TargetOption = "local",
    start: Annotated[float, typer.Option("--from", help="First rate to try, requests per second.")] = 25.0,
    highest: Annotated[float, typer.Option("--to", help="Highest rate to try.")] = 1600.0,
    probe: Annotated[str, typer.Option("--probe", help="How long each rate is held: PT20S, or seconds.")] = "PT20S",
    success: Annotated[float, typer.Option("--success", help="Share of 2xx that is asked for.", min=0, max=1)] = 0.99,
    tolerance: Annotated[float, typer.Option("--tolerance", help="How narrow the answer shall be, as a share.")] = 0.1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the probes; default runs/LAB-capacity-TIME.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the highest rate that is carried: no trip, and within the limits."""
    from locustfiles.commands.capacity import Bounds, find_capacity
    from reports.commands.capacity import capacity_command

    bounds = Bounds(start, highest, _seconds(probe), success, tolerance)
    folder, code = find_capacity(lab, scenario, target, out, bounds)
    raise typer.Exit(capacity_command(folder, as_json) if code == 0 else code)


def _seconds(text: str) -> float:
    from tripcurve.durations import parse_seconds

    try:
        return parse_seconds(text)
    except ValueError as error:
        raise BadInput(f"--probe: {error}") from None


@app.command()
def export(
    lab: LabArgument,
    kind: Annotated[str, typer.Option("--kind", help="kubernetes or azure-load-testing.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A new or empty folder for the files.")],
    scenario: Annotated[
        str, typer.Option("--scenario", help="A scenario file, or the name of one that ships.")
    ] = "trip-and-recover",
    target: Annotated[
        str | None, typer.Option("--target", help="The gateway's URL; default the one Azure gives the lab's gateway.")
    ] = None,
    key: Annotated[
        str, typer.Option("--key", help="Where the key is: a Kubernetes secret's name, or a Key Vault secret's URL.")
    ] = "tripcurve-key",
    workers: Annotated[int, typer.Option("--workers", help="Workers, or engine instances.", min=1)] = 1,
    image: Annotated[str, typer.Option("--image", help="Container image, for kubernetes.")] = "tripcurve:latest",
) -> None:
    """Write Kubernetes manifests or an Azure Load Testing configuration for a lab."""
    from locustfiles.commands.export import export_command

    code = export_command(lab, kind, out, scenario=scenario, target=target, key=key, workers=workers, image=image)
    raise typer.Exit(code)


def main() -> None:
    """Run the command; our own failures become one message on stderr and their exit code."""
    try:
        app()
    except TripcurveError as error:
        typer.echo(f"tripcurve: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
