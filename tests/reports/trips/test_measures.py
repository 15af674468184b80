"""Every instant and measure lies within its stated bounds of what the gateway knows, whatever the rule and the load."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.loading.run import Run
from reports.statistics.summary import summarise
from reports.trips.analysis import Analysis, analyse
from reports.trips.trip import Measured, Trip
from reports.trips.truth import TrueTrip, overlapping, truth_of
from simulator.virtual import VirtualRun
from tests.reports.reference import Reference, end_s, start_s
from tests.reports.runs import RULE, TRIP, fault, lab_of, played, scenario_of
from tests.reports.strategies import EXAMPLES, NETWORKS, ROUNDING_S, RULES, pool_of, scenarios
from tests.reports.trips.test_truth import counted, held
from tripcurve.scenario import Scenario

Case = tuple[Trip, Reference, float, float, float]
"""A trip, its backend's truth, and when it truly tripped, reset and tripped next; s, infinite where it did not."""

INFINITE = float("inf")


def within(value: float, bounds: tuple[float, float] | None, what: str) -> None:
    assert bounds is not None, f"{what} has no bounds"
    assert bounds[0] - ROUNDING_S <= value <= bounds[1] + ROUNDING_S, f"{what} {value} is not in {bounds}"


def cases(run: Run, truth: VirtualRun, analysis: Analysis) -> Iterator[Case]:
    """The trips whose true counterpart is known, of one unit."""
    references = {backend.name: Reference(run.lab, backend.name, truth) for backend in run.lab.backends}
    for trip in analysis.trips:
        if trip.truth is None or trip.tripped_s is None or trip.truth["tripped_s"] is None:
            continue
        reference = references[str(trip.backend)]
        spans = [span for unit in range(reference.units) for span in reference.open_of(unit)]
        at = exact(trip.truth["tripped_s"], [span.tripped for span in spans])
        reset = INFINITE if trip.truth["reset_s"] is None else exact(trip.truth["reset_s"], [s.reset for s in spans])
        yield trip, reference, at, reset, next_seen(trip, analysis)


def next_seen(trip: Trip, analysis: Analysis) -> float:
    """When the breaker tripped next, as far as any request showed it."""
    own = [one for one in analysis.trips if one.backend == trip.backend]
    later = own[own.index(trip) + 1 :]
    return next((ends_of(one.tripped_s)[1] for one in later if one.tripped_s is not None), INFINITE)


def exact(rounded: float, instants: list[float]) -> float:
    """The instant that a record in whole ns tells of."""
    return min(instants, key=lambda instant: abs(instant - rounded))


def count_began(reference: Reference, at: float) -> float:
    """When the counters that led to a trip were last emptied."""
    return max((span.reset for span in reference.open_of(0) if span.reset <= at), default=-INFINITE)


def check_failures(trip: Trip, reference: Reference, at: float) -> None:
    assert trip.failures_to_trip is None or trip.failures_bounds is not None
    if trip.failures_bounds is not None and reference.rule.count is not None:
        within(reference.rule.count, trip.failures_bounds, "failures at the trip")
    if trip.failures_to_trip is not None:
        within(trip.failures_to_trip, trip.failures_bounds, "failures_to_trip")
    if trip.overshoot is not None:
        within(trip.overshoot, trip.bounds.get("overshoot"), "overshoot as stated")
        within(reference.late(at), trip.bounds.get("overshoot"), "overshoot")


def check_time_to_trip(trip: Trip, reference: Reference, at: float) -> None:
    if trip.time_to_trip_s is None:
        return
    true = at - reference.first_failure(at, count_began(reference, at))
    within(trip.time_to_trip_s, trip.bounds.get("time_to_trip_s"), "time_to_trip_s as stated")
    within(true, trip.bounds.get("time_to_trip_s"), "time_to_trip_s")


def check_recovery(trip: Trip, reference: Reference, reset: float) -> None:
    if trip.recovery_latency_s is None or reset == INFINITE:
        return
    served = reference.first_success_after(reset)
    assert served is not None
    within(trip.recovery_latency_s, trip.bounds.get("recovery_latency_s"), "recovery_latency_s as stated")
    within(served - reset, trip.bounds.get("recovery_latency_s"), "recovery_latency_s")


def check_open(trip: Trip, at: float, reset: float) -> None:
    if trip.open_s is not None:
        within(reset - at, trip.bounds.get("open_s"), "open_s")


