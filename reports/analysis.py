"""A run in, its trips out, beside what the breaker itself says."""

from __future__ import annotations

from dataclasses import dataclass

from reports.doubts import settle
from reports.load import Run
from reports.measures import NS, Trip, measure_trips
from reports.touches import answers_of, touches_of
from reports.trips import find_open_periods

__all__ = ["Analysis", "TrueTrip", "analyse"]


@dataclass(frozen=True, slots=True)
class TrueTrip:
    """A trip as the breaker itself tells it, seconds from the run's start. `reset_s` None: still open at the end."""

    backend: str
    unit: int | None
    tripped_s: float
    reset_s: float | None


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
    unobserved = _match(trips, truth) if truth is not None else []
    return Analysis(trips, truth, unobserved)


def _trips(run: Run) -> list[Trip]:
    if run.requests.empty:
        return []
    trips: list[Trip] = []
    for backend in run.lab.backends:
        answers = answers_of(run.requests, backend, run.lab)
        periods = find_open_periods(touches_of(run.requests, backend, run.lab))
        periods = settle(periods, answers, backend.breaker, run.lab.local)
        trips += measure_trips(periods, answers, backend.breaker, backend.name, run.start_ns)
    return sorted(trips, key=lambda trip: 0.0 if trip.tripped_s is None else trip.tripped_s.estimate)


def _truth(run: Run) -> list[TrueTrip] | None:
    if run.events is None:
        return None
    trips: list[TrueTrip] = []
    opened: dict[tuple[str, int | None], float] = {}
    for event in run.events:
        key, at_s = (event.backend, event.unit), (event.at_ns - run.start_ns) / NS
        if event.kind == "opened":
            opened[key] = at_s
        elif key in opened:
            trips.append(TrueTrip(*key, opened.pop(key), at_s))
    trips += [TrueTrip(*key, at_s, None) for key, at_s in opened.items()]
    return sorted(trips, key=lambda trip: trip.tripped_s)


def _match(trips: list[Trip], truth: list[TrueTrip]) -> list[TrueTrip]:
    """Set each measured trip beside the nearest true one of its backend; what is left was not observed."""
    left = list(truth)
    for trip in trips:
        seen = trip.tripped_s or trip.reset_s
        own = [true for true in left if trip.backend in (None, true.backend)]
        if seen is None or not own:
            continue
        at_trip = trip.tripped_s is not None
        nearest = min(own, key=lambda true: abs((true.tripped_s if at_trip else true.reset_s or 0.0) - seen.estimate))
        left.remove(nearest)
        trip.unit = nearest.unit
        trip.truth = {"tripped_s": nearest.tripped_s, "reset_s": nearest.reset_s}
        trip.error_s = {
            "tripped_s": None if trip.tripped_s is None else trip.tripped_s.estimate - nearest.tripped_s,
            "reset_s": None
            if trip.reset_s is None or nearest.reset_s is None
            else trip.reset_s.estimate - nearest.reset_s,
        }
    return left
