"""Tripcurve's own exceptions, each with the exit code of the command that raises it."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

__all__ = [
    "INTERRUPTED",
    "AlreadyReported",
    "BadInput",
    "CheckFailed",
    "LoadNotDelivered",
    "NotRecorded",
    "NotValid",
    "TargetLost",
    "TargetUnavailable",
    "TripcurveError",
    "reason_of",
    "remedy_for",
]


INTERRUPTED = 130
"""The exit code after Ctrl-C or SIGTERM: 128 and the number of SIGINT, as of a shell."""


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


class AlreadyReported(TripcurveError):
    """A child process has ended with this exit code, and has printed why. A terminal needs no second message."""

    def __init__(self, message: str, exit_code: int) -> None:
        """`message` is for readers who do not see the child's."""
        super().__init__(message)
        self.exit_code = exit_code


class TargetLost(TargetUnavailable):
    """The target stopped answering during the run."""


class NotRecorded(TripcurveError):
    """The run could not be recorded, or not to its end."""

    exit_code = 4


class NotValid(TripcurveError):
    """The recorded run is not a valid measurement."""

    exit_code = 4


class LoadNotDelivered(NotValid):
    """Too many of the scenario's requests were never sent."""


def reason_of(error: OSError) -> str:
    """Return the operating system's description of an error, such as "No space left on device".

    pyarrow's errors have their number only in their text.
    """
    number = _errno_of(error)
    return os.strerror(number) if number else str(error).splitlines()[0]


def remedy_for(error: OSError, folder: Path) -> str:
    """Return a sentence that says how a run whose folder could not be written becomes reportable."""
    full = _errno_of(error) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return f"Make {'room there' if full else 'the folder writable'}, then `tripcurve report {folder}` reports them"


def _errno_of(error: OSError) -> int | None:
    in_text = re.search(r"\[errno (\d+)\]", str(error))
    return error.errno or (int(in_text[1]) if in_text else None)
