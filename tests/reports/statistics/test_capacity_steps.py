"""The figures of steps: of runs, and of windows of a log."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.loading.run import load
from reports.loading.traffic import Traffic, traffic_of
from reports.statistics.capacity import Limits, from_run
from reports.statistics.capacity_steps import StepFigures, _groups, steps_of_run, steps_of_windows
from reports.statistics.estimates import FEWEST_BATCHES
from tests.reports.runs import lab_of, scenario_of
from tests.reports.runs import write as write_run
from tests.reports.steps import step, traffic_of_step


def joined(*parts: Traffic) -> Traffic:
    return Traffic(*(np.concatenate([getattr(part, name) for part in parts]) for name in Traffic.__dataclass_fields__))


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> list[StepFigures]:
    """A step run of a lab that admits 20 requests a second, so that the last step is throttled."""
    lab = lab_of(backends=[{"name": "m1", "limits": {"rpm": 1200}, "latency": {"median_ms": 10, "p95_ms": 20}}])
    scenario = scenario_of(*({"for": 10, "rate": rate} for rate in (10, 16, 40)))
    run = load(write_run(tmp_path_factory.mktemp("steps") / "run", lab, scenario, seed=1))
    return steps_of_run(run, from_run(run).curve, traffic_of(run))


def test_offered_and_served_rates_are_those_of_the_steps(figures: list[StepFigures]) -> None:
    assert [round(one.offered_s.value) for one in figures] == [10, 16, 40]
    assert [round(one.served_s.value) for one in figures[:2]] == [10, 16]
    assert 18 <= figures[2].served_s.value <= 22


def test_an_even_load_has_a_narrow_interval(figures: list[StepFigures]) -> None:
    offered = figures[0].offered_s
    assert offered.low is not None
    assert offered.high is not None
    assert offered.high - offered.low < 0.5


def test_every_interval_contains_its_value(figures: list[StepFigures]) -> None:
    for one in figures:
        for estimate in (one.offered_s, one.served_s, one.tokens_per_minute, one.ok_share, one.p50_ms, one.p99_ms):
            assert estimate is not None
            assert estimate.low is None or estimate.low <= estimate.value
            assert estimate.high is None or estimate.value <= estimate.high


def test_answers_tokens_and_lateness_are_counted(figures: list[StepFigures]) -> None:
    assert set(figures[2].answers) == {"200", "429"}
    assert figures[0].tokens_in_s + figures[0].tokens_out_s == pytest.approx(600)
    assert [one.late for one in figures] == [False] * 3
    assert [one.delivered_share for one in figures] == [1.0] * 3


@pytest.mark.parametrize(("late_ms", "delivered", "late"), [(1, 1.0, False), (30, 1.0, True), (1, 0.9, True)])
def test_a_generator_that_fell_behind_is_marked(late_ms: float, delivered: float, late: bool) -> None:
    assert step(20, late_ms=late_ms, delivered=delivered).late is late


def test_a_step_without_a_success_has_no_latency() -> None:
    found = step(20, answers={"429 backend": 1.0})
    assert (found.p50_ms, found.p99_ms) == (None, None)
    assert found.served_s.value == 0


def test_windows_of_a_log_are_grouped_by_their_load() -> None:
    parts = [traffic_of_step(10 * n, seconds=20, begin_s=20 * n, seed=n) for n in range(1, 9)]
    found = steps_of_windows(joined(*parts), 1.0, Limits())
    assert [round(one.rate) for one in found] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert sum(one.step.n for one in found) == sum(len(part) for part in parts) - 10 - 80  # the first and last window


def test_holes_of_a_log_are_no_load() -> None:
    """A hole of an hour in a load of 20 requests a second."""
    parts = [traffic_of_step(20, begin_s=begin, seed=1) for begin in (0, 3600)]
    [only] = steps_of_windows(joined(*parts), 1.0, Limits())
    assert only.rate == pytest.approx(20)


def test_a_shed_in_a_quiet_window_is_not_the_limit_of_its_load() -> None:
    [only] = steps_of_windows(traffic_of_step(50, answers={"shed": 0.004}, seed=2), 1.0, Limits())
    assert only.step.cause is None


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=300))
def test_groups_rise_with_the_load_and_are_large_enough(counts: list[int]) -> None:
    numbers = np.array(counts)
    group = _groups(numbers)
    sizes = np.bincount(group)
    assert (sizes > 0).all()
    assert len(sizes) == 1 or sizes.min() >= FEWEST_BATCHES
    order = np.argsort(numbers, kind="stable")
    assert (np.diff(group[order]) >= 0).all()
