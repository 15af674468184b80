"""Compares measured trips with the trips that the gateway itself recorded."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from dataclasses import dataclass, replace

from reports.loading.run import Run
from reports.trips.instants import NS
from reports.trips.trip import Measured, Trip
from tripcurve.breaker.events import BreakerEvent

__all__ = ["TrueGroup", "TrueTrip", "match", "overlapping", "true_trips", "truth_of"]

INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class TrueTrip:
    """A trip that the gateway itself recorded, in seconds from the run's start. `reset_s` None: open at the end.

    `half_width_s`: how far its instants can be off, because they were read from Azure's records.
    """

    backend: str
    unit: int | None
    tripped_s: float
    reset_s: float | None
    failures: int | None = None
    half_width_s: float = 0.0


Numbered = list[tuple[int, TrueTrip]]
"""True trips, each with its index in the list of all."""


def true_trips(run: Run) -> list[TrueTrip] | None:
    """Return the trips that the gateway itself recorded, in order, or None if the target records none."""
    if run.events is None:
        return None
    trips: list[TrueTrip] = []
    # Azure's events name no unit: of several that are open, the first to open is the first to close.
    opened: defaultdict[tuple[str, int | None], deque[BreakerEvent]] = defaultdict(deque)
    for event in run.events:
        own = opened[event.backend, event.unit]
        if event.kind == "opened":
            own.append(event)
        elif own:
            trips.append(_true_trip(own.popleft(), event, run.start_ns))
    trips += [_true_trip(event, None, run.start_ns) for own in opened.values() for event in own]
    return sorted(trips, key=lambda trip: trip.tripped_s)


def _true_trip(opened: BreakerEvent, closed: BreakerEvent | None, zero_ns: int) -> TrueTrip:
    reset_s = None if closed is None else (closed.at_ns - zero_ns) / NS
    half_width_ns = max(opened.half_width_ns, 0 if closed is None else closed.half_width_ns)
    tripped_s = (opened.at_ns - zero_ns) / NS
    return TrueTrip(opened.backend, opened.unit, tripped_s, reset_s, opened.failures, half_width_ns / NS)


def match(trips: list[Trip], truth: list[TrueTrip], units: int) -> tuple[list[Trip], list[TrueTrip]]:
    """Return the measured trips, each with its truth, and the true trips that no measured one shows.

    A measured trip shows one true trip or, with several units, one true group.
    """
    groups = {name: overlapping(_numbered(truth, name), units) for name in {true.backend for true in truth}}
    seen: set[int] = set()
    matched: list[Trip] = []
    for trip in trips:
        group = truth_of(trip, groups.get(str(trip.backend), []))
        seen |= set() if group is None else {index for index, _ in group.trips}
        matched.append(trip if group is None else _with_truth(trip, [true for _, true in group.trips], units))
    return matched, [true for index, true in enumerate(truth) if index not in seen]


def _numbered(truth: list[TrueTrip], backend: str) -> Numbered:
    return [(index, true) for index, true in enumerate(truth) if true.backend == backend]


def truth_of(trip: Trip, groups: list[TrueGroup]) -> TrueGroup | None:
    """Return the nearest true group, or None: by the trip's instant if observed, else by its reset."""
    at_trip = trip.tripped_s is not None
    known = trip.tripped_s or trip.reset_s
    if known is None or not groups:
        return None

    def instant(group: TrueGroup) -> float:
        return group.begin if at_trip else group.end

    after = bisect_left(groups, known.estimate, key=instant)
    return min(groups[max(after - 1, 0) : after + 1], key=lambda group: abs(instant(group) - known.estimate))


@dataclass
class TrueGroup:
    """A period in which some unit was open, in seconds from the run's start, and the numbered true trips in it."""

    begin: float
    end: float
    trips: Numbered


def overlapping(own: Numbered, units: int) -> list[TrueGroup]:
    """Return the periods in which some unit was open, in order. With one unit, each trip is its own period."""
    groups: list[TrueGroup] = []
    for index, true in sorted(own, key=lambda numbered: numbered[1].tripped_s):
        reset_s = INFINITE if true.reset_s is None else true.reset_s
        if not groups or units == 1 or true.tripped_s > groups[-1].end:
            groups.append(TrueGroup(true.tripped_s, reset_s, []))
        groups[-1].trips.append((index, true))
        groups[-1].end = max(groups[-1].end, reset_s)
    return groups


def _with_truth(trip: Trip, true: list[TrueTrip], units: int) -> Trip:
    tripped_s = min(one.tripped_s for one in true)
    resets = [one.reset_s for one in true if one.reset_s is not None]
    reset_s = max(resets) if len(resets) == len(true) else None
    error_s = {
        "tripped_s": None if trip.tripped_s is None else trip.tripped_s.estimate - tripped_s,
        "reset_s": None if trip.reset_s is None or reset_s is None else trip.reset_s.estimate - reset_s,
    }
    unit = true[0].unit if units == 1 else trip.unit
    doubt_s = max(one.half_width_s for one in true)
    if doubt_s:
        trip = replace(trip, tripped_s=_widened(trip.tripped_s, doubt_s), reset_s=_widened(trip.reset_s, doubt_s))
    return replace(trip, unit=unit, truth={"tripped_s": tripped_s, "reset_s": reset_s}, error_s=error_s)


def _widened(instant: Measured | None, by_s: float) -> Measured | None:
    """The instant as it compares with a truth that is itself known only to within `by_s`."""
    return None if instant is None else replace(instant, low=instant.low - by_s, high=instant.high + by_s)
