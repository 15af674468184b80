"""Follows the local cloud's own account of its breakers while it is being written."""

from __future__ import annotations

from pathlib import Path

from tripcurve.breaker.events import BreakerEvent, parse_event
from tripcurve.errors import BadInput

__all__ = ["EventTail"]


class EventTail:
    """The breaker events of a file that grows. A file that is not there yet, or no longer, has no further events."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[BreakerEvent] = []
        self._read = 0

    def follow(self) -> list[BreakerEvent]:
        """All events so far. Only whole lines are read; a line that is no event is passed over."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                fresh = file.read()
        except OSError:
            return self.events
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            event = _event(line)
            if event is not None:
                self.events.append(event)
        return self.events


def _event(line: bytes) -> BreakerEvent | None:
    try:
        return parse_event(line)
    except BadInput:
        return None  # the report, which reads the file whole, says what is wrong with it
