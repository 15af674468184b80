"""Every stated instant of a planted run of several units holds its own true one, and no trip is lost without a word."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reports.loading.run import load
from reports.statistics.summary import build_summary, summarise
from reports.trips.analysis import Analysis, analyse
from tests.planted import OtherClock, Plan, Planted, groups, plant

ROUNDING_S = 2e-9
ASKED = os.environ.get("TRIPCURVE_PLANTED_EXAMPLES")
EXAMPLES = int(ASKED or 250)
"""The same 250 plans each time; as many new ones as the variable asks for."""
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""A plan is small as it is, and to make it smaller takes minutes."""


def held(analysis: Analysis, truth: list[Planted]) -> None:
    """Each stated instant lies within its half-width of one true group, and all others are listed as unobserved."""
    assert len(analysis.trips) <= len(truth), "a trip was invented"
    for trip in analysis.trips:
        for stated, error in ((trip.tripped_s, "tripped_s"), (trip.reset_s, "reset_s")):
            if stated is not None:
                assert trip.error_s is not None
                off = trip.error_s[error]
                assert off is not None
                assert abs(off) <= stated.half_width + ROUNDING_S, f"{error} {stated} is off by {off}"
    shown = {trip.truth["tripped_s"] for trip in analysis.trips if trip.truth is not None}
    lost = {one.tripped_s for one in analysis.unobserved}
    assert len(shown) + len(analysis.unobserved) <= len(truth)
    assert all(any(abs(one.tripped - at) < 1e-6 for at in shown | lost if at is not None) for one in groups(truth))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(units=2), id="2 units"),
        pytest.param(Plan(units=3, rate=200, fault_until=20, length=28), id="3 units under a continuing fault"),
        pytest.param(Plan(units=3, rate=200, fault_until=3.5), id="3 units, a short fault"),
        pytest.param(Plan(units=8, rate=200), id="8 units"),
        pytest.param(Plan(units=4, rate=200, backend_s=1.3), id="4 units, 2 s latency"),
        pytest.param(Plan(units=2, rate=200, failing=0.3, open_s=1, fault_until=2), id="2 units, 30 % failures"),
        pytest.param(
            Plan(units=2, rate=200, backend_s=5e-4, failing=0.1, open_s=0.5, fault_until=2, priorities=(1, 2)),
            id="2 units of a pool, whose second member is asked where the first is open",
        ),
        pytest.param(
            Plan(units=2, poisson=True, failing=0.3, count=10, open_s=1, fault_until=3), id="2 units, 10 failures"
        ),
        pytest.param(Plan(header_late=1.6e-4, rate=200, backend_s=5e-4), id="a wait reported too long"),
        pytest.param(Plan(units=2, rate=200, count=60), id="2 units, groups told apart"),
    ],
)
def test_several_units(tmp_path: Path, plan: Plan, poisson: bool, seed: int) -> None:
    truth = plant(tmp_path / "run", replace(plan, poisson=poisson, seed=seed, events=True))
    held(analyse(load(tmp_path / "run")), truth)


def test_answers_of_a_member_that_shares_requests_do_not_split_a_group(tmp_path: Path) -> None:
    plan = Plan(count=10, fault_until=3, length=12, seed=59089, backend_s=0.3, network=0.005)
    truth = plant(tmp_path / "run", replace(plan, units=2, priorities=(1, 1), events=True))
    analysis = analyse(load(tmp_path / "run"))
    held(analysis, truth)
    assert len(analysis.trips) == len(truth) == 1


def test_the_reset_of_a_group_that_may_be_two_is_not_stated(tmp_path: Path) -> None:
    truth = plant(tmp_path / "run", Plan(units=3, rate=200, fault_until=20, length=28, seed=1, events=True))
    analysis = analyse(load(tmp_path / "run"))
    assert len(groups(truth)) > 1
    [trip] = analysis.trips
    assert trip.reset_s is None
    assert trip.truth is not None
    assert trip.truth["tripped_s"] == pytest.approx(groups(truth)[0].tripped, abs=1e-6)
    assert len(analysis.unobserved) == len(truth) - sum(one.tripped < groups(truth)[0].reset for one in truth)


def test_the_reset_of_a_group_that_is_certainly_one_is_stated(tmp_path: Path) -> None:
    plant(tmp_path / "run", Plan(units=3, rate=200, fault_until=3.5, events=True))
    [trip] = analyse(load(tmp_path / "run")).trips
    assert trip.reset_s is not None


