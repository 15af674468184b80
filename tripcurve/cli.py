"""The `tripcurve` command: the list of its commands, and those that need two rooms or none.

Every other command is declared in the `cli.py` of its room. That module is imported when the command is run or asked
for its help, and the room's other modules when it runs. So `tripcurve --help` and each command stay fast.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
import typer.main
from typer.core import TyperGroup

from tripcurve import __version__
from tripcurve.capacity_options import (
    HighestOption,
    LoadOption,
    PriceInOption,
    PriceOutOption,
    PricesOption,
    ProbeOption,
    RecordedOption,
    StartOption,
    SuccessOption,
    ToleranceOption,
    WhatIfOption,
    WindowOption,
)
from tripcurve.command_options import (
    CheckOption,
    JsonOption,
    LabArgument,
    OptionalLabArgument,
    OtelOption,
    PrometheusOption,
    RepeatOption,
    ScenarioOption,
    TargetOption,
    UntilOption,
)
from tripcurve.errors import INTERRUPTED, BadInput, TripcurveError

__all__ = ["app", "fetch_events", "main"]

EXIT_CODES = (
    "Exit codes: 0 success; 1 a check or limit failed; 2 bad usage, lab, scenario or run; 3 the target could not be "
    "provisioned or reached, or went away during the run; 4 the run or its report could not be written, or the "
    "run is not a valid measurement; 10 `plan` found changes; 130 interrupted."
)


def run(
    context: typer.Context,
    lab: LabArgument = "quick",
    scenario: ScenarioOption = "trip-and-recover",
    trace: Annotated[
        str,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="Send a trace again: CSV, JSON lines or Parquet with times and sizes, or a run directory. Its "
            "requests replace the loads of the phases of --scenario, which is then by default replay.",
        ),
    ] = "",
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
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of arrivals and prompts. By default the scenario's.", min=0)
    ] = None,
    repeat: RepeatOption = None,
    until: UntilOption = None,
    prometheus: PrometheusOption = None,
    otel: OtelOption = False,
    as_json: JsonOption = False,
) -> None:
    """Provision a lab, send traffic, record it, report, and clean up."""
    from locustfiles.commands.run import run as run_scenario
    from locustfiles.telemetry.choice import Exporters
    from tripcurve.run.repeats import number_of_runs, parse_until

    precision = None if until is None else parse_until(until)
    runs = 1 if repeat is None and precision is None else number_of_runs(repeat, precision)
    fetch = _fetch_of(lab) if target == "azure" else None
    if trace and getattr(context.get_parameter_source("scenario"), "name", "") == "DEFAULT":
        scenario = "replay"
    checks, exporters = check or [], Exporters(prometheus, otel)
    if runs == 1:
        code = run_scenario(
            *(lab, scenario, target, run_dir, checks, as_json, sharpen, fetch, trace), seed=seed, exporters=exporters
        )
        raise typer.Exit(code)
    from locustfiles.commands.repeat import Repeated, repeat_run
    from reports.commands.repeats import repeats_command

    folder, code = repeat_run(
        Repeated(lab, scenario, target, runs, precision, seed, checks, sharpen, trace, exporters), run_dir, fetch
    )
    repeats_command(folder, checks, as_json)
    raise typer.Exit(code)


def _fetch_of(lab: str) -> Callable[[Path], None] | None:
    """Record the rules that are in force on Azure now, and return what fetches the breaker's events after a run.

    None: the lab has no events.
    """
    from provision.commands import refresh_rules
    from tripcurve.lab import load_lab

    refresh_rules(lab)  # not those of the last `up`
    return fetch_events if load_lab(lab).events else None


def fetch_events(folder: Path) -> None:
    """Add the breaker's events that Event Grid has delivered so far to a run. A failure is a warning."""
    from provision.commands import CloudOptions
    from provision.monitoring.export import fetch_export
    from reports.commands.truth import import_truth

    try:
        with redirect_stdout(sys.stderr):  # stdout is for the report
            import_truth(folder, fetch_export(folder, "eventgrid", None, CloudOptions()))
    except TripcurveError as error:
        again = f"tripcurve truth {folder} --from eventgrid"
        typer.echo(f"warning: the breaker's events were not added: {error}\nlater: {again}", err=True)


