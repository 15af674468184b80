"""Options of `tripcurve local` and `tripcurve lint`.

Commands import what they need when they run, so that help is fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["lint", "local"]


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
