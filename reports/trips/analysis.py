"""A run in, its trips out, beside what the breaker itself says."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from reports.loading.run import Run
from reports.trips.bounds import Failures, bound_trips
from reports.trips.doubts import durations_ns, settle
from reports.trips.measures import NS, Answers, Measured, Trip, failures_before, measure_trips
from reports.trips.outage import felt_failures, measure_outages, whole_seconds
from reports.trips.touches import answers_of, clock_doubt_ns, retries_within, touches_of
from reports.trips.trip import OpenPeriod, Touches, count_sheds, find_open_periods
from reports.trips.units import find_group_periods, mixed_bounds, mixed_share
from tripcurve.breaker.events import BreakerEvent
from tripcurve.lab import Backend
from tripcurve.scenario import Scenario

__all__ = ["Analysis", "TrueTrip", "analyse", "overlapping", "truth_of"]

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
    told = _simulated(run.scenario, backend)
    if lab.units == 1:
        hidden = lab.has_pool and retries_within(lab)
        periods = settle(find_open_periods(touches), touches, answers, rule, lab.local, hidden, told)
    else:
        periods = find_group_periods(touches, answers, rule, lab.units)
    if not periods:
        return []
    if lab.has_pool:  # most of what proves a member open is no refusal
        refused = ~answers.by_backend & (answers.status == 503)
        periods = count_sheds(periods, answers.start[refused], answers.alike[refused])
    before = failures_before(periods, answers, rule)
    service = run.tally.service_of(backend.name if lab.has_pool else None)
    trips = measure_trips(periods, before, answers, rule, backend.name, run.start_ns, lab.local, service)
    measure_outages(trips, periods, felt_failures(run.decisive, lab), whole_seconds(run.tally))
    bound_trips(trips, periods, answers, _failures(run, backend, answers, told), rule)
    for trip, period in zip(trips, periods, strict=True):
        trip.unit = 0 if lab.units == 1 else None
        if lab.units > 1:
            _describe_group(trip, period, touches, run.start_ns)
    return trips


def _failures(run: Run, backend: Backend, answers: Answers, told: list[float]) -> Failures:
    rule, doubt = backend.breaker, clock_doubt_ns(run.decisive)
    shortest = 0 if rule is None else durations_ns(answers, rule, told)[0]
    return Failures(answers, rule, run.lab.local, shortest, 0 if doubt is None else int(doubt.max(initial=0)))


def _simulated(scenario: Scenario, backend: Backend) -> list[float]:
    """Each Retry-After that a phase makes the backend tell, seconds."""
    faults = [phase.simulate.get(backend.name, phase.simulate.get("default")) for phase in scenario.phases]
    return [fault.retry_after_s for fault in faults if fault is not None and fault.retry_after_s is not None]


def _describe_group(trip: Trip, period: OpenPeriod, touches: Touches, zero_ns: int) -> None:
    trip.open_error_s = trip.overshoot = None  # the rule speaks of one unit
    trip.bounds.pop("overshoot", None)
    trip.first_shed_s = (period.open_by_ns - zero_ns) / NS
    if period.full is not None:
        trip.full_shed_s = Measured((period.full.estimate_ns - zero_ns) / NS, period.full.half_width_ns / NS)
        trip.partial_shed_share = mixed_share(touches, period.open_by_ns, period.full.estimate_ns)
        if trip.partial_shed_share is not None:
            trip.bounds["partial_shed_share"] = mixed_bounds(touches, period.open_by_ns, period.full)


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
        groups = overlapping(own)
        for trip in (trip for trip in trips if trip.backend == backend):
            found = _nearest(trip, own) if units == 1 else truth_of(trip, groups)
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

    def instant(numbered: tuple[int, TrueTrip]) -> float:
        true = numbered[1]
        return true.tripped_s if at_trip else INFINITE if true.reset_s is None else true.reset_s

    after = bisect_left(own, known.estimate, key=instant)
    near = own[max(after - 1, 0) : after + 1]
    return [min(near, key=lambda numbered: abs(instant(numbered) - known.estimate))] if near else []


def truth_of(trip: Trip, groups: list[TrueGroup]) -> Numbered:
    """The true trips of any unit that lie in the group's open period.

    True trips that overlap are one; those belong to it that were open at some time between its first and last shed,
    or, where a trip was shorter than a shed takes, within its whole intervals.
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
