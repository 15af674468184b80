"""The fast engine against the reference."""

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
from simulator.virtual import VirtualEvent, run_virtual
from tests.simulator.labs import labs, scenarios
from tripcurve.breaker import Closed, Outcome
from tripcurve.breaker.failure import FailureTest
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

EXAMPLES = int(os.environ.get("TRIPCURVE_RANDOM_LABS", "250"))
NETWORKS = st.sampled_from([Network(), Network(0.05, 0.2, 0.0, 0.4)])
EXACT = Network(0.001, 0.0, 0.0, 0.0)
"""Where requests of two sources can meet in one instant."""


def seen(events: list[VirtualEvent], scenario: Scenario) -> list[VirtualEvent]:
    """The events by time, without resets after the scenario's end, which only some requests notice."""
    kept = [e for e in events if not (isinstance(e.event, Closed) and e.event.at > scenario.duration_s)]
    return sorted(kept, key=lambda e: (e.event.at, e.unit, type(e.event).__name__))


@settings(max_examples=EXAMPLES, deadline=None)
@given(labs(), scenarios(), st.integers(0, 2**40), NETWORKS | st.just(EXACT))
def test_both_engines_have_the_same_transitions(lab: Lab, scenario: Scenario, seed: int, network: Network) -> None:
    assert obstacle(lab, scenario) is None
    fast = run_fast(lab, scenario, seed=seed, network=network)
    assert seen(fast.events(), scenario) == seen(
        run_virtual(lab, scenario, seed=seed, network=network).events, scenario
    )


@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(labs(), scenarios(), st.integers(0, 2**40), NETWORKS)
def test_both_engines_have_the_same_rows(lab: Lab, scenario: Scenario, seed: int, network: Network) -> None:
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


def rows(batches: Iterable[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.to_pylist()]


def by_start(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["start_ns"], row["intended_ns"], row["latency_us"]
