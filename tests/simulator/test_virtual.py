"""The gateway in virtual time."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.ipc as ipc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.service import HOP_S
from simulator.virtual import EPOCH_NS, Network, VirtualRun, run_virtual
from tests.virtual_run import event_lines, write_virtual_run
from tripcurve.breaker import Closed, Opened
from tripcurve.breaker.events import read_events
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.run.layout import EVENTS, shard_paths
from tripcurve.run.record import CANCELED, Row
from tripcurve.scenario import Scenario

EXACT = Network(one_way_s=0.001, jitter_s=0.0, gateway_s=0.0, late_s=0.0)
FAULT = {"status": 429}


def lab(backends: int = 1, units: int = 1, latency: dict[str, float] | None = None, **breaker: Any) -> Lab:
    """Backends m1, m2 …; each trips for two seconds on three 429 in ten."""
    rule = {"count": 3, "interval": 10, "status_codes": [429], "trip_duration": 2} | breaker
    members = [{"name": f"m{i + 1}", "breaker": rule, "latency": latency} for i in range(backends)]
    return Lab.model_validate({"name": "v", "gateway": {"name": "g", "units": units}, "backends": members})


def scenario(*phases: dict[str, Any], **fields: Any) -> Scenario:
    named = [{"name": f"p{i + 1}", "for": 5, "rate": 10} | phase for i, phase in enumerate(phases)]
    return Scenario.model_validate({"name": "s", "users": {"ChatUser": 5}, "phases": named} | fields)


def statuses(run: VirtualRun) -> Counter[int]:
    return Counter(sample.status for sample in run.samples)


def test_a_healthy_backend_answers_everything() -> None:
    run = run_virtual(lab(), scenario({}))
    assert statuses(run) == {200: 50}
    assert run.events == []


def test_a_faulty_backend_trips_the_breaker_at_the_third_failures_answer() -> None:
    run = run_virtual(lab(latency={"median_ms": 0, "p95_ms": 0}), scenario({"simulate": {"m1": FAULT}}), network=EXACT)
    first = run.events[0].event
    assert isinstance(first, Opened)
    assert first.at == pytest.approx(0.201 + HOP_S), "arrivals at 0, 0.1 and 0.2, a millisecond on the way"
    assert first.failures == 3
    assert [sample.status for sample in run.samples[:5]] == [429, 429, 429, 503, 503]


def test_it_resets_after_its_trip_duration_with_no_request_near() -> None:
    quiet = scenario({"for": 0.3, "simulate": {"m1": FAULT}}, {"for": 10, "rate": 0.2})
    run = run_virtual(lab(), quiet, network=EXACT)
    assert [type(e.event) for e in run.events] == [Opened, Closed]
    assert run.events[1].event.at == pytest.approx(2.201 + HOP_S)


def test_a_shed_carries_the_seconds_left_and_no_backend() -> None:
    run = run_virtual(lab(), scenario({"simulate": {"m1": FAULT}}), network=EXACT)
    shed = next(sample for sample in run.samples if sample.status == 503)
    assert (shed.origin, shed.backend, shed.retry_after_s) == ("gateway", None, 2.0)


def test_units_trip_apart() -> None:
    run = run_virtual(lab(units=3), scenario({"simulate": {"m1": FAULT}}), spread="round_robin", network=EXACT)
    opened = [e for e in run.events if isinstance(e.event, Opened)][:3]
    assert [e.unit for e in opened] == [0, 1, 2]
    assert statuses(run)[429] >= 9


def test_a_pool_continues_with_its_other_member() -> None:
    run = run_virtual(lab(backends=2, trip_duration=60), scenario({"simulate": {"m1": FAULT}}), network=EXACT)
    assert statuses(run) == {429: 3, 200: 47}
    assert [e.backend for e in run.events] == ["m1"]


def test_a_retry_inside_the_gateway_spares_the_client_the_failure() -> None:
    run = run_virtual(lab(backends=2), scenario({"simulate": {"m1": FAULT}}), network=EXACT, retries=1)
    assert statuses(run) == {200: 50}
    assert {e.backend for e in run.events} == {"m1"}


def test_retry_after_is_the_breakers_when_it_accepts_it() -> None:
    fault = FAULT | {"retry_after_s": 7}
    run = run_virtual(lab(accept_retry_after=True), scenario({"simulate": {"m1": fault}}))
    assert run.events[0].event.trip_duration_s == 7.0


def test_a_dropped_connection_is_the_gateways_500() -> None:
    run = run_virtual(lab(), scenario({"simulate": {"m1": {"drop": "before"}}}))
    assert {(s.status, s.origin, s.backend) for s in run.samples} == {(500, "gateway", None)}


def test_a_drop_in_the_middle_of_an_answer_is_refused() -> None:
    with pytest.raises(BadInput, match=r"phases\[0\].simulate.m1.drop"):
        run_virtual(lab(), scenario({"simulate": {"m1": {"drop": "during"}}}))


def test_a_client_gives_up_after_its_timeout() -> None:
    run = run_virtual(lab(), scenario({"simulate": {"m1": {"wait_ms": 3000}}}, timeout=1))
    assert {(s.status, s.origin, s.error, s.latency_us) for s in run.samples} == {(0, "client", "Timeout", 1_000_000)}


def test_a_closed_loop_keeps_its_users_busy_one_request_each() -> None:
    run = run_virtual(lab(latency={"median_ms": 98, "p95_ms": 98}), scenario({"rate": None, "users": 4}), network=EXACT)
    assert len(run.samples) == pytest.approx(4 * 50, abs=8)


def test_a_closed_loop_follows_its_ramp() -> None:
    ramp = {"rate": None, "users": {"from": 0, "to": 10}, "for": 10}
    run = run_virtual(lab(latency={"median_ms": 98, "p95_ms": 98}), scenario(ramp, {"for": 1}), network=EXACT)
    by_half = Counter((s.start_ns - EPOCH_NS) // 5_000_000_000 for s in run.samples if s.phase == "p1")
    assert by_half[1] > 2 * by_half[0]


def test_closed_loop_phases_have_the_users_of_each() -> None:
    answers_in_98_ms = lab(latency={"median_ms": 98, "p95_ms": 98})
    phases = ({"rate": None, "users": users} for users in (4, 1, 3))
    run = run_virtual(answers_in_98_ms, scenario(*phases), network=EXACT)
    assert Counter(s.phase for s in run.samples) == pytest.approx({"p1": 200, "p2": 50, "p3": 150}, abs=8)


def test_the_probe_keeps_its_own_steady_rate() -> None:
    run = run_virtual(lab(), scenario({}, users={"ChatUser": 1, "ProbeUser": 2}, probe={"rate": 3}))
    assert Counter(s.user for s in run.samples) == {"ChatUser": 50, "ProbeUser": 30}


def test_a_network_that_takes_no_time_is_refused() -> None:
    with pytest.raises(BadInput, match="more than 0"):
        Network(one_way_s=0.0)


def test_the_same_seed_gives_the_same_run_and_another_another() -> None:
    bumpy = scenario({"simulate": {"m1": FAULT | {"share": 0.15}}})
    first, again, other = (run_virtual(lab(latency={"median_ms": 5, "p95_ms": 50}), bumpy, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


@settings(max_examples=40)
@given(st.integers(0, 999), st.integers(1, 3), st.integers(1, 3), st.sampled_from([5, 60]), st.floats(0.1, 1))
def test_a_request_is_shed_only_by_a_unit_with_every_breaker_open(
    seed: int, units: int, backends: int, rate: float, share: float
) -> None:
    fault = {"default": {"status": 429, "share": share}}
    plan = scenario({"rate": rate}, {"rate": rate, "simulate": fault}, {"rate": rate}, arrivals="poisson")
    run = run_virtual(lab(backends, units, {"median_ms": 20, "p95_ms": 90}), plan, seed=seed)
    for sample in run.samples:
        start = (sample.start_ns - EPOCH_NS) / 1e9
        end = start + sample.latency_us / 1e6
        open_by_unit = Counter(unit for unit, _ in open_breakers(run, start, end))
        assert sample.status != 503 or backends in open_by_unit.values(), f"shed at {start}"


def open_breakers(run: VirtualRun, start: float, end: float) -> set[tuple[int, str]]:
    """Unit and backend of each breaker that was open at some instant of [start, end]."""
    opened = [(e.unit, e.backend, e.event) for e in run.events if isinstance(e.event, Opened)]
    return {(unit, name) for unit, name, event in opened if event.at <= end and start <= event.until}


@given(st.integers(0, 999), st.sampled_from(["constant", "poisson"]))
def test_every_request_that_is_due_is_recorded_once(seed: int, arrivals: str) -> None:
    plan = scenario({"simulate": {"m1": FAULT}}, arrivals=arrivals, seed=seed)
    run = run_virtual(lab(), plan, seed=seed)
    due = [sample.intended_ns for sample in run.samples]
    assert len(due) == len(set(due))
    if arrivals == "constant":
        assert len(due) == 50


def test_a_run_directory_holds_every_sample_and_event(tmp_path: Path) -> None:
    the_lab, plan = lab(), scenario({"rate": 400, "simulate": {"m1": FAULT | {"retry_after_s": 1.5}}})
    run = run_virtual(the_lab, plan, workers=2)
    folder = write_virtual_run(tmp_path / "run", the_lab, plan, run)
    rows = []
    for shard in shard_paths(folder):
        with ipc.open_stream(shard) as stream:
            rows += [Row(**row) for row in stream.read_all().to_pylist()]
    assert sorted(rows, key=lambda row: row.start_ns) == run.samples
    assert {row.worker for row in rows} == {0, 1}
    events = list(read_events((folder / EVENTS).read_text("utf-8").splitlines()))
    assert [e.at_ns for e in events] == [EPOCH_NS + round(e.event.at * 1e9) for e in run.events]


def test_event_lines_name_the_rule_and_the_unit() -> None:
    run = run_virtual(lab(), scenario({"simulate": {"m1": FAULT}}))
    event = next(iter(read_events(event_lines(lab(), run))))
    assert (event.backend, event.rule, event.unit, event.failures) == ("m1", "breaker", 0, 3)
    assert event.trip_duration_s is not None
    assert math.isclose(event.trip_duration_s, 2.0)


def other(kind: str, backends: int = 2) -> Lab:
    """A gateway of another kind in front of m1, m2 …"""
    return Lab.model_validate(lab(backends).model_dump() | {"gateway": {"name": "g", "kind": kind}})


def test_envoy_ejects_at_the_third_failure_in_a_row_and_again_soon_after_its_return() -> None:
    run = run_virtual(other("envoy", 1), scenario({"simulate": {"m1": FAULT}}), network=EXACT)
    first, second, *_ = opened(run)
    assert first.at == pytest.approx(0.201 + HOP_S)
    assert [sample.status for sample in run.samples[:5]] == [429, 429, 429, 503, 503]
    assert first.until - first.at == pytest.approx(2.05, abs=0.05)
    again = math.ceil((first.until - 0.001) * 10) / 10 + 0.2 + 0.001 + HOP_S
    assert second.at == pytest.approx(again)


def test_envoy_is_not_tripped_by_failures_among_successes() -> None:
    mixed = scenario({"simulate": {"m1": FAULT | {"share": 0.3}}, "for": 20})
    assert len(opened(run_virtual(lab(), mixed, network=EXACT))) >= 3
    assert len(opened(run_virtual(other("envoy", 1), mixed, network=EXACT))) <= 2


def test_litellm_sheds_with_429_once_all_deployments_cool_down() -> None:
    run = run_virtual(other("litellm"), scenario({"simulate": {"default": FAULT}}), network=EXACT)
    assert {e.backend for e in run.events} == {"m1", "m2"}
    sheds = [sample for sample in run.samples if sample.origin == "gateway"]
    assert sheds
    assert {(sample.status, sample.backend, sample.retry_after_s) for sample in sheds} == {(429, None, None)}


@pytest.mark.parametrize(("kind", "backends"), [("litellm", 1), ("portkey", 2)])
def test_a_gateway_without_a_breaker_sends_everything_on(kind: str, backends: int) -> None:
    run = run_virtual(other(kind, backends), scenario({"simulate": {"default": FAULT}}), network=EXACT)
    assert run.events == []
    assert {(sample.status, sample.origin) for sample in run.samples} == {(429, "backend")}


def test_a_dropped_connection_is_refused_for_other_gateways() -> None:
    dropped = scenario({"simulate": {"m1": {"drop": "before"}}})
    with pytest.raises(BadInput, match=r"does not support it for gateway\.kind envoy"):
        run_virtual(other("envoy"), dropped)


def opened(run: VirtualRun) -> list[Opened]:
    return [e.event for e in run.events if isinstance(e.event, Opened)]


@pytest.mark.parametrize(
    ("which", "failed"), [("first 2", [1, 2]), ("every 3rd", [3, 6, 9]), ("4th to 6th", [4, 5, 6]), ("10th", [10])]
)
def test_a_fault_hits_the_requests_with_its_numbers_in_each_phase(which: str, failed: list[int]) -> None:
    fault = {"simulate": {"m1": FAULT | {"which": which}}, "for": 1}
    run = run_virtual(lab(count=99), scenario(fault, {"for": 1}, fault), network=EXACT)
    found = [number for number, row in enumerate(run.samples, 1) if row.status == 429]
    assert found == failed + [number + 20 for number in failed]


def test_a_shed_request_is_not_counted() -> None:
    run = run_virtual(lab(), scenario({"simulate": {"m1": FAULT | {"which": "first 4"}}}), network=EXACT)
    assert statuses(run)[429] == 4, "three trip the breaker, and the fourth comes after the reset"
    assert statuses(run)[503] == 20


@pytest.mark.parametrize(("per", "failed"), [("backend", 2), ("instance", 6)])
def test_the_requests_of_each_instance_are_counted_by_themselves_if_asked(per: str, failed: int) -> None:
    fault = FAULT | {"which": "first 2", "per": per}
    run = run_virtual(lab(units=3), scenario({"simulate": {"m1": fault}}), spread="round_robin", network=EXACT)
    assert statuses(run) == {429: failed, 200: 50 - failed}


def test_a_client_that_cancels_leaves_before_a_slow_answer_and_its_backend_still_counts() -> None:
    phase = {"simulate": {"m1": FAULT | {"wait_ms": 700}}, "for": 1}
    run = run_virtual(lab(), scenario(phase, users={"CancelChatUser": 1}, cancel_after=0.5), network=EXACT)
    gone = [row for row in run.samples if row.status == 0]
    assert {(row.origin, row.error, row.latency_us) for row in gone} == {("client", CANCELED, 500_000)}
    assert [type(each.event) for each in run.events][:1] == [Opened]


def test_a_client_that_cancels_takes_an_answer_in_time() -> None:
    run = run_virtual(lab(), scenario({}, users={"cancel": 1}, cancel_after=0.5))
    assert statuses(run) == {200: 50}


@pytest.mark.parametrize(("users", "ratio"), [({"storm": 1}, 3), ({"openai": 1}, 3), ({"ChatUser": 1}, None)])
def test_attempts_are_counted_by_phase_for_clients_that_can_retry(users: dict[str, int], ratio: int | None) -> None:
    phases = scenario({"for": 2}, {"for": 2, "simulate": {"m1": FAULT}}, {"for": 9}, users=users)
    run = run_virtual(lab(count=999), phases, network=EXACT)
    assert run.calls == 130
    if ratio is None:
        assert not run.attempts
        return
    assert dict(run.begun) == {"p1": 20, "p2": 20, "p3": 90}
    assert sum(run.attempts.values()) == len(run.samples)
    assert run.attempts["p1"] == 20
    assert run.attempts["p2"] + run.attempts["p3"] >= 20 * ratio + 60