def capacity(
    lab: OptionalLabArgument = None,
    scenario: LoadOption = "steady",
    target: TargetOption = "local",
    start: StartOption = 25.0,
    highest: HighestOption = 1600.0,
    probe: ProbeOption = "PT20S",
    success: SuccessOption = 0.99,
    tolerance: ToleranceOption = 0.1,
    recorded: RecordedOption = None,
    window: WindowOption = None,
    what_if: WhatIfOption = None,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    prices: PricesOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for report and runs. By default runs/LAB-capacity-TIME.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find, or read from records, the highest rate that a lab carries without a trip."""
    from reports.commands.capacity import CapacityOptions, capacity_command, prices_of, report_folder, simulated_from
    from tripcurve.scenario.search import Bounds

    bounds, code = Bounds(start, highest, _seconds(probe, "--probe"), success, tolerance), 0
    window_s = None if window is None else _seconds(window, "--window")
    options = CapacityOptions((), lab, success, window_s, prices_of(prices, price_in, price_out))
    names = simulated_from(recorded, lab, scenario) if recorded and what_if else (lab or "quick", scenario)
    if what_if:
        from simulator.commands.capacity import check_what_ifs, simulate_what_ifs

        check_what_ifs(*names, what_if, bounds)
    if recorded:
        folder, options = report_folder(recorded, out, lab), replace(options, sources=tuple(recorded))
    else:
        from locustfiles.commands.capacity import find_capacity

        folder, code = find_capacity(*names, target, out, bounds)
    if what_if and code == 0:
        options = replace(options, simulated=simulate_what_ifs(*names, what_if, bounds, folder))
    raise typer.Exit(capacity_command(folder, as_json, options, code))


def compare_gateways(
    lab: LabArgument = "gateways",
    kinds: Annotated[
        str, typer.Option("--kinds", help="Kinds of gateways to run, in this order, with commas between them.")
    ] = "apim,envoy,litellm,portkey",
    scenario: ScenarioOption = "trip-and-recover",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the runs. By default runs/LAB-gateways-TIME.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run one scenario against several kinds of gateways. They start on localhost, one after another."""
    from locustfiles.commands.compare_gateways import run_gateways
    from provision.local.gateways.catalogue import missing_program
    from reports.commands.compare_gateways import compare_gateways_command

    chosen = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    folder, code = run_gateways(lab, scenario, chosen, out, missing_program)
    reported = compare_gateways_command(folder, as_json)
    raise typer.Exit(code or reported)


def truth(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    export: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Azure's record of the run: a file with Event Grid events, ApiManagementGatewayLogs, or requests and "
            "dependencies of Application Insights (CSV, JSON or JSON lines). Or loganalytics or eventgrid: fetch it.",
        ),
    ],
    queue: Annotated[
        str | None, typer.Option("--queue", help="URL of the storage queue that Event Grid delivers to, for eventgrid.")
    ] = None,
    cloud: Annotated[str, typer.Option("--cloud", help="Where to fetch from: azure, or local.")] = "azure",
    connection: Annotated[
        Path | None,
        typer.Option("--connection", help="File with the JSON line of `tripcurve local`, for --cloud local."),
    ] = None,
    subscription: Annotated[
        str | None, typer.Option("--subscription", help="Azure subscription id. By default as for `tripcurve up`.")
    ] = None,
) -> None:
    """Set a run beside what Azure itself recorded of its breakers."""
    from reports.commands.truth import check_replaceable, import_truth

    if export not in ("loganalytics", "eventgrid"):
        raise typer.Exit(import_truth(run_dir, Path(export)))
    from provision.commands import CloudOptions
    from provision.monitoring.export import fetch_export

    check_replaceable(run_dir)
    fetched = fetch_export(run_dir, export, queue, CloudOptions(cloud, connection, subscription))
    raise typer.Exit(import_truth(run_dir, fetched))


