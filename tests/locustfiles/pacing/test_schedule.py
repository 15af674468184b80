"""The schedule of arrivals and how it is shared out."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.pacing.schedule import Share, derived_rng, phase_arrivals, probe_arrivals
from tripcurve.scenario import Probe, Scenario
from tripcurve.scenario.trace import Trace


def arrivals(whole: Scenario, worker: int = 0, workers: int = 1, trace: Trace | None = None) -> Iterator[float]:
    """Arrivals of one of several workers that share all phases."""
    phases = range(len(whole.phases))
    parts = (phase_arrivals(whole, phase, worker, Share(worker, workers), trace) for phase in phases)
    return itertools.chain.from_iterable(parts)


def scenario(arrivals: object = "constant", **phase: object) -> Scenario:
    phases = [{"name": "one", "for": 10, "rate": 37.0, **phase}, {"name": "closed", "for": 3, "users": 2}]
    phases.append({"name": "ramp", "for": 8, "rate": {"from": 5, "to": 45}})
    return Scenario.model_validate({"name": "s", "users": {"ChatUser": 9}, "arrivals": arrivals, "phases": phases})


@given(workers=st.integers(1, 9), spread=st.sampled_from(["constant", {"gamma": {"cv": 3}}]))
def test_workers_together_keep_the_schedule_of_one_process(workers: int, spread: object) -> None:
    whole = scenario(spread)
    alone = list(arrivals(whole))
    shared = heapq.merge(*(arrivals(whole, worker, workers) for worker in range(workers)))
    assert list(shared) == alone


def test_a_constant_rate_is_evenly_spaced_from_the_start() -> None:
    first = [due for due in arrivals(scenario()) if due < 10]
    assert len(first) == 370
    assert first == pytest.approx([n / 37 for n in range(370)])


def test_a_closed_phase_has_no_arrivals_and_the_next_begins_at_its_own_time() -> None:
    due = list(arrivals(scenario()))
    assert [one for one in due if 10 <= one < 13] == []
    assert min(one for one in due if one >= 13) == 13
    assert len([one for one in due if one >= 13]) == 8 * 25


def kolmogorov_smirnov(gaps: list[float], rate: float) -> float:
    """The distance of the gaps' distribution from an exponential one, times the root of their number."""
    ordered, n = sorted(gaps), len(gaps)
    expected = [1 - math.exp(-rate * gap) for gap in ordered]
    return math.sqrt(n) * max(max((k + 1) / n - e, e - k / n) for k, e in enumerate(expected))


@pytest.mark.parametrize("workers", [1, 4])
def test_poisson_gaps_are_exponential_alone_and_shared(workers: int) -> None:
    whole = scenario("poisson", **{"for": 200, "rate": 50.0})
    due = list(heapq.merge(*(arrivals(whole, worker, workers) for worker in range(workers))))
    due = [one for one in due if one < 200]
    gaps = [later - earlier for earlier, later in itertools.pairwise(due)]
    assert kolmogorov_smirnov(gaps, 50.0) < 1.63  # one in a hundred; the seed is fixed


def test_the_test_of_gaps_distinguishes_even_from_random_arrivals() -> None:
    assert kolmogorov_smirnov([0.02] * 1000, 50.0) > 10


def test_random_numbers_differ_by_worker_purpose_and_seed_and_repeat_with_the_same() -> None:
    def draw(seed: int, worker: int, purpose: str) -> float:
        seeded = scenario().model_copy(update={"seed": seed})
        return derived_rng(seeded, worker, purpose).random()

    drawn = [draw(*one) for one in [(0, 0, "a"), (0, 1, "a"), (0, 0, "b"), (1, 0, "a")]]
    assert len(set(drawn)) == 4
    assert draw(0, 1, "a") == drawn[1]


def test_probes_keep_their_rate_and_start_at_different_times() -> None:
    pulses = [list(probe_arrivals(Probe(rate=4), number, 60.0)) for number in range(3)]
    for pulse in pulses:
        assert len(pulse) == 240
        assert all(b - a == pytest.approx(0.25) for a, b in itertools.pairwise(pulse))
    starts = sorted(pulse[0] for pulse in pulses)
    assert min(b - a for a, b in itertools.pairwise(starts)) > 0.02


@given(workers=st.integers(1, 9))
def test_a_trace_is_dealt_out_to_workers_as_far_as_the_phases_last(workers: int) -> None:
    due_ns = np.cumsum(np.arange(1, 40) * 10_000_000)
    trace = Trace(due_ns, np.zeros(39, np.int32), np.zeros(39, np.int32))
    phases = [{"name": "one", "for": 3}, {"name": "two", "for": 2}]
    replay = Scenario.model_validate({"name": "r", "trace": {"file": "t.csv"}, "phases": phases})
    shared = list(heapq.merge(*(arrivals(replay, worker, workers, trace) for worker in range(workers))))
    assert shared == [due / 1e9 for due in due_ns.tolist() if due < 5e9]
    assert len(shared) < 39


def test_phases_with_one_arrival_each_go_to_all_workers_in_turn() -> None:
    phases = [{"name": f"p{number}", "for": 1, "rate": 1} for number in range(6)]
    whole = Scenario.model_validate({"name": "s", "users": {"ChatUser": 9}, "phases": phases})
    assert [list(arrivals(whole, worker, 3)) for worker in range(3)] == [[0, 3], [1, 4], [2, 5]]
