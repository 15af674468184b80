"""Options of `tripcurve init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tripcurve.command_options import JsonOption

__all__ = ["init"]


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
