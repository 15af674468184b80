"""Finds and measures the trips of a run, and compares them with the gateway's own record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from reports.loading.run import Run
from reports.trips.causes import Counts, Narrowed, narrow
from reports.trips.doubts import settle, settle_groups
from reports.trips.evidence import Evidence, gather
from reports.trips.instance_count import InstanceCount, contradicts_one, infer_instance_count
from reports.trips.measures import Service, measure_trips
from reports.trips.outage import felt_failures, whole_seconds
from reports.trips.periods import OpenPeriod, count_sheds, find_open_periods
from reports.trips.trip import Trip
from reports.trips.truth import TrueTrip, match, true_trips
from reports.trips.units import find_group_periods

__all__ = ["Analysis", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """The trips of a run.

    `truth`: the trips that the gateway itself recorded; None: the target records none. `unobserved`: the true trips
    that no measured one shows. `evidence`: the data in which each backend's trips were found, by the backend's name.
    `counts`: which counts of its rule are possible, by the backend's name; missing: not known. `instances`: how many
    instances the gateway has; None: as many as the lab states, and the run does not contradict it.
    """

    trips: list[Trip]
    truth: list[TrueTrip] | None
    unobserved: list[TrueTrip]
    evidence: dict[str, Evidence] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    instances: InstanceCount | None = None


def analyse(run: Run) -> Analysis:
    """Find the trips of a run and, if the gateway records its own, match each with a true one."""
    evidence = {backend.name: gather(run, backend) for backend in run.lab.backends}
    instances = _instances(run, evidence)
    if instances is not None:
        evidence = {name: replace(one, units=instances.assumed) for name, one in evidence.items()}
    found = {} if run.decisive.empty else {name: _find(one) for name, one in evidence.items() if one.guarded}
    trips = _measured(run, evidence, found)
    truth = true_trips(run)
    unobserved: list[TrueTrip] = []
    if truth is not None:
        units = max(one.units for one in evidence.values())
        trips, unobserved = match(trips, truth, units)
    counts = {name: one.counts for name, one in found.items() if one.counts is not None}
    return Analysis(trips, truth, unobserved, evidence, counts, instances)


def _instances(run: Run, evidence: dict[str, Evidence]) -> InstanceCount | None:
    """Infer the number of instances if the lab does not know it, or says 1 and a breaker contradicts it."""
    stated = run.lab.stated_units
    guarded = [one for one in evidence.values() if one.guarded]
    if run.decisive.empty or (stated is not None and stated > 1):
        return None
    if stated == 1 and not any(contradicts_one(one) for one in guarded):
        return None
    return infer_instance_count(guarded, stated)


def _measured(run: Run, evidence: dict[str, Evidence], found: dict[str, Narrowed]) -> list[Trip]:
    if not found:
        return []
    service = Service(felt_failures(run.decisive, run.lab), whole_seconds(run.tally))
    trips = [trip for name, one in found.items() for trip in measure_trips(one.periods, evidence[name], service)]
    return sorted(trips, key=_when)


def _find(evidence: Evidence) -> Narrowed:
    """Find the open periods of one breaker, or of a group of units, each with its number of sheds."""
    answers, touches = evidence.answers, evidence.touches
    if evidence.units == 1:
        periods = settle(find_open_periods(touches), evidence)
    else:
        # Dense probes share a connection, so they may all reach one unit and show nothing of the others.
        touches = touches.of_traffic
        groups = find_group_periods(touches, answers, evidence.rule, evidence.units, evidence.doubt_ns)
        periods = settle_groups(groups, evidence)
    narrowed = narrow(periods, evidence)
    periods = [_widened(period, evidence.after_ns) for period in narrowed.periods]
    if not periods or not (evidence.pooled or evidence.after_ns):
        return Narrowed(periods, narrowed.counts)
    # Most proofs that a pool's member is open are not sheds, and the proofs may have only one worker's sheds. So count
    # all sheds here.
    refused = answers.shed
    return Narrowed(count_sheds(periods, answers.start[refused], answers.alike[refused]), narrowed.counts)


def _widened(period: OpenPeriod, by_ns: int) -> OpenPeriod:
    """Widen a period's intervals by `by_ns`, how far the proofs' clock may be off the main process's."""
    if not by_ns:
        return period
    instants = (one and replace(one, low_ns=one.low_ns - by_ns, high_ns=one.high_ns + by_ns) for one in period.instants)
    tripped, reset, full = instants
    return replace(period, tripped=tripped, reset=reset, full=full)


def _when(trip: Trip) -> float:
    known = trip.tripped_s or trip.reset_s
    return 0.0 if known is None else known.estimate
