"""Tripcurve's own exceptions, each with the exit code of the command that raises it."""

from __future__ import annotations

__all__ = [
    "BadInput",
    "CheckFailed",
    "LoadNotDelivered",
    "NotRecorded",
    "NotValid",
    "TargetLost",
    "TargetUnavailable",
    "TripcurveError",
]


class TripcurveError(Exception):
    """Base of the exceptions. The message says what to do and never contains a secret."""

    exit_code = 1


class CheckFailed(TripcurveError):
    """The run was completed, and one of its checks failed."""

    exit_code = 1


class BadInput(TripcurveError):
    """A lab, scenario, policy or option is wrong; nothing was created."""

    exit_code = 2


class TargetUnavailable(TripcurveError):
    """The gateway could not be provisioned or reached."""

    exit_code = 3


class TargetLost(TargetUnavailable):
    """The target stopped answering during the run."""


class NotRecorded(TripcurveError):
    """The run could not be recorded, or not to its end."""

    exit_code = 4


class NotValid(TripcurveError):
    """What was recorded is not a valid measurement."""

    exit_code = 4


class LoadNotDelivered(NotValid):
    """Too many of the requests that the scenario asks for were never sent."""
