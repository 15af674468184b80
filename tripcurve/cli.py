"""The `tripcurve` command: each command parses its options, calls one of the rooms and exits with its code.

Rooms are imported inside the commands, so that `tripcurve --help` stays fast.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from tripcurve import __version__
from tripcurve.errors import BadInput, TripcurveError

__all__ = ["app", "main"]

EXIT_CODES = (
    "Exit codes: 0 success; 1 a check or limit failed; 2 bad usage, lab, scenario or run; 3 the target could not be "
    "provisioned or reached, or went away during the run; 4 the run or its report could not be written, or the "
    "run is not a valid measurement; 10 `plan` found changes; 130 interrupted."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Load testing for the circuit breaker of an AI gateway.",
    epilog=EXIT_CODES,
)


def _labs(incomplete: str) -> list[str]:
    """Return the built-in labs that begin so, for the shell's completion, which adds the files."""
    from tripcurve.lab import LABS
    from tripcurve.shipped import shipped_names

    return [name for name in shipped_names(LABS, ".yaml") if name.startswith(incomplete)]


def _scenarios(incomplete: str) -> list[str]:
    """Return the built-in scenarios that begin so, for the shell's completion, which adds the files."""
    from tripcurve.scenario import SCENARIOS
    from tripcurve.shipped import shipped_names

    return [name for name in shipped_names(SCENARIOS, ".yaml") if name.startswith(incomplete)]