def _seconds(text: str, option: str) -> float:
    from tripcurve.durations import parse_seconds

    try:
        return parse_seconds(text)
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from None


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


class _Declared(NamedTuple):
    """Where a command's function is, and the first line of its help, which the overview shows without importing it.

    `function`: itself, or its address as "module:function".
    """

    function: Callable[..., None] | str
    summary: str


COMMANDS = {
    "run": _Declared(run, "Provision a lab, send traffic, record it, report, and clean up."),
    "validate": _Declared(validate, "Check a lab or scenario file."),
    "lint": _Declared("provision.local.cli:lint", "List what API Management would refuse, with line and column."),
    "init": _Declared("tripcurve.scaffold.cli:init", "Write a commented lab and scenario to start from."),
    "doctor": _Declared(
        "provision.cli:doctor", "List problems that would make `up` fail: sign-in, permissions, quotas, names, policy."
    ),
    "up": _Declared("provision.cli:up", "Create the lab or correct what differs from it."),
    "plan": _Declared("provision.cli:plan", "Show what `up` would create or change."),
    "status": _Declared("provision.cli:status", "Compare the resources that exist with the lab file."),
    "smoke": _Declared("provision.cli:smoke", "Send two test requests: one over plain HTTP, one with the SDK."),
    "down": _Declared("provision.cli:down", "Delete the resources that `up` created, and nothing else."),
    "local": _Declared("provision.local.cli:local", "Run the local cloud in the foreground until interrupted."),
    "report": _Declared("reports.cli:report", "Analyse a recorded run and write its reports."),
    "open": _Declared("reports.cli:open_report", "Show the report of a run in the browser."),
    "runs": _Declared("reports.cli:runs", "List the recorded runs with their main measures."),
    "truth": _Declared(truth, "Set a run beside what Azure itself recorded of its breakers."),
    "compare": _Declared("reports.cli:compare", "Compare a run with a base run, or two groups of runs."),
    "capacity": _Declared(capacity, "Find, or read from records, the highest rate that a lab carries without a trip."),
    "compare-gateways": _Declared(compare_gateways, "Run one scenario against several kinds of gateways."),
    "simulate": _Declared("simulator.cli:simulate", "Run a scenario in virtual time and record it as a run."),
    "curve": _Declared("simulator.cli:curve", "Draw the trip curve: time to trip against overload."),
    "tune": _Declared("simulator.cli:tune", "Find breaker rules that no other rule beats, in virtual time."),
    "export": _Declared(
        "locustfiles.cli:export",
        "Write files for Kubernetes, Azure Load Testing, a locustfile of your own, or Grafana.",
    ),
}


class _Commands(Mapping[str, Any]):
    """The commands by name, in the order of the overview. Each is made when it is first asked for."""

    def __getitem__(self, name: str) -> Any:
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@cache
def _command(name: str) -> Any:
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name, epilog=EXIT_CODES if name == "run" else None)(_function(COMMANDS[name].function))
    return typer.main.get_command(alone)


def _function(declared: Callable[..., None] | str) -> Callable[..., None]:
    if not isinstance(declared, str):
        return declared
    module, _, name = declared.partition(":")
    function: Callable[..., None] = getattr(import_module(module), name)
    return function


class _Group(TyperGroup):
    """The command's overview and the way to each command."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()  # type: ignore[assignment]  # only read

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, declared.summary) for name, declared in COMMANDS.items()])


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Load testing for the circuit breaker of an AI gateway.",
    epilog=EXIT_CODES,
)


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


def main() -> None:
    """Run the command. A TripcurveError becomes one message on stderr and its exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no "·" or "±" gets a "?" and not a traceback
    try:
        app()
    except TripcurveError as error:
        typer.echo(f"tripcurve: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
