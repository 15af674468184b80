"""The state of each breaker and the trips so far, from the gateway's own events if it writes them.

Elsewhere (Azure, or a gateway given by its URL) they come from the clients' answers, which do not show the unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns

from locustfiles.live.progress import BreakerCounts
from locustfiles.live.sightings import Sighting, merge
from locustfiles.pacing.clock import Clock
from tripcurve.breaker.events import BreakerEvent, parse_event
from tripcurve.errors import BadInput
from tripcurve.lab import Lab

__all__ = [
    "EventTail",
    "State",
    "TripRow",
    "breaker_counter",
    "gap_of",
    "states_by_events",
    "states_by_sightings",
    "trips_by_events",
    "trips_by_sightings",
]

_NS = 1_000_000_000
_NEAR_S = 0.5
UNITS_GAP_S = 0.5


class EventTail:
    """Reads the breaker events of a growing file. A missing file has no (further) events."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[BreakerEvent] = []
        self._read = 0

    def follow(self) -> list[BreakerEvent]:
        """Return all events so far. Only whole lines are read; a line that is not an event is skipped."""
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
        return None  # the report reads the whole file and reports the bad line


@dataclass(frozen=True)
class State:
    """One breaker now. `unit` None: unknown. `closes_in_s`: seconds until it admits; None: closed, or unknown."""

    backend: str
    unit: int | None
    open: bool
    trips: int
    closes_in_s: float | None = None


@dataclass(frozen=True)
class TripRow:
    """One trip with its measures so far: seconds, instants from the run's start. None: not observed."""

    backend: str
    unit: int | None
    tripped_s: float
    half_width_s: float
    time_to_trip_s: float | None
    failures: int | None
    open_s: float | None
    configured_s: float | None
    recovery_latency_s: float | None
    throttled: int | None
    shed: int | None


def states_by_events(lab: Lab, events: Iterable[BreakerEvent], start_ns: int, now_ns: int) -> list[State]:
    """Return the state of every breaker of the lab on every unit. `trips` counts those since `start_ns`."""
    keys = [(each.name, unit) for each in lab.backends if each.breaker is not None for unit in range(lab.units)]
    until: dict[tuple[str, int], int] = {}
    trips = dict.fromkeys(keys, 0)
    for event in events:
        key = (event.backend, event.unit or 0)
        until[key] = (event.open_until_ns or 0) if event.kind == "opened" else 0
        trips[key] = trips.get(key, 0) + (event.kind == "opened" and event.at_ns >= start_ns)
    return [_state(key, trips[key], until.get(key, 0) - now_ns) for key in trips]


def breaker_counter(lab: Lab, events_file: str | None, clock: Clock, start_ns: int) -> BreakerCounts | None:
    """Return a function that counts trips and open breakers in the gateway's own record; None if it keeps none."""
    if events_file is None:
        return None
    tail = EventTail(Path(events_file))

    def counts() -> tuple[int, int]:
        states = states_by_events(lab, tail.follow(), start_ns, clock.unix(monotonic_ns()))
        return sum(state.trips for state in states), sum(state.open for state in states)

    return counts


def gap_of(lab: Lab) -> float:
    """Return the gap within which two open periods that clients see are one: units of a gateway trip apart."""
    return UNITS_GAP_S if lab.units > 1 or lab.stated_units is None else 0.0


def _state(key: tuple[str, int], trips: int, left_ns: int) -> State:
    return State(*key, left_ns > 0, trips, left_ns / _NS if left_ns > 0 else None)


def states_by_sightings(lab: Lab, sightings: list[Sighting]) -> list[State]:
    """Return the gateway as one breaker, named after the lab's backend if only one has a breaker."""
    periods = periods_of(lab, sightings)
    return [State(_name(lab), None, bool(periods) and periods[-1].reset_s is None, len(periods))]


def periods_of(lab: Lab, sightings: list[Sighting]) -> list[Sighting]:
    """Merge the sightings of all workers. With several units, whose answers alternate, short gaps are bridged."""
    return merge(sightings, gap_of(lab))


def _name(lab: Lab) -> str:
    guarded = [each.name for each in lab.backends if each.breaker is not None]
    return guarded[0] if len(guarded) == 1 else "any backend"


def trips_by_events(
    lab: Lab, events: Iterable[BreakerEvent], sightings: list[Sighting], start_ns: int, now_ns: int
) -> list[TripRow]:
    """Return each trip since `start_ns` in order. A single breaker's trips include what clients saw of them."""
    own = [event for event in events if event.at_ns >= start_ns]
    alone = lab.units == 1 and sum(each.breaker is not None for each in lab.backends) == 1
    rows = []
    for event in own:
        if event.kind == "opened":
            seen = _nearest(sightings, (event.at_ns - start_ns) / _NS) if alone else None
            rows.append(_row(event, _closed_ns(event, own), seen, start_ns, now_ns))
    return rows


def _closed_ns(opened: BreakerEvent, events: list[BreakerEvent]) -> int:
    same = (opened.backend, opened.unit)
    closed = [e.at_ns for e in events if e.kind == "closed" and (e.backend, e.unit) == same and e.at_ns > opened.at_ns]
    return min(closed, default=opened.open_until_ns or 0)


def _nearest(sightings: list[Sighting], at_s: float) -> Sighting | None:
    near = [each for each in sightings if abs(each.tripped_s - at_s) < _NEAR_S + each.half_width_s]
    return min(near, key=lambda each: abs(each.tripped_s - at_s), default=None)


def _row(event: BreakerEvent, closed_ns: int, seen: Sighting | None, start_ns: int, now_ns: int) -> TripRow:
    tripped_s, closed_s = (event.at_ns - start_ns) / _NS, (closed_ns - start_ns) / _NS
    return TripRow(
        backend=event.backend,
        unit=event.unit,
        tripped_s=tripped_s,
        half_width_s=0.0,
        time_to_trip_s=_since(tripped_s, None if seen is None else seen.failure_s),
        failures=event.failures,
        open_s=closed_s - tripped_s if closed_ns <= now_ns else None,
        configured_s=event.trip_duration_s,
        recovery_latency_s=None if seen is None or seen.recovered_s is None else seen.recovered_s - closed_s,
        throttled=None if seen is None else seen.throttled,
        shed=None if seen is None else seen.shed,
    )


def trips_by_sightings(lab: Lab, sightings: list[Sighting]) -> list[TripRow]:
    """Return one trip for each open period that clients saw."""
    return [_seen_row(_name(lab), each) for each in periods_of(lab, sightings)]


def _seen_row(name: str, seen: Sighting) -> TripRow:
    reset_s = seen.reset_s
    return TripRow(
        backend=name,
        unit=None,
        tripped_s=seen.tripped_s,
        half_width_s=seen.half_width_s,
        time_to_trip_s=_since(seen.tripped_s, seen.failure_s),
        failures=seen.failures,
        open_s=None if reset_s is None else reset_s - seen.tripped_s,
        configured_s=None,
        recovery_latency_s=_since(seen.recovered_s, reset_s),
        throttled=seen.throttled,
        shed=seen.shed,
    )


def _since(later: float | None, earlier: float | None) -> float | None:
    return None if later is None or earlier is None else max(later - earlier, 0.0)
