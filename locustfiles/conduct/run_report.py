"""Makes the report of a run that has ended, with `tripcurve report` in a child process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

import gevent
from locust.env import Environment

from locustfiles.conduct.conductor import Conductor

__all__ = ["RunReport"]

PATIENCE_S = 300.0
"""How long a process that quits waits for a report under way."""


class RunReport:
    """Makes a report at the end of each run of this process. With `--no-report` it is not used.

    `folder`: of the run that ended last; None: no run has ended yet.
    """

    def __init__(self, environment: Environment, conductor: Conductor) -> None:
        self.environment = environment
        self.folder: Path | None = None
        self.state: Literal["none", "making", "done", "failed"] = "none"
        self._conductor = conductor
        self._making: gevent.Greenlet | None = None

    def attach(self) -> None:
        """Listen to Locust's events. Call this after the conductor's `attach`, so that the run is complete by then."""
        events = self.environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stop.add_listener(self._on_test_stop)
        events.quitting.add_listener(self._on_quitting)

    def _on_test_start(self, environment: Environment, **_: object) -> None:
        if self.state != "making":
            self.state = "none"

    def _on_test_stop(self, environment: Environment, **_: object) -> None:
        folder = self._conductor.last_run
        if folder is None or folder == self.folder or not any(folder.glob("requests*.arrow*")):
            return
        self.folder = folder
        self.state = "making"
        self._making = gevent.spawn(self._make, folder)
        if self._conductor.headless:
            self._making.join()

    def _make(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tripcurve.cli", "report", str(folder)]
        # Locust's --json output must be alone on standard output.
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode
        page = folder / "report.html"
        self.state = "done" if page.exists() else "failed"
        if self.state == "done":
            print(f"tripcurve: the report is {page}", file=sys.stderr)
        else:
            print(f"tripcurve: no report was made; try `tripcurve report {folder}`", file=sys.stderr)
        if self._conductor.headless and not self.environment.process_exit_code:
            self.environment.process_exit_code = code

    def _on_quitting(self, environment: Environment, **_: object) -> None:
        if self._making is not None:
            self._making.join(PATIENCE_S)
