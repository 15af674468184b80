"""Options of the commands that create labs, check them and remove them.

Commands import what they need when they run, so that help is fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tripcurve.command_options import JsonOption, LabArgument

__all__ = ["doctor", "down", "plan", "smoke", "status", "up"]

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


def doctor(
    lab: LabArgument = "quick",
    cloud: CloudOption = "azure",
    connection: ConnectionOption = None,
    subscription: SubscriptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List problems that would make `up` fail: sign-in, permissions, quotas, names, policy. Changes nothing."""
    import provision.commands as commands

    raise typer.Exit(commands.doctor(lab, commands.CloudOptions(cloud, connection, subscription), as_json))


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