LabArgument = Annotated[
    str,
    typer.Argument(
        metavar="LAB",
        help="A lab file, or the name of a built-in lab: quick, seed, pool, openai, quota.",
        autocompletion=_labs,
    ),
]
ScenarioOption = Annotated[
    str,
    typer.Option("--scenario", help="A scenario file, or the name of a built-in scenario.", autocompletion=_scenarios),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; messages go to stderr.")]
TargetOption = Annotated[
    str,
    typer.Option(
        "--target",
        help="local: start a gateway for this run. azure: use the lab that `up` created. "
        "Or the URL of a gateway, whose key is in TRIPCURVE_API_KEY.",
    ),
]
CloudOption = Annotated[
    str,
    typer.Option(
        "--cloud", help="azure, or local: the running local cloud that --connection or TRIPCURVE_LOCAL names."
    ),
]
ConnectionOption = Annotated[
    Path | None,
    typer.Option("--connection", help="File with the JSON line that `tripcurve local` printed, for --cloud local."),
]
SubscriptionOption = Annotated[
    str | None,
    typer.Option("--subscription", help="Azure subscription id. By default the lab's, then AZURE_SUBSCRIPTION_ID."),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", help="local: the cores of this machine. dask: the workers of the Dask cluster at --scheduler."
    ),
]
SchedulerOption = Annotated[
    str | None, typer.Option("--scheduler", help="Address of a Dask scheduler, such as tcp://localhost:8786.")
]
CheckOption = Annotated[
    list[str] | None,
    typer.Option(
        "--check",
        metavar="CHECK",
        help="Fail (exit code 1) unless this holds, for example `time_to_trip_s.max < 2`. Repeatable.",
    ),
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tripcurve {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version


@app.command(epilog=EXIT_CODES)
def run(
    lab: LabArgument = "quick",
    scenario: ScenarioOption = "trip-and-recover",
    target: TargetOption = "local",
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="Folder to record the run in. By default runs/LAB-SCENARIO-TIME.")
    ] = None,
    check: CheckOption = None,
    sharpen: Annotated[
        bool,
        typer.Option(
            "--sharpen/--no-sharpen",
            help="Send dense probes to an open breaker near its expected reset, to time the reset.",
        ),
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Provision a lab, send traffic, record it, report, and clean up."""
    from locustfiles.commands.run import run as run_scenario

    if target == "azure":
        from provision.commands import refresh_rules

        refresh_rules(lab)  # record the rules in force now, not those of the last `up`
    raise typer.Exit(run_scenario(lab, scenario, target, run_dir, check or [], as_json, sharpen))


@app.command()
def validate(
    name: Annotated[
        str,
        typer.Argument(metavar="LAB|SCENARIO", help="A lab or scenario file, or the name of a built-in one."),
    ],
    lab: Annotated[
        str | None, typer.Option("--lab", metavar="LAB", help="Check that the scenario fits this lab.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a lab or scenario file. Starts and creates nothing."""
    from tripcurve.validate import validate as validate_file

    raise typer.Exit(validate_file(name, lab, as_json))


@app.command()
def lint(
    files: Annotated[
        list[str], typer.Argument(metavar="POLICY.xml|LAB", help="Policy or lab files, or names of built-in labs.")
    ],
    form: Annotated[str, typer.Option("--format", help="text, json, or sarif (for code scanning).")] = "text",
    named_value: Annotated[
        list[str] | None,
        typer.Option("--named-value", metavar="NAME=VALUE", help="A named value that a policy file uses. Repeatable."),
    ] = None,
) -> None:
    """List what API Management would refuse, with line and column."""
    from provision.local.lint import lint as lint_files

    raise typer.Exit(lint_files(files, form, named_value or []))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to write to.")] = Path("."),
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the lab. By default asked for, or the folder's name.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a commented lab and scenario to start from."""
    from tripcurve.scaffold import init as write_files

    raise typer.Exit(write_files(folder, name, as_json))


@app.command()
def up(
    lab: LabArgument,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create the lab or correct what differs from it. A second `up` changes nothing."""
    import provision.commands as commands

    raise typer.Exit(commands.up(lab, commands.CloudOptions(cloud, connection, subscription), as_json))


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

    raise typer.Exit(commands.plan(lab, commands.CloudOptions(cloud, connection, subscription), as_json))


@app.command()
def status(
    lab: LabArgument,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the resources that exist with the lab file."""
    import provision.commands as commands

    raise typer.Exit(commands.status(lab, commands.CloudOptions(cloud, connection, subscription), as_json))


@app.command()
def smoke(
    lab: LabArgument,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send two test requests: one over plain HTTP, one with the SDK."""
    import provision.commands as commands

    raise typer.Exit(commands.smoke(lab, commands.CloudOptions(cloud, connection, subscription), as_json))


@app.command()
def down(
    lab: LabArgument,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also purge the resources that Azure would keep as soft-deleted.")
    ] = False,
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete the resources that `up` created, and nothing else."""
    import provision.commands as commands

    raise typer.Exit(commands.down(lab, commands.CloudOptions(cloud, connection, subscription), purge, as_json))


@app.command()
def local(
    lab: Annotated[
        str | None, typer.Argument(metavar="LAB", help="A lab to provision once the local cloud is running.")
    ] = None,
    port: Annotated[
        int, typer.Option("--port", help="Port of the control plane; 0 takes any free port.", min=0, max=65535)
    ] = 0,
    gateway_port: Annotated[
        int, typer.Option("--gateway-port", help="Port of the gateway; 0 takes any free port.", min=0, max=65535)
    ] = 0,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", help="Folder for events, logs and certificates. By default a private temporary folder."
        ),
    ] = None,
    stop_with_stdin: Annotated[
        bool, typer.Option("--stop-with-stdin", help="Stop when standard input ends, for programs that start this one.")
    ] = False,
) -> None:
    """Run the local cloud in the foreground until interrupted."""
    from provision.local.command import run_local

    raise typer.Exit(
        run_local(lab, port=port, gateway_port=gateway_port, data_dir=data_dir, stop_with_stdin=stop_with_stdin)
    )


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.")],
    check: CheckOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Also write trips, time bins and requests as CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Analyse a recorded run and write its reports."""
    from reports.commands.report import report as make_report

    raise typer.Exit(make_report(run_dir, check or [], as_json, as_csv))


@app.command("open")
def open_report(
    run_dir: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="The run directory. By default the newest run in runs.")
    ] = None,
) -> None:
    """Show the report of a run in the browser."""
    from reports.commands.open import open_report as open_page

    raise typer.Exit(open_page(run_dir))


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that contains the run directories.")] = Path(
        "runs"
    ),
    trend: Annotated[
        str | None,
        typer.Option("--trend", help="Also draw this measure over the runs, for example time_to_trip_s.median."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the recorded runs with their main measures."""
    from reports.commands.runs import runs_command

    raise typer.Exit(runs_command(folder, trend, as_json))


@app.command()
def truth(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    export: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="FILE",
            help="What Azure recorded of the run: Event Grid events, ApiManagementGatewayLogs, or requests and "
            "dependencies of Application Insights; CSV, JSON or JSON lines.",
        ),
    ],
) -> None:
    """Set a run beside what Azure itself recorded of its breakers."""
    from reports.commands.truth import import_truth

    raise typer.Exit(import_truth(run_dir, export))


@app.command()
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