def ends_of(measured: Measured) -> tuple[float, float]:
    return measured.low, measured.high


def check_restored(trip: Trip, reference: Reference, after: float) -> None:
    """The stated second is the one that follows the reset, wherever in its interval that was."""
    if trip.restored_s is None or trip.reset_s is None:
        return
    second = trip.reset_s.estimate + trip.restored_s
    possible = [reference.whole_second_from(instant, after) for instant in ends_of(trip.reset_s)]
    assert pytest.approx(second, abs=1e-6) in [one for one in possible if one is not None]


def check_outage(trip: Trip, reference: Reference) -> None:
    """From a failure that a client saw to the first full second of service: in between, none was whole."""
    if trip.outage_s is None or trip.tripped_s is None:
        return
    if trip.outage_s == 0:
        assert trip.shed == 0
        return
    failed = [start_s(sample) for sample in reference.run.samples if not 200 <= sample.status < 300]
    [end, *_] = [one + trip.outage_s for one in failed if is_whole(one + trip.outage_s)]
    began = end - trip.outage_s
    assert began <= ends_of(trip.tripped_s)[1] or trip.failures_to_trip is None
    assert reference.whole_second_from(began, INFINITE, everybody=True) == round(end)


def is_whole(seconds: float) -> bool:
    return abs(seconds - round(seconds)) < 1e-6


def check_retrips(analysis: Analysis, reference: Reference) -> None:
    """A re-trip is one before which, since the reset before, the backend had answered nobody with a 2xx."""
    for earlier, trip in pairwise(analysis.trips):
        if earlier.truth is None or trip.truth is None or earlier.reset_s is None or trip.tripped_s is None:
            continue
        since, until = earlier.truth["reset_s"], trip.truth["tripped_s"]
        assert since is not None
        assert until is not None
        served = any(200 <= a.status < 300 and since <= a.admitted_s < until for a in reference.answers)
        assert trip.retrip == (not served)


def check_all(run: Run, truth: VirtualRun, analysis: Analysis) -> None:
    for trip, reference, at, reset, after in cases(run, truth, analysis):
        check_failures(trip, reference, at)
        check_time_to_trip(trip, reference, at)
        check_open(trip, at, reset)
        check_recovery(trip, reference, reset)
        check_restored(trip, reference, after)
        check_outage(trip, reference)


def test_bounds_hold_in_an_ordinary_run() -> None:
    run, truth = played(lab_of(), TRIP)
    analysis = analyse(run)
    check_all(run, truth, analysis)
    assert {name for trip in analysis.trips for name in trip.bounds} == {
        "time_to_trip_s",
        "overshoot",
        "open_s",
        "recovery_latency_s",
    }


@pytest.mark.parametrize("scenario", [TRIP, scenario_of({"for": 1})], ids=["with trips", "without"])
def test_ratio_absorption_and_retrips_are_of_all_requests_and_trips(scenario: Scenario) -> None:
    run, truth = played(lab_of(), scenario)
    check_ratio(run, truth, analyse(run))


@EXAMPLES
@given(
    rule=RULES,
    scenario=scenarios(),
    network=NETWORKS,
    median_ms=st.sampled_from([0, 1, 20, 200]),
    seed=st.integers(0, 10_000),
)
def test_one_unit(rule: dict[str, Any], scenario: Scenario, network: Any, median_ms: float, seed: int) -> None:
    run, truth = played(lab_of(rule, median_ms=median_ms), scenario, seed=seed, network=network)
    analysis = held(run)
    for trip in analysis.trips:
        counted(trip, analysis.truth or [])
    check_all(run, truth, analysis)
    check_sheds(run, truth, analysis)
    check_retrips(analysis, Reference(run.lab, "m1", truth))
    check_counts(run, truth)


def check_ratio(run: Run, truth: VirtualRun, analysis: Analysis) -> None:
    """Sheds to throttles, of all that the gateway refused and all 429s that the backend gave."""
    shed, throttled = check_counts(run, truth)
    summary = summarise(run, analysis, [])
    assert summary["ratio_503_429"] == (shed / throttled if throttled else None)
    assert summary["absorption"] == (shed / (shed + throttled) if shed + throttled else None)
    assert summary["retrips"] == sum(trip.retrip for trip in analysis.trips)


