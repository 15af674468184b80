"""Translates what a gateway program records about its breakers into the run's events, while the program runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.local.gateways.program import Change, UnknownRecord
from tripcurve.breaker.events import BreakerEvent, render_recorded

__all__ = ["Breaker", "Follower"]


@dataclass(frozen=True)
class Breaker:
    """A backend with a rule, as the events name both."""

    backend: str
    rule: str
    trip_duration_s: float


class Follower:
    """Reads new lines of a program's record, and appends an event for each change to the file of events.

    `breakers` has each breaker under every name by which the record calls its backend. The file of events exists from
    the start, because without it the run would have no record, and not one without trips. A record in an unknown form
    removes it.
    """

    def __init__(
        self,
        record: Path,
        read: Callable[[str], Change | None],
        breakers: Mapping[str, Breaker],
        events: Path,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._record = record
        self._read = read
        self._breakers = breakers
        self._events = events
        self._unix_ns = unix_ns
        self._position = 0
        self._until: dict[str, int] = {}
        """The end of each exclusion that lasts and whose end the program does not record, by backend."""
        self._excluded_until: dict[str, int] = {}
        """The end of the last exclusion, also if it is over."""
        self._unknown: str | None = None
        events.touch()

    @property
    def unknown(self) -> str | None:
        """Return the first line that could not be read, shortened; None if all could."""
        return self._unknown

    def catch_up(self) -> None:
        """Write the events of all whole lines since the last call, and of the exclusions that have ended."""
        if self._unknown is not None:
            return
        try:
            changes = [change for line in self._lines() if (change := self._read(line)) is not None]
        except UnknownRecord as unknown:
            self._unknown = str(unknown)[:200]
            self._events.unlink(missing_ok=True)
            return
        found = [event for change in changes for event in self._of(change)]
        self._write([*found, *self._ended(self._unix_ns())])

    def _lines(self) -> Iterable[str]:
        if not self._record.exists():
            return []
        with self._record.open("rb") as file:
            file.seek(self._position)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._position += len(whole) + len(newline)
        return [line for line in whole.decode("utf-8", "replace").splitlines() if line.strip()]

    def _of(self, change: Change) -> list[BreakerEvent]:
        breaker = self._breakers.get(change.backend)
        if breaker is None:
            return []
        if change.until_ns is None:
            return [_event(breaker, change)]
        ended = self._ended(change.at_ns)
        if change.at_ns < self._excluded_until.get(breaker.backend, 0):
            return ended  # excluded already, and by this not for longer
        self._until[breaker.backend] = self._excluded_until[breaker.backend] = change.until_ns
        return [*ended, _event(breaker, change)]

    def _ended(self, now_ns: int) -> list[BreakerEvent]:
        """Return the ends of the exclusions that were over at this instant, and forget these."""
        over = sorted((until_ns, name) for name, until_ns in self._until.items() if until_ns <= now_ns)
        for _, name in over:
            del self._until[name]
        known = {breaker.backend: breaker for breaker in self._breakers.values()}
        return [_event(known[name], Change(False, name, until_ns, 0)) for until_ns, name in over]

    def _write(self, events: list[BreakerEvent]) -> None:
        if events:
            with self._events.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(render_recorded(event, "gateway")) + "\n" for event in events)


def _event(breaker: Breaker, change: Change) -> BreakerEvent:
    lasts_ns = round(breaker.trip_duration_s * 1e9)
    until_ns = change.at_ns + lasts_ns if change.until_ns is None else change.until_ns
    return BreakerEvent(
        kind="opened" if change.opened else "closed",
        backend=breaker.backend,
        rule=breaker.rule,
        unit=0,
        at_ns=change.at_ns,
        noticed_ns=None,
        open_until_ns=until_ns if change.opened else None,
        failures=None,
        trip_duration_s=breaker.trip_duration_s,
        half_width_ns=change.half_width_ns,
    )