@app.command()
def capacity(
    lab: LabArgument = "quick",
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario", help="Scenario whose users, request sizes and checks are used. Its phases are replaced."
        ),
    ] = "steady",
    target: TargetOption = "local",
    start: Annotated[float, typer.Option("--from", help="First rate to try, in requests per second.")] = 25.0,
    highest: Annotated[float, typer.Option("--to", help="Highest rate to try, in requests per second.")] = 1600.0,
    probe: Annotated[
        str, typer.Option("--probe", help="How long each rate is held: an ISO 8601 duration or seconds.")
    ] = "PT20S",
    success: Annotated[
        float,
        typer.Option(
            "--success", help="Smallest share of 2xx answers at which a rate counts as carried.", min=0, max=1
        ),
    ] = 0.99,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Stop when the search range is within this fraction of the rate.")
    ] = 0.1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the probes' runs. By default runs/LAB-capacity-TIME.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the highest rate that a lab carries without a trip."""
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
def simulate(
    lab: LabArgument = "quick",
    scenario: ScenarioOption = "trip-and-recover",
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same run.", min=0)] = 0,
    clients: Annotated[
        str | None, typer.Option("--clients", help="How clients react to failures: none, sdk, patient or storm.")
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option("--retries", help="How often each client retries. By default the scenario's max_retries."),
    ] = None,
    units: Annotated[int | None, typer.Option("--units", help="Number of gateway units. By default the lab's.")] = None,
    calibrate_from: Annotated[
        Path | None,
        typer.Option("--from", help="A recorded run: simulate its lab and scenario, fitted to what it measured."),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="With --from: send every request at its recorded instant.")
    ] = False,
    method: Annotated[
        str | None, typer.Option("--method", help="fast or reference. By default fast, if it can simulate the lab.")
    ] = None,
    no_rows: Annotated[
        bool, typer.Option("--no-rows", help="Only count outcomes, without recording a run: for thousands of units.")
    ] = False,
    engine: EngineOption = "local",
    scheduler: SchedulerOption = None,
    run_dir: Annotated[
        Path | None,
        typer.Option("--run-dir", help="Folder to record the run in. By default runs/LAB-SCENARIO-simulated-TIME."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario in virtual time and record it as a run."""
    from simulator.commands.output import show
    from simulator.commands.simulate import simulate as simulate_run
    from simulator.engines import engine_of

    if not no_rows and (engine != "local" or scheduler is not None):
        raise BadInput("--engine and --scheduler need --no-rows: rows are made on one core")
    if calibrate_from is not None:
        from simulator.commands.calibrated import simulate_from

        _refuse_beside(
            "--from",
            {"--clients": clients, "--retries": retries, "--units": units, "--method": method}
            | {"--no-rows": no_rows or None},
        )
        show(simulate_from(calibrate_from, replay=replay, seed=seed, run_dir=run_dir)[1], as_json)
        return
    if replay:
        raise BadInput("--replay needs --from RUN, the run whose requests it sends again")
    if no_rows:
        from simulator.commands.simulate import count_outcomes

        _refuse_beside(
            "--no-rows",
            {"--clients": clients, "--retries": retries, "--method": method, "--run-dir": run_dir},
        )
        show(count_outcomes(lab, scenario, seed=seed, units=units, engine=engine_of(engine, scheduler)), as_json)
        return
    _, result = simulate_run(
        lab, scenario, seed=seed, clients=clients, retries=retries, units=units, method=method, run_dir=run_dir
    )
    show(result, as_json)


def _refuse_beside(option: str, others: Mapping[str, object]) -> None:
    """Raise BadInput if an option is given that cannot be combined with `option`. A value of None: not given."""
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise BadInput(f"{' and '.join(given)} cannot be used with {option}")


@app.command()
def curve(
    lab: LabArgument = "quick",
    rates: Annotated[
        list[float] | None, typer.Option("--rate", help="Requests per second. Repeatable. By default 2, 20 and 200.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", help="Number of failures that trips the breaker. By default the lab's.")
    ] = None,
    retry_after: Annotated[bool, typer.Option("--retry-after", help="Set the rule's accept_retry_after.")] = False,
    seeds: Annotated[int, typer.Option("--seeds", help="Runs for each point.", min=20, max=10_000)] = 100,
    measure: Annotated[
        int, typer.Option("--measure", help="Number of points to measure on the local cloud as well.", min=0, max=50)
    ] = 0,
    runs: Annotated[
        list[Path] | None, typer.Option("--run", help="Also draw the trips of this recorded run. Repeatable.")
    ] = None,
    engine: EngineOption = "local",
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the curve. By default runs/LAB-curve-TIME.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the trip curve: time to trip against overload."""
    from simulator.commands.curve import Asked, curve_command
    from simulator.engines import engine_of

    computes = engine_of(engine, scheduler)
    asked = Asked(tuple(rates or (2.0, 20.0, 200.0)), count, retry_after, seeds, measure, tuple(runs or ()), computes)
    curve_command(lab, asked, out, as_json)


@app.command()
def tune(
    lab: LabArgument = "quick",
    counts: Annotated[
        list[int] | None, typer.Option("--count", help="Number of failures that trips the breaker. Repeatable.")
    ] = None,
    percentages: Annotated[
        list[int] | None, typer.Option("--percentage", help="Share of failures that trips it, in percent. Repeatable.")
    ] = None,
    intervals: Annotated[str, typer.Option("--interval", help="Counting intervals to try, such as PT1M,PT5M.")] = "",
    durations: Annotated[str, typer.Option("--duration", help="Trip durations to try, such as PT10S,PT1M.")] = "",
    retry_after: Annotated[
        bool, typer.Option("--retry-after", help="Try each rule with and without accept_retry_after.")
    ] = False,
    weights: Annotated[
        str, typer.Option("--weights", help="The incidents to simulate, and the weight of each.")
    ] = "brown-out=1,hard-fail=1,quota=1,slow=1",
    rate: Annotated[float, typer.Option("--rate", help="Requests per second.", min=0.01, max=10_000)] = 10.0,
    healthy_failures: Annotated[
        float, typer.Option("--healthy-failures", help="Share of a healthy backend's answers that fail.", min=0, max=1)
    ] = 0.001,
    healthy_from: Annotated[
        Path | None,
        typer.Option("--from", help="Take --healthy-failures from the healthy phases of this recorded run."),
    ] = None,
    keep_off: Annotated[
        float | None,
        typer.Option(
            "--keep-off",
            help="Smallest share of a failing backend's load that a rule must keep off. By default the lab's.",
            max=1,
        ),
    ] = None,
    false_trips: Annotated[
        float, typer.Option("--false-trips", help="Most trips per day that a healthy backend may have.", min=0)
    ] = 1.0,
    retries: Annotated[
        int, typer.Option("--retries", help="How often each client retries, without a pause.", min=0, max=10)
    ] = 0,
    units: Annotated[
        int | None, typer.Option("--units", help="Number of gateway units. By default the lab's.", min=1)
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Number of simulations of each rule.", min=2, max=1000)] = 10,
    engine: EngineOption = "local",
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the report and for a lab with the best rule.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find breaker rules that no other rule beats, in virtual time."""
    from simulator.commands.tune import Grid, durations_of, tune_lab, weights_of
    from simulator.commands.tune_output import show_tuned
    from simulator.engines import engine_of
    from simulator.trials import Plan

    grid = Grid(
        counts or (),
        percentages or (),
        durations_of(intervals, "--interval"),
        durations_of(durations, "--duration"),
        (False, True) if retry_after else (),
    )
    plan = Plan(weights_of(weights), rate, 0.0, 0.0, healthy_failures, retries=retries, seeds=tuple(range(seeds)))
    tuned = tune_lab(
        lab,
        grid,
        plan,
        units=units,
        healthy_from=healthy_from,
        least_kept_off=keep_off,
        most_false_trips=false_trips,
        engine=engine_of(engine, scheduler),
    )
    show_tuned(tuned, out, as_json)


@app.command()
def export(
    lab: LabArgument,
    kind: Annotated[str, typer.Option("--kind", help="kubernetes or azure-load-testing.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A new or empty folder for the files.")],
    scenario: ScenarioOption = "trip-and-recover",
    target: Annotated[
        str | None,
        typer.Option("--target", help="The gateway's URL. By default the one that Azure gives the lab's gateway."),
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            "--key",
            help="Where the gateway's key is: the name of a Kubernetes secret or the URL of a Key Vault secret.",
        ),
    ] = "tripcurve-key",
    workers: Annotated[
        int,
        typer.Option(
            "--workers", help="Number of Locust workers, or of engine instances in Azure Load Testing.", min=1
        ),
    ] = 1,
    image: Annotated[str, typer.Option("--image", help="Container image to run, for kubernetes.")] = "tripcurve:latest",
) -> None:
    """Write files to run a lab on Kubernetes or Azure Load Testing."""
    from locustfiles.commands.export import export_command

    code = export_command(lab, kind, out, scenario=scenario, target=target, key=key, workers=workers, image=image)
    raise typer.Exit(code)


def main() -> None:
    """Run the command. A TripcurveError becomes one message on stderr and its exit code."""
    try:
        app()
    except TripcurveError as error:
        typer.echo(f"tripcurve: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