def check_counts(run: Run, truth: VirtualRun) -> tuple[int, int]:
    """Return the numbers of sheds and throttles, which are those of the gateway and its backend."""
    reference = Reference(run.lab, "m1", truth)
    counts = len(reference.sheds), sum(one.status == 429 for one in reference.answers)
    assert (run.tally.count("shed"), run.tally.count("429 backend")) == counts
    return counts


def check_sheds(run: Run, truth: VirtualRun, analysis: Analysis) -> None:
    """Each refusal belongs to one trip, of each backend that can have made it; no throttle to two."""
    for backend in run.lab.backends:
        trips = [trip for trip in analysis.trips if trip.backend == backend.name]
        reference = Reference(run.lab, backend.name, truth)
        if trips:
            assert sum(trip.shed for trip in trips) == len(reference.sheds)
        assert sum(trip.throttled for trip in trips) <= sum(one.status == 429 for one in reference.answers)


@EXAMPLES
@given(
    rule=RULES,
    scenario=scenarios(),
    priorities=st.sampled_from([(1, 2), (1, 1), (1, 1, 2), (None, None)]),
    weights=st.sampled_from([(1, 1, 1), (3, 1, 1), (50, 50, 1)]),
    weighting=st.sampled_from(["smooth", "random", "block"]),
    retries=st.integers(0, 1),
    seed=st.integers(0, 10_000),
)
def test_pools(
    rule: dict[str, Any],
    scenario: Scenario,
    priorities: tuple[int | None, ...],
    weights: tuple[int, ...],
    weighting: str,
    retries: int,
    seed: int,
) -> None:
    lab = pool_of(rule, priorities, weights, weighting, retries)
    run, truth = played(lab, scenario, seed=seed, retries=retries)
    analysis = held(run)
    check_sheds(run, truth, analysis)
    for trip, reference, at, reset, _ in cases(run, truth, analysis):
        check_open(trip, at, reset)
        check_outage(trip, reference)
        if not retries:
            check_failures(trip, reference, at)
            check_time_to_trip(trip, reference, at)
            check_recovery(trip, reference, reset)


@EXAMPLES
@given(
    rule=RULES,
    scenario=scenarios(),
    units=st.integers(2, 4),
    spread=st.sampled_from(["random", "round_robin"]),
    seed=st.integers(0, 10_000),
)
def test_several_units(rule: dict[str, Any], scenario: Scenario, units: int, spread: str, seed: int) -> None:
    run, truth = played(lab_of(rule, units=units), scenario, seed=seed, spread=spread)
    analysis = held(run)
    check_sheds(run, truth, analysis)
    for trip, reference, at, reset, _ in cases(run, truth, analysis):
        check_recovery(trip, reference, reset)
        check_units(trip, reference, at)


def check_units(trip: Trip, reference: Reference, at: float) -> None:
    """The first shed follows the first unit's trip; every unit was open when it is said that the last one opened."""
    assert trip.first_shed_s is not None
    assert trip.first_shed_s >= at - ROUNDING_S
    assert trip.first_shed_s in [pytest.approx(end_s(shed), abs=1e-6) for shed in reference.sheds]
    if trip.full_shed_s is None:
        return
    low, high = ends_of(trip.full_shed_s)
    last_opened = [one for one in reference.all_open() if low - ROUNDING_S <= one <= high + ROUNDING_S]
    assert last_opened, f"the last unit opened in {reference.all_open()}, not in {low} to {high}"
    true = shed_share(reference, trip.first_shed_s, max(last_opened))
    if trip.partial_shed_share is not None and true is not None:
        within(trip.partial_shed_share, trip.bounds.get("partial_shed_share"), "partial_shed_share as stated")
        within(true, trip.bounds.get("partial_shed_share"), "partial_shed_share")


def shed_share(reference: Reference, since: float, until: float) -> float | None:
    """Sheds among the requests sent between two instants; None: none were."""
    sent = [s for s in reference.run.samples if since <= start_s(s) + ROUNDING_S / 2 and start_s(s) < until]
    return sum(s.status == 503 for s in sent) / len(sent) if sent else None


FAILOVER = scenario_of(
    {"for": 5},
    {"for": 10, "simulate": fault()},
    {"for": 6, "simulate": {"default": {"status": 429}}},
    {"for": 12},
    rate=40,
)
"""The first member fails, then both do, then none."""


def failover(retries: int = 0) -> tuple[Run, Analysis]:
    rule = RULE | {"trip_duration": 4}
    run, _ = played(pool_of(rule, (1, 2), (1, 1), "smooth", retries), FAILOVER, retries=retries)
    return run, analyse(run)


