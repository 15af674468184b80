"""A run in, its trips out, beside what the breaker itself says."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from reports.doubts import settle
from reports.groups import find_group_periods, mixed_share
from reports.load import Run
from reports.measures import NS, Measured, Trip, measure_trips
from reports.touches import answers_of, retries_within, touches_of
from reports.trips import OpenPeriod, Touches, find_open_periods
from tripcurve.events import BreakerEvent
from tripcurve.lab import Backend
from tripcurve.scenario import Scenario

__all__ = ["Analysis", "TrueTrip", "analyse"]

INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class TrueTrip:
    """A trip as the breaker itself tells it, seconds from the run's start. `reset_s` None: still open at the end."""

    backend: str
    unit: int | None
    tripped_s: float
    reset_s: float | None
    failures: int | None = None


@dataclass(frozen=True)
class Analysis:
    """What a run showed. `truth` None: the target keeps no account. `unobserved`: true trips no request touched."""

    trips: list[Trip]
    truth: list[TrueTrip] | None
    unobserved: list[TrueTrip]


def analyse(run: Run) -> Analysis:
    """Find the trips of a run and, where the breaker's own account exists, set it beside them."""
    trips = _trips(run)
    truth = _truth(run)
    unobserved = _match(trips, truth, run.lab.units) if truth is not None else []
    return Analysis(trips, truth, unobserved)


def _trips(run: Run) -> list[Trip]:
    if run.decisive.empty:
        return []
    trips: list[Trip] = []
    for backend in run.lab.backends:
        if backend.breaker is not None or not run.lab.has_pool:
            trips += _trips_of(run, backend)
    return sorted(trips, key=_when)


def _trips_of(run: Run, backend: Backend) -> list[Trip]:
    lab, rule = run.lab, backend.breaker
    answers, touches = answers_of(run.decisive, backend, lab), touches_of(run.decisive, backend, lab)
    if lab.units == 1:
        hidden = lab.has_pool and retries_within(lab)
        told = _simulated(run.scenario, backend)
        periods = settle(find_open_periods(touches), touches, answers, rule, lab.local, hidden, told)
    else:
        periods = find_group_periods(touches, answers, rule, lab.units)
    service = run.tally.service_of(backend.name, lab.has_pool)
    trips = measure_trips(periods, answers, rule, backend.name, run.start_ns, lab.local, service)
    for trip, period in zip(trips, periods, strict=True):
        trip.unit = 0 if lab.units == 1 else None
        if lab.units > 1:
            _describe_group(trip, period, touches, run.start_ns)
    return trips


def _simulated(scenario: Scenario, backend: Backend) -> list[float]:
    """Each Retry-After that a phase makes the backend tell, seconds."""
    faults = [phase.simulate.get(backend.name, phase.simulate.get("default")) for phase in scenario.phases]
    return [fault.retry_after_s for fault in faults if fault is not None and fault.retry_after_s is not None]


def _describe_group(trip: Trip, period: OpenPeriod, touches: Touches, zero_ns: int) -> None:
    trip.open_error_s = None  # the rule speaks of one unit
    trip.first_shed_s = (period.open_by_ns - zero_ns) / NS
    if period.full is not None:
        trip.full_shed_s = Measured((period.full.estimate_ns - zero_ns) / NS, period.full.half_width_ns / NS)
        trip.partial_shed_share = mixed_share(touches, period.open_by_ns, period.full.estimate_ns)


def _when(trip: Trip) -> float:
    known = trip.tripped_s or trip.reset_s
    return 0.0 if known is None else known.estimate


def _truth(run: Run) -> list[TrueTrip] | None:
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


def _match(trips: list[Trip], truth: list[TrueTrip], units: int) -> list[TrueTrip]:
    """Set each measured trip beside what it is of the truth; true trips that nothing shows are returned."""
    seen: set[int] = set()
    for backend in {true.backend for true in truth}:
        own = [(index, true) for index, true in enumerate(truth) if true.backend == backend]
        for trip in (trip for trip in trips if trip.backend == backend):
            found = _nearest(trip, own) if units == 1 else _within(trip, own)
            seen |= {index for index, _ in found}
            if found:
                _set_truth(trip, [true for _, true in found], units)
    return [true for index, true in enumerate(truth) if index not in seen]


Numbered = list[tuple[int, TrueTrip]]


def _nearest(trip: Trip, own: Numbered) -> Numbered:
    """The true trip nearest in time, as by the trip where it is known, else by the reset."""
    at_trip = trip.tripped_s is not None
    known = trip.tripped_s or trip.reset_s
    if known is None:
        return []
    instants = [true.tripped_s if at_trip else INFINITE if true.reset_s is None else true.reset_s for _, true in own]
    after = bisect_left(instants, known.estimate)
    near = range(max(after - 1, 0), min(after + 1, len(own)))
    return [own[min(near, key=lambda index: abs(instants[index] - known.estimate))]] if near else []


def _within(trip: Trip, own: Numbered) -> Numbered:
    """The true trips of any unit that lie in the group's open period."""
    begin = -INFINITE if trip.tripped_s is None else trip.tripped_s.estimate - trip.tripped_s.half_width
    end = INFINITE if trip.reset_s is None else trip.reset_s.estimate + trip.reset_s.half_width
    return [(index, true) for index, true in own if true.tripped_s <= end and (true.reset_s or INFINITE) >= begin]


def _set_truth(trip: Trip, true: list[TrueTrip], units: int) -> None:
    tripped_s = min(one.tripped_s for one in true)
    resets = [one.reset_s for one in true if one.reset_s is not None]
    reset_s = max(resets) if len(resets) == len(true) else None
    trip.truth = {"tripped_s": tripped_s, "reset_s": reset_s}
    if units == 1:
        trip.unit = true[0].unit
    trip.error_s = {
        "tripped_s": None if trip.tripped_s is None else trip.tripped_s.estimate - tripped_s,
        "reset_s": None if trip.reset_s is None or reset_s is None else trip.reset_s.estimate - reset_s,
    }
