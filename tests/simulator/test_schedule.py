"""Schedules of simulated requests, and that bursts and traces are those of live runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.pacing.schedule import Share, phase_arrivals
from simulator.fast.run import run_fast
from simulator.schedule import Listed
from simulator.virtual import EPOCH_NS, VirtualRun, run_virtual
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario
from tripcurve.scenario.trace import Trace

LAB = Lab.model_validate({"name": "l", "gateway": {"name": "g"}, "backends": [{"name": "m1"}]})
PHASES = [{"name": "a", "for": 3, "rate": 40}, {"name": "b", "for": 2, "users": 1}, {"name": "c", "for": 3, "rate": 80}]


def scenario(**fields: Any) -> Scenario:
    return Scenario.model_validate({"name": "s", "users": {"ChatUser": 5}, "phases": PHASES} | fields)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30).map(sorted), st.floats(-1, 101))
def test_listed_requests_are_due_at_their_instants(times: list[float], instant: float) -> None:
    listed = Listed(np.array(times))
    assert listed.total == len(times)
    assert [listed.instant(number) for number in range(len(times))] == times
    assert listed.instant(len(times)) == times[-1]
    assert listed.due(instant) == sum(time <= instant for time in times)
    assert listed.instants(np.arange(len(times)).astype(float)).tolist() == times


def due_s(run: VirtualRun, *phases: str) -> list[float]:
    return sorted((row.intended_ns - EPOCH_NS) / 1e9 for row in run.samples if row.phase in phases)


def test_bursts_come_at_the_same_instants_as_in_a_live_run_of_the_same_seed() -> None:
    bursts = scenario(arrivals={"gamma": {"cv": 3}}, seed=11)
    live = [due for phase in range(3) for due in phase_arrivals(bursts, phase, 0, Share())]
    played = due_s(run_virtual(LAB, bursts, seed=11), "a", "c")
    assert played == pytest.approx(live, abs=1e-9)
    assert len(played) > 200


@pytest.mark.parametrize("play", ["reference", "fast"])
def test_a_trace_comes_at_the_same_instants_as_in_a_live_run(play: str) -> None:
    phases = [{"name": "a", "for": 1}, {"name": "b", "for": 1}]
    replay = scenario(trace={"file": "t.csv"}, phases=phases)
    due_ns = np.array([0, 5_000_000, 5_000_001, 999_999_999, 1_000_000_000, 1_500_000_000, 2_500_000_000])
    trace = Trace(due_ns, np.zeros(7, np.int32), np.zeros(7, np.int32))
    if play == "fast":
        rows = [row for batch in run_fast(LAB, replay, trace=trace).batches() for row in batch.to_pylist()]
        found = sorted((row["intended_ns"] - EPOCH_NS, row["phase"]) for row in rows)
    else:
        found = sorted((row.intended_ns - EPOCH_NS, row.phase) for row in run_virtual(LAB, replay, trace=trace).samples)
    assert found == [(due, "a" if due < 1_000_000_000 else "b") for due in due_ns.tolist()[:-1]]


def test_a_phase_without_a_request_of_the_trace_is_silent() -> None:
    replay = scenario(trace={"file": "t.csv"}, phases=[{"name": "a", "for": 1}, {"name": "b", "for": 1}])
    trace = Trace(np.array([0]), np.zeros(1, np.int32), np.zeros(1, np.int32))
    assert due_s(run_virtual(LAB, replay, trace=trace), "a", "b") == [0.0]
