"""Options and arguments that commands of several rooms have. Imports no room."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["CheckOption", "JsonOption", "LabArgument", "ScenarioOption", "TargetOption"]


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
        help="A lab file, or the name of a built-in lab: quick, seed, pool, openai, quota, gateways.",
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
        help="Fail (exit code 1) unless this holds, for example `time_to_trip_s.max < 2`. Repeatable.",
    ),
]
