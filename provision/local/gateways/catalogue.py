"""The gateway programs that `tripcurve local` can start, by `gateway.kind`."""

from __future__ import annotations

from collections.abc import Mapping

from provision.local.gateways.envoy import ENVOY
from provision.local.gateways.litellm import LITELLM
from provision.local.gateways.portkey import PORTKEY
from provision.local.gateways.program import Program
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.gateways import is_default
from tripcurve.lab import Lab

__all__ = ["PROGRAMS", "missing_program", "program_of"]

PROGRAMS: Mapping[str, Program] = {"envoy": ENVOY, "litellm": LITELLM, "portkey": PORTKEY}


def program_of(lab: Lab) -> Program:
    """Return the program that runs the lab's gateway. Raises BadInput for a kind that no program runs."""
    kind = lab.gateway.kind
    if kind not in PROGRAMS:
        raise BadInput(
            f"gateway.kind: Tripcurve starts no gateway of kind {kind}; start it yourself, and run the lab with "
            "--target URL"
        )
    return PROGRAMS[kind]


def missing_program(lab: Lab) -> str | None:
    """Return why the lab's gateway cannot be started here, with the command that installs it; None if it can be."""
    if is_default(lab):
        return None
    try:
        program_of(lab).find(lab)
    except (BadInput, TargetUnavailable) as error:
        return str(error)
    return None
