"""Options of `tripcurve export`. `run` and `capacity` use two rooms, so `tripcurve/cli.py` declares them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tripcurve.command_options import LabArgument, ScenarioOption

__all__ = ["export"]


def export(
    lab: LabArgument,
    kind: Annotated[str, typer.Option("--kind", help="kubernetes, azure-load-testing, locust or grafana.")],
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
    """Write files for Kubernetes, Azure Load Testing, a locustfile of your own, or Grafana."""
    from locustfiles.commands.export import export_command

    code = export_command(lab, kind, out, scenario=scenario, target=target, key=key, workers=workers, image=image)
    raise typer.Exit(code)
