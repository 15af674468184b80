"""Load that was sent as configured is judged so, and other load is not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from reports.loading.run import Run
from reports.statistics.arrivals import Arrivals
from reports.statistics.stimulus import CLOSED_LOOP, CUT_SHORT, LEVEL, NOT_RECORDED, REPLAYED, stimulus
from tests.reports.runs import fault, lab_of, play, scenario_of
from tripcurve.run.info import Pacing, RunInfo
from tripcurve.run.stimulus import PhaseStimulus, Stimulus
from tripcurve.scenario import Scenario

START = 1_700_000_000_000_000_000
FLAT: dict[str, Any] = {"for": 20, "rate": 40}
RAMP: dict[str, Any] = {"for": 20, "rate": {"from": 0, "to": 80}}
LATE_NS = 200_000


def poisson(rng: np.random.Generator, seconds: float, first: float, last: float) -> npt.NDArray[np.float64]:
    """The instants of a Poisson process whose rate rises linearly: independent draws from the density of the rate."""
    grid = np.linspace(0, seconds, 10_001)
    due = first * grid + (last - first) / seconds * grid**2 / 2
    return np.interp(np.sort(rng.uniform(0, due[-1], rng.poisson(due[-1]))), due, grid)


def even(seconds: float, rate: float) -> npt.NDArray[np.float64]:
    return np.arange(np.ceil(seconds * rate)) / rate


def judged(scenario: Scenario, due_s: npt.NDArray[np.float64], info: RunInfo | None = None, doubt: int = 0) -> Stimulus:
    """The judgement of a run of one phase whose arrivals were due at these instants, each sent 0.2 ms late."""
    arrivals = Arrivals(scenario, START)
    due = START + (due_s * 1e9).round().astype(np.int64)
    found = next(iter(arrivals.phases.values()))
    found.add(due, due + LATE_NS)
    found.clock_doubt_ns = doubt
    arrivals.finish()
    return of(scenario, arrivals, info)


def of(scenario: Scenario, arrivals: Arrivals, info: RunInfo | None = None) -> Stimulus:
    run = SimpleNamespace(scenario=scenario, arrivals=arrivals, info=info or RunInfo(), duration_s=scenario.duration_s)
    return stimulus(cast(Run, run))


def only(found: Stimulus) -> PhaseStimulus:
    [phase] = found.phases
    return phase


POISSON, POISSON_RAMP = scenario_of(FLAT, arrivals="poisson"), scenario_of(RAMP, arrivals="poisson")
CONSTANT = scenario_of(FLAT)


@pytest.mark.parametrize(("scenario", "ends"), [(POISSON, (40, 40)), (POISSON_RAMP, (0, 80))])
def test_poisson_arrivals_pass_at_the_stated_level(scenario: Scenario, ends: tuple[float, float]) -> None:
    """Two tests at a level of 0.001 each: of 300 runs 0.6 are expected to fail, hardly ever more than 5."""
    rng = np.random.default_rng(7)
    found = [judged(scenario, poisson(rng, 20, *ends)).as_configured for _ in range(300)]
    assert found.count(None) == 0
    assert found.count(False) <= 5


def test_p_values_of_poisson_arrivals_are_evenly_distributed() -> None:
    rng = np.random.default_rng(8)
    gaps = [only(judged(POISSON, poisson(rng, 20, 40, 40))).gaps for _ in range(400)]
    p_values = np.array([test.p_value for test in gaps if test is not None])
    assert len(p_values) == 400
    for level in (0.1, 0.5, 0.9):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=0.08)


@pytest.mark.parametrize("rate", [0.7, 40, 333.3])
def test_even_arrivals_pass(rate: float) -> None:
    found = judged(scenario_of({"for": 20, "rate": rate}), even(20, rate))
    assert found.as_configured
    assert found.sentence == "as configured in its only phase, in rate and spacing"
    gaps = only(found).gaps
    assert gaps is not None
    assert gaps.statistic < 1e-6


def test_even_arrivals_on_a_ramp_pass() -> None:
    due = np.sqrt(np.arange(800) / 2)  # 2 t² arrivals are due by t
    assert judged(scenario_of(RAMP), due).as_configured


RNG = np.random.default_rng(9)
WRONG = {
    "even instead of Poisson": (POISSON, even(20, 40)),
    "Poisson instead of even": (CONSTANT, poisson(RNG, 20, 40, 40)),
    "even, 1 % too slow": (CONSTANT, even(20, 39.6)),
    "even, 1 % too fast": (CONSTANT, even(20, 40.4)),
    "Poisson, a quarter too fast": (POISSON, poisson(RNG, 20, 50, 50)),
    "a flat rate instead of a ramp": (POISSON_RAMP, poisson(RNG, 20, 40, 40)),
    "a falling ramp instead of a rising one": (POISSON_RAMP, poisson(RNG, 20, 80, 0)),
    "pairs at the right rate": (CONSTANT, np.repeat(even(20, 20), 2)),
    "Poisson in bursts at the right rate": (POISSON, np.repeat(poisson(RNG, 20, 20, 20), 2)),
    "a stall of a second": (CONSTANT, np.where((d := even(20, 40)) // 1 == 5, 6.0, d)),
    "nothing": (CONSTANT, np.empty(0)),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_arrivals_fail(name: str) -> None:
    scenario, due = WRONG[name]
    found = judged(scenario, due)
    assert found.as_configured is False
    assert found.sentence.startswith("not as configured in p0: ")


def test_the_figures_of_a_phase() -> None:
    pacing = Pacing(intended=803, sent=800, dropped=2, missed=1, dropped_by_phase={"p0": 2}, missed_by_phase={"p0": 1})
    phase = only(judged(CONSTANT, even(20, 40), RunInfo(pacing=pacing)))
    assert phase.sent is not None
    assert phase.offered is not None
    assert (phase.configured_s, phase.sent.per_s, phase.offered.per_s) == (40, 40, 803 / 20)
    assert (phase.sent.low, phase.sent.high) == (799 / 20, 801 / 20)
    assert (phase.dropped, phase.missed) == (2, 1)
    assert phase.late_ms.model_dump() == {"n": 800, "p50": 0.2, "p99": 0.2, "max": 0.2}


def test_arrivals_that_were_never_sent_are_the_reason() -> None:
    pacing = Pacing(dropped=80, missed=0, dropped_by_phase={"p0": 80}, missed_by_phase={})
    due = even(20, 40)
    phase = only(judged(CONSTANT, due[np.arange(800) % 10 > 0], RunInfo(pacing=pacing)))
    assert phase.reason is not None
    assert phase.reason.startswith("36.00/s were sent, 40.00/s are configured; ")
    assert phase.reason.endswith("; 80 dropped because every user was busy")


def test_an_old_record_does_not_say_in_which_phase_arrivals_were_dropped() -> None:
    phase = only(judged(CONSTANT, even(20, 40), RunInfo(pacing=Pacing(dropped=3, missed=0))))
    assert (phase.dropped, phase.missed, phase.offered) == (None, 0, None)
    assert only(judged(CONSTANT, even(20, 40), RunInfo(pacing=Pacing(dropped=0, missed=0)))).dropped == 0


def test_closed_loop_has_no_configured_arrivals() -> None:
    found = stimulus(play(lab_of(), scenario_of({"for": 2, "rate": None, "users": 3})))
    phase = only(found)
    assert (phase.arrivals, phase.configured_s, phase.sent, phase.as_configured) == (None, None, None, None)
    assert phase.reason == CLOSED_LOOP
    assert found.sentence == f"not judged: {CLOSED_LOOP}"


def test_a_record_without_intended_times_is_not_judged() -> None:
    run = play(lab_of(), scenario_of({"for": 2}), network={"late_s": 0.0})
    phase = only(stimulus(run))
    assert (phase.sent, phase.gaps, phase.as_configured, phase.reason) == (None, None, None, NOT_RECORDED)
    assert phase.configured_s == 100


def test_a_phase_that_was_cut_short_is_not_judged() -> None:
    arrivals = Arrivals(scenario_of({"for": 20, "rate": 40}), START)
    due = START + (even(12, 40) * 1e9).round().astype(np.int64)
    arrivals.phases["p0"].add(due, due + LATE_NS)
    arrivals.finish()
    run = play(lab_of(), scenario_of({"for": 12, "rate": 40}))
    found = stimulus(replace(run, arrivals=arrivals))
    phase = only(found)
    assert phase.seconds == pytest.approx(12)
    assert (phase.as_configured, phase.reason, found.as_configured) == (None, CUT_SHORT, None)


def test_clocks_that_are_not_known_well_enough_leave_gaps_untested() -> None:
    phase = only(judged(CONSTANT, even(20, 40), doubt=2_000_000))
    assert (phase.gaps, phase.as_configured) == (None, None)
    assert phase.reason is not None
    assert "±2.000 ms" in phase.reason


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_a_whole_run_with_a_fault_and_probes_is_as_configured(arrivals: str) -> None:
    phases = [{"for": 2}, {"for": 4, "simulate": fault()}, {"for": 5, "rate": {"from": 100, "to": 50}}]
    users = {"ChatUser": 5, "ProbeUser": 1}
    found = stimulus(play(lab_of(), scenario_of(*phases, users=users, arrivals=arrivals), seed=3))
    assert found.as_configured, found.sentence
    assert found.sentence == "as configured in all 3 phases, in rate and spacing"
    assert [phase.arrivals for phase in found.phases] == [arrivals] * 3
    assert found.level == LEVEL


def bursts(rng: np.random.Generator, cv: float, seconds: float, rate: float) -> npt.NDArray[np.float64]:
    """Arrivals with gamma-distributed gaps, of a process that has begun long before."""
    gaps = rng.gamma(cv**-2, cv**2 / rate, round(4 * seconds * rate + 400))
    due = np.cumsum(gaps)
    due -= due[-1] - 1.5 * seconds
    return np.asarray(due[(due >= 0) & (due < seconds)])


@pytest.mark.parametrize("cv", [0.3, 3.0])
def test_bursts_pass(cv: float) -> None:
    rng = np.random.default_rng(10)
    scenario = scenario_of(FLAT, arrivals={"gamma": {"cv": cv}})
    found = [judged(scenario, bursts(rng, cv, 20, 40)) for _ in range(100)]
    assert [each.as_configured for each in found].count(False) <= 3
    assert only(found[0]).arrivals == f"gamma, cv {cv:g}"


def test_other_arrivals_than_bursts_fail() -> None:
    rng = np.random.default_rng(11)
    scenario = scenario_of(FLAT, arrivals={"gamma": {"cv": 3}})
    assert judged(scenario, poisson(rng, 20, 40, 40)).as_configured is False
    assert judged(scenario, even(20, 40)).as_configured is False
    assert judged(POISSON, bursts(rng, 3, 20, 40)).as_configured is False


def test_a_replayed_trace_configures_no_rate() -> None:
    scenario = scenario_of({"for": 20, "rate": None}, trace={"file": "trace.csv"})
    phase = only(judged(scenario, even(20, 40)))
    assert (phase.arrivals, phase.configured_s, phase.gaps, phase.as_configured) == ("trace", None, None, None)
    assert phase.reason == REPLAYED
    assert phase.sent is not None
    assert phase.sent.n == 800