def test_an_outage_in_a_pool_is_what_clients_felt_not_how_long_a_member_was_open() -> None:
    """The other member takes over within a second; from 15 s on both are down, which the last trip of each tells."""
    trips = failover()[1].trips
    first, last = ([trip.outage_s for trip in part if trip.outage_s is not None] for part in (trips[:3], trips[4:]))
    assert first == [pytest.approx(1, abs=0.2)] * 3
    assert last == [pytest.approx(7, abs=0.05)] * 2


def test_if_a_retry_hides_every_failure_the_outage_is_zero() -> None:
    """One failure trips, and the other member answers in its stead."""
    rule = RULE | {"trip_duration": 4, "count": 1}
    run, _ = played(pool_of(rule, (1, 2), (1, 1), "smooth", 1), FAILOVER, retries=1)
    first = analyse(run).trips[0]
    assert (first.outage_s, first.time_to_trip_s, first.failures_to_trip, first.shed) == (0.0, None, None, 0)


def test_the_first_of_failures_that_a_retry_hid_is_not_stated() -> None:
    first = failover(retries=1)[1].trips[0]
    assert (first.failures_bounds, first.time_to_trip_s) == ((0, 1), None)


def test_a_pool_members_sheds_are_refusals_not_answers_of_the_other_member() -> None:
    run, analysis = failover()
    refused = int((run.requests["status"] == 503).sum())
    assert refused > 0
    for name in ("m1", "m2"):
        assert sum(trip.shed for trip in analysis.trips if trip.backend == name) == refused


def test_an_outage_lasts_over_several_trips_until_service_was_whole() -> None:
    """Half of the answers fail, so service is never whole between trips, though not one of them is a re-trip."""
    run, _ = played(lab_of(), scenario_of({"for": 3}, {"for": 6, "simulate": fault(0.5)}, {"for": 4}))
    trips = analyse(run).trips
    assert [trip.outage_s is None for trip in trips] == [True] * (len(trips) - 1) + [False]
    assert trips[-1].outage_s is not None
    assert trips[-1].outage_s > 6


def test_an_outage_does_not_begin_with_old_failures_that_service_outlived() -> None:
    """One failure a second in a hundred: every second is whole, and the third failure trips the breaker."""
    run, _ = played(
        lab_of(RULE | {"count": 20, "interval": 60}),
        scenario_of({"for": 12, "rate": 200, "simulate": fault(0.004)}, {"for": 2, "simulate": fault()}, {"for": 5}),
    )
    [*_, last] = analyse(run).trips
    assert last.time_to_trip_s is not None
    assert last.outage_s is not None
    assert last.outage_s < 6


@pytest.mark.parametrize("seed", range(6))
def test_no_time_runs_backwards(seed: int) -> None:
    """The first answers after a group's reset may be over before the middle of its interval."""
    run, _ = played(lab_of(RULE | {"count": 1}, units=3), TRIP, seed=seed)
    for trip in analyse(run).trips:
        for value in (trip.time_to_trip_s, trip.recovery_latency_s, trip.outage_s):
            assert value is None or value >= 0


GROUP = Trip("m1", None, Measured(3.4, 3.0, 3.8), Measured(5.4, 4.9, 5.9), first_shed_s=3.8)


@pytest.mark.parametrize(
    ("true", "matched"),
    [
        pytest.param([(3.5, 4.5), (5.86, 6.86)], [0], id="one that trips after the last shed is the next group's"),
        pytest.param([(2.5, 3.2), (3.5, 4.5)], [1], id="one that reset before the first shed is the group's before"),
        pytest.param([(3.5, 4.5), (4.4, 6.1)], [0, 1], id="units whose open times overlap are one"),
        pytest.param([(3.5, 3.6)], [0], id="a trip shorter than its shed takes is still this one"),
        pytest.param([(3.5, 4.3), (4.6, 5.3)], [0], id="a second group that no request told apart is not this one's"),
    ],
)
def test_a_group_is_compared_with_the_true_trips_that_it_shows(
    true: list[tuple[float, float]], matched: list[int]
) -> None:
    own = [(index, TrueTrip("m1", index, *span)) for index, span in enumerate(true)]
    found = truth_of(GROUP, overlapping(own, 2))
    assert found is not None
    assert [index for index, _ in found.trips] == matched