TURNS_503_INTO_429 = """<policies><inbound/><backend/><outbound/>
<on-error><return-response><set-status code="429" reason="Busy"/></return-response></on-error></policies>"""
LIMITS = """<policies><inbound><rate-limit calls="10" renewal-period="1"/></inbound>
<backend/><outbound/><on-error/></policies>"""


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(shed_status=429, policy=TURNS_503_INTO_429), id="by a policy"),
        pytest.param(Plan(shed_status=429), id="as the run shows"),
        pytest.param(Plan(shed_status=429, marked=False, policy=TURNS_503_INTO_429), id="unmarked, told by latency"),
        pytest.param(Plan(shed_status=429, status=503), id="of a rule that counts 503"),
        pytest.param(Plan(shed_status=429, policy=TURNS_503_INTO_429, units=3, fault_until=3.5), id="3 units"),
        pytest.param(Plan(shed_status=429, policy=TURNS_503_INTO_429, priorities=(1, 2), faulty=2), id="a pool"),
    ],
)
def test_sheds_of_429(tmp_path: Path, plan: Plan, poisson: bool) -> None:
    truth = plant(tmp_path / "run", replace(plan, poisson=poisson, events=True))
    run = load(tmp_path / "run")
    analysis = analyse(run)
    held(analysis, truth)
    assert len(analysis.trips) == len(groups(truth))
    assert list(summarise(run, analysis, [])["sheds_by_status"]) == ["429"]


def test_429s_of_a_gateway_that_limits_calls_are_not_sheds(tmp_path: Path) -> None:
    plant(tmp_path / "run", Plan(shed_status=429, policy=LIMITS))
    run = load(tmp_path / "run")
    assert analyse(run).trips == []
    assert [note for note in run.notes if "by a limit of its own" in note]


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize("rate", [45, 200])
@pytest.mark.parametrize(
    ("stated", "parts"),
    [
        pytest.param({"stated_count": 5}, {"count"}, id="a count of 5 for 3"),
        pytest.param({"stated_count": 2}, {"count"}, id="a count of 2 for 3"),
        pytest.param({"stated_open_s": 4}, {"open for"}, id="4 s for 6 s"),
        pytest.param({"stated_open_s": 8}, {"open for"}, id="8 s for 6 s"),
        pytest.param({"stated_count": 5, "stated_open_s": 4}, {"count", "open for"}, id="both"),
    ],
)
def test_a_rule_that_the_lab_states_wrongly_is_contradicted(
    tmp_path: Path, stated: dict[str, Any], parts: set[str], rate: int, poisson: bool
) -> None:
    plan = Plan(rate=rate, poisson=poisson, open_s=6, fault_until=22, length=30, events=True, **stated)
    truth = plant(tmp_path / "run", plan)
    run = load(tmp_path / "run")
    analysis = analyse(run)
    held(analysis, truth)
    assert len(analysis.trips) == len(truth)
    if "count" in parts:
        assert {trip.tripped_s.by for trip in analysis.trips if trip.tripped_s is not None} == {"proof"}
    summary = build_summary(run, analysis, [])
    assert {finding.part for finding in summary.conformance if finding.verdict == "contradicted"} == parts
    assert summary.verdict is not None
    assert summary.verdict.label == "not good"
    assert all(f"m1's {part} is" in summary.verdict.sentence for part in parts)


BUSY = Plan(rate=200, open_s=1, fault_until=9, events=True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("clock", "workers"),
    [
        pytest.param(OtherClock(), 1, id="one worker, in doubt by 50 ms"),
        pytest.param(OtherClock(), 3, id="one worker of three in doubt by 50 ms"),
        pytest.param(OtherClock(ppm=200, half_width=2e-4, sampled=True), 1, id="200 ppm fast"),
        pytest.param(OtherClock(ppm=200, half_width=2e-4, sampled=True), 3, id="one of three 200 ppm fast"),
        pytest.param(OtherClock(step=0.05, step_at=5.5, half_width=2e-4, sampled=True), 1, id="a step of 50 ms"),
        pytest.param(OtherClock(step=0.05, step_at=5.5, half_width=2e-4, sampled=True), 3, id="one of three steps"),
    ],
)
def test_workers_clocks(tmp_path: Path, clock: OtherClock, workers: int, seed: int) -> None:
    truth = plant(tmp_path / "run", replace(BUSY, workers=workers, clock=clock, seed=seed))
    held(analyse(load(tmp_path / "run")), truth)


