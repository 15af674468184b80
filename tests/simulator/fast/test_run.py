"""The fast method against the reference."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.fast.limits import obstacle
from simulator.fast.run import run_fast
from simulator.network import Network
from simulator.record import batches_of
from simulator.virtual import EPOCH_NS, VirtualEvent, run_virtual
from tests.simulator.labs import labs, scenarios
from tripcurve.breaker import Closed, Outcome
from tripcurve.breaker.failure import FailureTest
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

EXAMPLES = int(os.environ.get("TRIPCURVE_RANDOM_LABS", "250"))
NETWORKS = st.sampled_from([Network(), Network(0.05, 0.2, 0.0, 0.4)])
EXACT = Network(0.001, 0.0, 0.0, 0.0)
"""Every request comes at its very instant. Played without probes: which of two equal instants is first is undefined."""


def seen(events: list[VirtualEvent], scenario: Scenario) -> list[VirtualEvent]:
    """The events by time, without resets after the scenario's end, which only some requests notice."""
    kept = [e for e in events if not (isinstance(e.event, Closed) and e.event.at > scenario.duration_s)]
    return sorted(kept, key=lambda e: (e.event.at, e.unit, type(e.event).__name__))


@settings(max_examples=EXAMPLES, deadline=None)
@given(labs(), scenarios(), st.integers(0, 2**40), NETWORKS | st.just(EXACT))
def test_both_methods_have_the_same_transitions(lab: Lab, scenario: Scenario, seed: int, network: Network) -> None:
    assert obstacle(lab, scenario) is None
    if network == EXACT:
        scenario = scenario.model_copy(update={"users": {"ChatUser": 1}})
    fast = run_fast(lab, scenario, seed=seed, network=network)
    assert seen(fast.events(), scenario) == seen(
        run_virtual(lab, scenario, seed=seed, network=network).events, scenario
    )


@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(labs(), scenarios(), st.integers(0, 2**40), NETWORKS)
def test_both_methods_have_the_same_rows(lab: Lab, scenario: Scenario, seed: int, network: Network) -> None:
    fast = rows(run_fast(lab, scenario, seed=seed, network=network).batches())
    reference = rows(batches_of(run_virtual(lab, scenario, seed=seed, network=network)))
    assert sorted(fast, key=by_start) == sorted(reference, key=by_start)
    assert [row["start_ns"] for row in fast] == sorted(row["start_ns"] for row in fast)


@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(labs(), scenarios(), st.integers(0, 2**40), NETWORKS)
def test_the_counts_are_those_of_the_rows(lab: Lab, scenario: Scenario, seed: int, network: Network) -> None:
    run = run_fast(lab, scenario, seed=seed, network=network)
    reference = run_virtual(lab, scenario, seed=seed, network=network)
    counts, rule = run.counts(), FailureTest(lab.backends[0].breaker, lab.local)  # type: ignore[arg-type]  # it has one
    if not any(fault.drop for phase in scenario.phases for fault in phase.simulate.values()):
        assert counts.failures == sum(bool(rule.judge(Outcome(answer.status))) for answer in reference.answers)
    if counts.exact:
        assert counts.requests == len(reference.samples)
        assert counts.shed == len(reference.samples) - len(reference.answers)


def test_only_the_unit_that_tripped_sheds() -> None:
    rule = {"count": 2, "interval": 60, "status_codes": [429], "trip_duration": 60}
    backends = [{"name": "m1", "breaker": rule}]
    lab = Lab.model_validate({"name": "v", "gateway": {"name": "g", "units": 2}, "backends": backends})
    fault = {"m1": {"status": 429, "share": 0.02}}
    phases = [{"name": "p", "for": 5, "rate": 40, "simulate": fault}]
    scenario = Scenario.model_validate({"name": "s", "users": {"ChatUser": 1}, "phases": phases})
    runs = [run_fast(lab, scenario, seed=seed) for seed in range(30)]
    half_tripped = [run for run in runs if [len(trips) for trips in run.trips] == [1, 0]]
    assert half_tripped
    for run in half_tripped:
        after = [row["status"] for row in rows(run.batches()) if row["start_ns"] > EPOCH_NS + run.trips[0][0].at * 1e9]
        assert 503 in after
        assert 200 in after


def rows(batches: Iterable[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.to_pylist()]


def by_start(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["start_ns"], row["intended_ns"], row["latency_us"]
