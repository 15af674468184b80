"""Show the progress of long work: one line for each step with its duration, and a live line on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console
from rich.status import Status

__all__ = ["ConsoleProgress", "Progress", "Silent"]

DONE_WORDS = {
    "create": "created",
    "change": "changed",
    "leave": "as it was",
    "wait": "ready",
    "delete": "deleted",
    "purge": "purged",
}
DOING_WORDS = {
    "create": "creating",
    "change": "changing",
    "wait": "waiting for",
    "delete": "deleting",
    "purge": "purging",
}
EVERY_S = 60.0


class Progress(Protocol):
    """Receives each step as it starts, lasts and ends."""

    def started(self, doing: str, what: str, note: str | None = None) -> None:
        """Called when a step starts. `doing` is create, change, leave, wait, delete or purge.

        `what` names the resource. `note` says why the step may take long; None if it does not.
        """

    def lasting(self) -> None:
        """Called about once a second while the step runs."""

    def trouble(self, what: str) -> None:
        """Called when the step meets an error that it recovers from; `what` describes the error and the next action."""

    def finished(self, how: str) -> None:
        """Called when the step ends; `how` is its result, such as `created` or `failed`."""


class Silent:
    """Progress that prints nothing."""

    def started(self, doing: str, what: str, note: str | None = None) -> None: ...

    def lasting(self) -> None: ...

    def trouble(self, what: str) -> None: ...

    def finished(self, how: str) -> None: ...


class ConsoleProgress:
    """Prints lines on a console, such as `✓ created  gateway quick-aigw-apim   0.4 s`."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self._clock = clock
        self._what = ""
        self._note: str | None = None
        self._doing = ""
        self._start = self._told = 0.0
        self._status: Status | None = None

    def started(self, doing: str, what: str, note: str | None = None) -> None:
        self._doing, self._what, self._note = doing, what, note
        self._start = self._told = self._clock()
        if self.console.is_terminal and doing in DOING_WORDS:
            self._status = self.console.status(self._line())
            self._status.start()

    def lasting(self) -> None:
        if self._status is not None:
            self._status.update(self._line())
        elif self._what and self._clock() - self._told >= EVERY_S:
            self._told = self._clock()
            self.console.print(f"  … {self._line()}", highlight=False)

    def trouble(self, what: str) -> None:
        step = f"{self._what}: " if self._what else ""  # before the first step, the plan is made
        self.console.print(f"  ! {step}{what}", highlight=False)

    def finished(self, how: str) -> None:
        self._stop()
        took = self._clock() - self._start
        mark = "✓" if how in DONE_WORDS.values() else "✗"
        self.console.print(f"  {mark} {how:<9} {self._what:<50} {_elapsed(took):>9}", highlight=False)

    def _line(self) -> str:
        note = "" if self._note is None else f" ({self._note})"
        return (
            f"{DOING_WORDS.get(self._doing, self._doing)} {self._what}, {_elapsed(self._clock() - self._start)}{note}"
        )

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def _elapsed(seconds: float) -> str:
    """Return seconds as text: `0.4 s`, or `12 min 05 s` from one minute on."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def on_stderr() -> ConsoleProgress:
    """Return progress that prints on standard error, at most 80 columns wide unless that is a terminal."""
    console = Console(file=sys.stderr)
    return ConsoleProgress(console if console.is_terminal else Console(file=sys.stderr, width=80))
