"""Options and arguments that commands of several rooms have. Imports no room."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "CheckOption",
    "JsonOption",
    "LabArgument",
    "OptionalLabArgument",
    "OtelOption",
    "PrometheusOption",
    "RepeatOption",
    "ScenarioOption",
    "TargetOption",
    "UntilOption",
]


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


def _checks(given: list[str] | None) -> list[str] | None:
    if not given:
        return given
    from tripcurve.scenario.check_file import with_files

    return with_files(given)


LabArgument = Annotated[
    str,
    typer.Argument(
        metavar="LAB",
        help="A lab file, or the name of a built-in lab: quick, seed, pool, openai, quota, gateways, "
        "envoy, litellm, portkey.",
        autocompletion=_labs,
    ),
]
OptionalLabArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="LAB",
        help="A lab file, or the name of a built-in lab. By default quick, or the lab of what was recorded.",
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
CheckOption = Annotated[
    list[str] | None,
    typer.Option(
        "--check",
        metavar="CHECK",
        help="Fail (exit code 1) unless this holds, for example `time_to_trip_s.max < 2`. Repeatable. "
        "@FILE reads a file of checks.",
        callback=_checks,
    ),
]
RepeatOption = Annotated[
    int | None,
    typer.Option(
        "--repeat",
        metavar="N",
        help="Make N runs, one after the other, each with the next seed, and summarise the measures over them.",
        min=2,
        max=1000,
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="PRECISION",
        help="Repeat the run until a measure is known this well, such as `outage_s.median ± 5%` (or `+-`). At most "
        "--repeat runs, by default 50.",
    ),
]
PrometheusOption = Annotated[
    int | None,
    typer.Option(
        "--prometheus",
        metavar="PORT",
        min=1,
        max=65_535,
        help="Serve metrics while it runs, for Prometheus, at http://127.0.0.1:PORT/metrics.",
    ),
]
OtelOption = Annotated[
    bool,
    typer.Option("--otel", help="Export metrics, and spans of some requests, with OpenTelemetry (OTEL_* variables)."),
]