@pytest.mark.parametrize(
    ("clock", "workers", "widest"),
    [
        pytest.param(OtherClock(), 1, 0.06, id="one worker, in doubt by 50 ms"),
        pytest.param(OtherClock(), 3, 0.03, id="one worker of three in doubt by 50 ms"),
        pytest.param(OtherClock(ppm=200, half_width=2e-4, sampled=True), 1, 0.01, id="200 ppm fast"),
    ],
)
def test_an_uncertain_clock_widens_instants_only_as_far_as_needed(
    tmp_path: Path, clock: OtherClock, workers: int, widest: float
) -> None:
    truth = plant(tmp_path / "run", replace(BUSY, workers=workers, clock=clock))
    trips = analyse(load(tmp_path / "run")).trips
    assert len(trips) == len(truth)
    resets = [trip.reset_s for trip in trips if trip.reset_s is not None]
    assert len(resets) == len(truth)
    assert max(reset.half_width for reset in resets) < widest


PLANS = st.builds(
    Plan,
    rate=st.sampled_from([20, 45, 200]),
    poisson=st.booleans(),
    backend_s=st.sampled_from([0.0005, 0.02, 0.3, 1.3]),
    failing=st.sampled_from([0, 0, 0.1, 0.3]),
    status=st.sampled_from([429, 500, 503]),
    marked=st.sampled_from([True, True, True, False]),
    count=st.sampled_from([1, 3, 10]),
    percentage=st.sampled_from([None, None, 30, 60]),
    interval_s=st.sampled_from([1, 20]),
    open_s=st.sampled_from([0.5, 1, 4]),
    fault_until=st.sampled_from([2, 3, 7]),
    faulty=st.integers(1, 2),
    length=st.just(12),
    seed=st.integers(0, 1_000_000),
    shed_status=st.sampled_from([503, 503, 503, 429]),
    units=st.sampled_from([1, 1, 1, 2, 3, 8]),
    priorities=st.sampled_from([None, None, (1, 2), (1, 1)]),
    header_late=st.sampled_from([0, 1.6e-4]),
    network=st.sampled_from([4e-4, 5e-3]),
    workers=st.integers(1, 3),
    clock=st.sampled_from(
        [None, None, OtherClock(half_width=0.005), OtherClock(ppm=200, half_width=5e-4, sampled=True)]
    ),
    events=st.just(True),
)


@settings(
    max_examples=EXAMPLES,
    derandomize=ASKED is None,
    deadline=None,
    phases=NO_SHRINKING,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(plan=PLANS)
def test_any_plan(plan: Plan) -> None:
    with TemporaryDirectory() as folder:
        truth = plant(Path(folder) / "run", plan)
        held(analyse(load(Path(folder) / "run")), truth)


def test_a_healthy_pool_seen_by_two_clocks_has_no_trip(tmp_path: Path) -> None:
    plan = Plan(
        rate=200,
        poisson=True,
        backend_s=0.3,
        failing=0,
        status=500,
        count=10,
        interval_s=20,
        open_s=0.5,
        fault_from=2,
        fault_until=2,
        faulty=1,
        length=12,
        seed=379982,
        priorities=(1, 1),
        network=0.0004,
        workers=2,
        clock=OtherClock(ahead=0.003, ppm=0, step=0, step_at=0, half_width=0.005, sampled=False),
    )
    truth = plant(tmp_path / "run", plan)
    held(analyse(load(tmp_path / "run")), truth)


def test_the_first_trip_of_units_may_be_a_failure_of_a_worker_whose_clock_is_ahead(tmp_path: Path) -> None:
    plan = Plan(
        rate=200,
        backend_s=1.3,
        failing=0.1,
        status=500,
        count=1,
        open_s=1,
        fault_until=2,
        length=12,
        seed=1149,
        units=2,
        workers=2,
        clock=OtherClock(half_width=0.005),
        events=True,
    )
    truth = plant(tmp_path / "run", plan)
    held(analyse(load(tmp_path / "run")), truth)


def test_a_row_of_answers_across_a_503_in_doubt_shows_no_unit_closed(tmp_path: Path) -> None:
    plan = Plan(
        rate=200,
        poisson=True,
        failing=0.1,
        status=503,
        marked=False,
        interval_s=1,
        open_s=0.5,
        fault_until=2,
        length=12,
        seed=1282,
        units=2,
        network=0.005,
        header_late=1.6e-4,
        workers=2,
        clock=OtherClock(half_width=0.005),
        events=True,
    )
    truth = plant(tmp_path / "run", plan)
    held(analyse(load(tmp_path / "run")), truth)
