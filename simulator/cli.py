"""Options of the commands that compute in virtual time.

Commands import what they need when they run, so that help is fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tripcurve.command_options import JsonOption, LabArgument, RepeatOption, ScenarioOption
from tripcurve.errors import BadInput

__all__ = ["curve", "simulate", "tune"]

EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", help="local: the cores of this machine. dask: the workers of the Dask cluster at --scheduler."
    ),
]
SchedulerOption = Annotated[
    str | None, typer.Option("--scheduler", help="Address of a Dask scheduler, such as tcp://localhost:8786.")
]

ClientsOption = Annotated[
    str | None, typer.Option("--clients", help="How clients behave: none, openai, patient, storm or cancel.")
]
CalibrateFromOption = Annotated[
    Path | None,
    typer.Option("--from", help="A recorded run: simulate its lab and scenario, fitted to what it measured."),
]
MethodOption = Annotated[
    str | None, typer.Option("--method", help="fast or reference. By default fast, if it can simulate the lab.")
]
PercentagesOption = Annotated[
    list[int] | None, typer.Option("--percentage", help="Share of failures that trips it, in percent. Repeatable.")
]
HealthyFailuresOption = Annotated[
    float, typer.Option("--healthy-failures", help="Share of a healthy backend's answers that fail.", min=0, max=1)
]
HealthyFromOption = Annotated[
    Path | None, typer.Option("--from", help="Take --healthy-failures from the healthy phases of this recorded run.")
]
KeepOffOption = Annotated[
    float | None,
    typer.Option(
        "--keep-off",
        help="Smallest share of a failing backend's load that a rule must keep off. By default the lab's.",
        max=1,
    ),
]


def simulate(
    lab: LabArgument = "quick",
    scenario: ScenarioOption = "trip-and-recover",
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same run.", min=0)] = 0,
    clients: ClientsOption = None,
    retries: Annotated[
        int | None,
        typer.Option("--retries", help="How often each client retries. By default the scenario's max_retries."),
    ] = None,
    units: Annotated[int | None, typer.Option("--units", help="Number of gateway units. By default the lab's.")] = None,
    calibrate_from: CalibrateFromOption = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="With --from: send every request at its recorded instant.")
    ] = False,
    method: MethodOption = None,
    no_rows: Annotated[
        bool, typer.Option("--no-rows", help="Only count outcomes, without recording a run: for thousands of units.")
    ] = False,
    engine: EngineOption = "local",
    scheduler: SchedulerOption = None,
    run_dir: Annotated[
        Path | None,
        typer.Option("--run-dir", help="Folder to record the run in. By default runs/LAB-SCENARIO-simulated-TIME."),
    ] = None,
    repeat: RepeatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario in virtual time and record it as a run."""
    from simulator.commands.output import show
    from simulator.commands.simulate import simulate as simulate_run
    from simulator.engines import engine_of

    given = {"--clients": clients, "--retries": retries, "--method": method, "--repeat": repeat}
    if not no_rows and (engine != "local" or scheduler is not None):
        raise BadInput("--engine and --scheduler need --no-rows: rows are made on one core")
    if calibrate_from is not None:
        from simulator.commands.calibrated import simulate_from

        _refuse_beside("--from", {**given, "--units": units, "--no-rows": no_rows or None})
        show(simulate_from(calibrate_from, replay=replay, seed=seed, run_dir=run_dir)[1], as_json)
        return
    if replay:
        raise BadInput("--replay needs --from RUN, the run whose requests it sends again")
    if no_rows:
        from simulator.commands.simulate import count_outcomes

        _refuse_beside("--no-rows", {**given, "--run-dir": run_dir})
        show(count_outcomes(lab, scenario, seed=seed, units=units, engine=engine_of(engine, scheduler)), as_json)
        return
    one = partial(simulate_run, lab, scenario, clients=clients, retries=retries, units=units, method=method)
    if repeat is not None:
        from simulator.commands.repeat import repeat_simulation

        raise typer.Exit(repeat_simulation(lab, scenario, one, repeat, seed, run_dir, as_json))
    show(one(seed=seed, run_dir=run_dir)[1], as_json)


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
    from simulator.commands.curve import CurveOptions, curve_command
    from simulator.engines import engine_of

    computes = engine_of(engine, scheduler)
    options = CurveOptions(
        tuple(rates or (2.0, 20.0, 200.0)), count, retry_after, seeds, measure, tuple(runs or ()), computes
    )
    curve_command(lab, options, out, as_json)


def tune(
    lab: LabArgument = "quick",
    counts: Annotated[
        list[int] | None, typer.Option("--count", help="Number of failures that trips the breaker. Repeatable.")
    ] = None,
    percentages: PercentagesOption = None,
    intervals: Annotated[str, typer.Option("--interval", help="Counting intervals to try, such as PT1M,PT5M.")] = "",
    durations: Annotated[str, typer.Option("--duration", help="Trip durations to try, such as PT10S,PT1M.")] = "",
    retry_after: Annotated[
        bool, typer.Option("--retry-after", help="Try each rule with and without accept_retry_after.")
    ] = False,
    weights: Annotated[
        str, typer.Option("--weights", help="The incidents to simulate, and the weight of each.")
    ] = "brown-out=1,hard-fail=1,quota=1,slow=1",
    rate: Annotated[float, typer.Option("--rate", help="Requests per second.", min=0.01, max=10_000)] = 10.0,
    healthy_failures: HealthyFailuresOption = 0.001,
    healthy_from: HealthyFromOption = None,
    keep_off: KeepOffOption = None,
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


def _refuse_beside(option: str, others: Mapping[str, object]) -> None:
    """Raise BadInput if an option is given that cannot be combined with `option`. A value of None: not given."""
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise BadInput(f"{' and '.join(given)} cannot be used with {option}")
