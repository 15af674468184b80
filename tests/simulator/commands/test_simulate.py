"""`tripcurve simulate`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from reports.loading.run import load
from reports.trips.analysis import analyse
from simulator.commands.simulate import count_outcomes, simulate
from simulator.virtual import EPOCH_NS
from tests.tripcurve.breaker.breakers import lab_file
from tripcurve.breaker.events import read_events
from tripcurve.errors import BadInput
from tripcurve.run.record import SCHEMA


def test_a_simulated_run_has_the_run_contract_and_says_that_it_is_simulated(tmp_path: Path) -> None:
    folder, result = simulate("quick", "trip-and-recover", run_dir=tmp_path / "run")
    table = pq.read_table(folder / "requests.parquet")
    info = json.loads((folder / "run.json").read_text("utf-8"))
    assert table.schema.names == SCHEMA.names
    assert info["target"] == "simulated"
    assert info["counts"]["recorded"] == len(table) == result["requests"]
    assert (folder / "gateway-events.jsonl").read_text("utf-8").count("CircuitBreaker.Opened") == result["trips"] == 3


def test_the_same_seed_writes_the_same_rows(tmp_path: Path) -> None:
    folders = [simulate("quick", "trip-and-recover", seed=7, run_dir=tmp_path / name)[0] for name in ("a", "b")]
    first, second = (pq.read_table(folder / "requests.parquet") for folder in folders)
    assert first.equals(second)


def test_a_quota_trips_the_breaker_without_a_simulated_fault(tmp_path: Path) -> None:
    _, result = simulate("quota", "quota", run_dir=tmp_path / "run")
    assert result["trips"]


def test_a_storm_sends_more_than_clients_that_do_not_retry(tmp_path: Path) -> None:
    _, calm = simulate("quick", "trip-and-recover", clients="none", retries=3, run_dir=tmp_path / "calm")
    _, storm = simulate("quick", "trip-and-recover", clients="storm", retries=3, run_dir=tmp_path / "storm")
    assert storm["requests"] > calm["requests"]  # type: ignore[operator]  # both are numbers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clients": "angry"}, "--clients 'angry' is not known"),
        ({"retries": 99}, "--retries must be 0 to 10"),
        ({"method": "warp"}, "--method 'warp' is not known"),
        ({"units": 0}, "--units must be 1 to 100,000"),
    ],
)
def test_an_option_out_of_its_bounds_is_refused(options: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        simulate("quick", "trip-and-recover", run_dir=tmp_path / "run", **options)  # type: ignore[arg-type]


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine", "utf-8")
    with pytest.raises(BadInput, match="not empty"):
        simulate("quick", "trip-and-recover", run_dir=tmp_path)


def test_both_methods_write_the_same_run(tmp_path: Path) -> None:
    tables = {}
    for method in ("fast", "reference"):
        folder, result = simulate("quick", "trip-and-recover", method=method, run_dir=tmp_path / method)
        tables[method] = pq.read_table(folder / "requests.parquet").to_pylist(), (folder / "gateway-events.jsonl")
        assert result["method"] == method
    assert tables["fast"][0] == tables["reference"][0]
    assert tables["fast"][1].read_text("utf-8") == tables["reference"][1].read_text("utf-8")


def test_a_lab_that_the_fast_method_cannot_express_says_why_and_uses_the_reference(tmp_path: Path) -> None:
    _, result = simulate("pool", "pool-failover", run_dir=tmp_path / "run")
    assert result["method"] == "reference"
    assert "pool" in str(result["why_not_fast"])
    with pytest.raises(BadInput, match="--method fast: the lab has a pool"):
        simulate("pool", "pool-failover", method="fast", run_dir=tmp_path / "other")


def test_many_units_trip_one_by_one(tmp_path: Path) -> None:
    _, result = simulate("quick", "trip-and-recover", units=200, run_dir=tmp_path / "run")
    assert result["method"] == "fast"


def test_outcomes_are_counted_without_a_run(tmp_path: Path) -> None:
    counted = count_outcomes("quick", "trip-and-recover", seed=5)
    _, recorded = simulate("quick", "trip-and-recover", seed=5, run_dir=tmp_path / "run")
    assert {name: counted[name] for name in ("requests", "trips", "first_trip_s")} == {
        name: recorded[name] for name in ("requests", "trips", "first_trip_s")
    }
    with pytest.raises(BadInput, match="--no-rows: the lab has a pool"):
        count_outcomes("pool", "pool-failover")


def test_more_requests_than_can_be_numbered_are_refused(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("name: s\nusers: {ChatUser: 1}\nphases: [{name: p, for: 10, rate: 1.0e+300}]\n", "utf-8")
    with pytest.raises(BadInput, match=r"scenario s: 1e\+301 requests are too many to count"):
        count_outcomes("quick", str(scenario))


@pytest.mark.parametrize("method", ["fast", "reference"])
def test_a_rule_that_never_trips_and_a_rate_of_nearly_nothing_are_plain_runs(method: str, tmp_path: Path) -> None:
    lab, scenario = tmp_path / "lab.yaml", tmp_path / "scenario.yaml"
    rule = "{count: 10000, interval: 0.001, trip_duration: 4, status_codes: [429]}"
    lab.write_text(f"name: v\ngateway: {{name: g}}\nbackends: [{{name: m1, breaker: {rule}}}]\n", "utf-8")
    fault = "simulate: {m1: {status: 429}}"
    for rate, requests in ((10, 50), (1e-9, 1)):
        scenario.write_text(
            f"name: s\nusers: {{ChatUser: 1}}\nphases: [{{name: p, for: 5, rate: {rate:.9f}, {fault}}}]\n", "utf-8"
        )
        _, result = simulate(str(lab), str(scenario), method=method, run_dir=tmp_path / f"{requests}")
        assert (result["requests"], result["trips"], result["first_trip_s"]) == (requests, 0, None)


def truth(folder: Path, kind: str) -> list[float]:
    """The breakers' instants, seconds from the run's start."""
    events = read_events((folder / "gateway-events.jsonl").read_text("utf-8").splitlines())
    return [(event.at_ns - EPOCH_NS) / 1e9 for event in events if event.kind == kind]


@pytest.mark.parametrize(("kind", "backends"), [("envoy", 1), ("litellm", 2)])
def test_the_report_of_another_gateway_finds_its_trips(kind: str, backends: int, tmp_path: Path) -> None:
    lab = lab_file(tmp_path, kind, backends)
    folder, result = simulate(lab, "trip-and-recover", run_dir=tmp_path / "run")
    assert result["method"] == "reference"
    assert f"kind {kind}" in str(result["why_not_fast"])
    opened, closed = truth(folder, "opened"), truth(folder, "closed")
    assert len(opened) == result["trips"]
    trips = analyse(load(folder)).trips
    assert len(trips) >= 2
    for trip in trips:
        assert trip.tripped_s is not None
        assert min(abs(trip.tripped_s.estimate - at) for at in opened) <= trip.tripped_s.half_width
        assert trip.reset_s is not None
        assert min(abs(trip.reset_s.estimate - at) for at in closed) <= trip.reset_s.half_width


def test_a_gateway_that_never_opens_has_a_report_without_trips(tmp_path: Path) -> None:
    folder, result = simulate(lab_file(tmp_path, "portkey"), "trip-and-recover", run_dir=tmp_path / "run")
    assert result["trips"] == 0
    assert analyse(load(folder)).trips == []


def test_a_report_of_litellm_expects_a_count_that_outlives_a_short_cooldown(tmp_path: Path) -> None:
    """The failures have a Retry-After of 2 s, and the count lasts for 5 s: one more failure opens it again."""
    lab = lab_file(tmp_path, "litellm", 2, trip_duration=5)
    folder, _ = simulate(lab, "trip-and-recover", run_dir=tmp_path / "run")
    analysis = analyse(load(folder))
    assert {low <= 3 <= high for low, high in analysis.counts.values()} == {True}
    assert {trip.failures_to_trip for trip in analysis.trips} >= {1, 3}


def test_a_trace_is_simulated_request_by_request(tmp_path: Path) -> None:
    folder, result = simulate("quick", "replay", run_dir=tmp_path / "run")
    users = pq.read_table(folder / "requests.parquet")["user"].to_pylist()
    assert users.count("ChatUser") == 178
    assert result["method"] == "fast"
    with pytest.raises(BadInput, match=r"--no-rows: scenario replay replays a trace, request by request"):
        count_outcomes("quick", "replay")


def test_a_simulated_run_of_clients_that_retry_has_their_attempts(tmp_path: Path) -> None:
    folder, result = simulate("quick", "trip-and-recover", clients="openai", retries=2, run_dir=tmp_path / "run")
    calls = json.loads((folder / "run.json").read_text("utf-8"))["calls"]
    probes = pq.read_table(folder / "requests.parquet")["user"].to_pylist().count("ProbeUser")
    assert sum(phase["attempts"] for phase in calls.values()) == result["requests"] - probes  # type: ignore[operator]
    assert calls["fault"]["attempts"] > calls["fault"]["calls"] == 400
