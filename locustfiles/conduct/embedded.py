"""The embedded local cloud: `tripcurve local LAB` as a child process that never outlives this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import gevent
from pydantic import ValidationError

from tripcurve.errors import AlreadyReported, BadInput, TargetUnavailable
from tripcurve.target import Target

__all__ = ["Embedded"]

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0


class Embedded:
    """A running local cloud. It ends when its standard input closes, so also when this process dies."""

    def __init__(self, process: subprocess.Popen[bytes], target: Target) -> None:
        self._process = process
        self.target = target

    @classmethod
    def start(cls, lab: Path) -> Embedded:
        """Start it and wait until its gateway is ready.

        Raises AlreadyReported if it ends because the lab or something else is wrong, and TargetUnavailable if it is
        not ready after 60 s, or ends for another reason.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", "tripcurve.cli", "local", str(lab), "--stop-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            return cls(process, _target(process))
        except BaseException:
            _end(process)
            raise

    @property
    def alive(self) -> bool:
        """Whether the local cloud's process still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop it in order, or kill it if it takes too long. Further calls do nothing."""
        _end(self._process)

    def kill(self) -> None:
        """Kill it and every process it started."""
        _kill(self._process)


def _target(process: subprocess.Popen[bytes]) -> Target:
    assert process.stdout is not None  # noqa: S101  # it was opened as a pipe
    line = b""
    with gevent.Timeout(START_TIMEOUT_S, False):
        line = process.stdout.readline()
    if not line.endswith(b"\n"):
        raise _failure(process)
    try:
        return Target.model_validate_json(line)
    except ValidationError:
        raise TargetUnavailable("the local cloud answered with a line that is not a target; see its messages") from None


def _failure(process: subprocess.Popen[bytes]) -> Exception:
    try:
        code = process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        return TargetUnavailable(f"the local cloud was not ready after {START_TIMEOUT_S:g} s; see its messages above")
    said = f"the local cloud ended with exit code {code} before it was ready; see its messages above"
    reported = code in (BadInput.exit_code, TargetUnavailable.exit_code)
    return AlreadyReported(said, code) if reported else TargetUnavailable(said)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
    if not _ended(process):
        process.terminate()
        _ended(process)
    _kill(process)
    if process.stdout is not None:
        process.stdout.close()


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the rest of its process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing is left
    process.wait()
