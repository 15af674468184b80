"""Compares measured trips with the trips that the gateway itself recorded."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

from reports.loading.run import Run
from reports.trips.instants import NS
from reports.trips.trip import Trip
from tripcurve.breaker.events import BreakerEvent

__all__ = ["TrueGroup", "TrueTrip", "match", "overlapping", "true_trips", "truth_of"]

INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class TrueTrip:
    """A trip that the gateway itself recorded, seconds from the run's start. `reset_s` None: still open at the end."""

    backend: str
    unit: int | None
    tripped_s: float
    reset_s: float | None
    failures: int | None = None


Numbered = list[tuple[int, TrueTrip]]
"""Each true trip with its place in the list of all."""


def true_trips(run: Run) -> list[TrueTrip] | None:
    """The trips that the gateway itself recorded, in order, or None if the target keeps no such record."""
    if run.events is None:
        return None
    trips: list[TrueTrip] = []
    opened: dict[tuple[str, int | None], BreakerEvent] = {}
    for event in run.events:
        key = (event.backend, event.unit)
        if event.kind == "opened":
            opened[key] = event
        elif key in opened:
            trips.append(_true_trip(opened.pop(key), event.at_ns, run.start_ns))
    trips += [_true_trip(event, None, run.start_ns) for event in opened.values()]
    return sorted(trips, key=lambda trip: trip.tripped_s)


def _true_trip(opened: BreakerEvent, reset_ns: int | None, zero_ns: int) -> TrueTrip:
    reset_s = None if reset_ns is None else (reset_ns - zero_ns) / NS
    return TrueTrip(opened.backend, opened.unit, (opened.at_ns - zero_ns) / NS, reset_s, opened.failures)


def match(trips: list[Trip], truth: list[TrueTrip], units: int) -> tuple[list[Trip], list[TrueTrip]]:
    """Return the measured trips, each with its true counterpart, and the true trips that no measured one shows."""
    own = {name: _numbered(truth, name) for name in {true.backend for true in truth}}
    groups = {name: overlapping(numbered) for name, numbered in own.items()}
    seen: set[int] = set()
    matched: list[Trip] = []
    for trip in trips:
        name = str(trip.backend)
        found = _nearest(trip, own.get(name, [])) if units == 1 else truth_of(trip, groups.get(name, []))
        seen |= {index for index, _ in found}
        matched.append(_with_truth(trip, [true for _, true in found], units) if found else trip)
    return matched, [true for index, true in enumerate(truth) if index not in seen]


def _numbered(truth: list[TrueTrip], backend: str) -> Numbered:
    return [(index, true) for index, true in enumerate(truth) if true.backend == backend]


def _nearest(trip: Trip, own: Numbered) -> Numbered:
    """The true trip nearest in time: by its trip where that was observed, else by its reset."""
    at_trip = trip.tripped_s is not None
    known = trip.tripped_s or trip.reset_s
    if known is None:
        return []

    def instant(numbered: tuple[int, TrueTrip]) -> float:
        true = numbered[1]
        return true.tripped_s if at_trip else INFINITE if true.reset_s is None else true.reset_s

    after = bisect_left(own, known.estimate, key=instant)
    near = own[max(after - 1, 0) : after + 1]
    return [min(near, key=lambda numbered: abs(instant(numbered) - known.estimate))] if near else []


def truth_of(trip: Trip, groups: list[TrueGroup]) -> Numbered:
    """The true trips of any unit that lie in the group's open period.

    True trips that overlap are one stretch. Those stretches belong to the group that were open at some time between its
    first and last shed, or, where a trip was shorter than a shed takes, within its whole intervals.
    """
    tripped, reset = trip.tripped_s, trip.reset_s
    for inward in (1, -1):
        begin = -INFINITE if tripped is None else tripped.estimate + inward * tripped.half_width
        end = INFINITE if reset is None else reset.estimate - inward * reset.half_width
        first = bisect_left(groups, min(begin, end), key=lambda group: group.end)
        last = bisect_right(groups, max(begin, end), key=lambda group: group.begin)
        found = groups[first:last]
        if found:
            return [numbered for group in found for numbered in group.trips]
    return []


@dataclass
class TrueGroup:
    """A stretch in which some unit was open, seconds from the run's start, and the numbered true trips in it."""

    begin: float
    end: float
    trips: Numbered


def overlapping(own: Numbered) -> list[TrueGroup]:
    """The true trips of all units as stretches in which some unit was open."""
    groups: list[TrueGroup] = []
    for index, true in sorted(own, key=lambda numbered: numbered[1].tripped_s):
        reset_s = INFINITE if true.reset_s is None else true.reset_s
        if not groups or true.tripped_s > groups[-1].end:
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
    return replace(trip, unit=unit, truth={"tripped_s": tripped_s, "reset_s": reset_s}, error_s=error_s)
