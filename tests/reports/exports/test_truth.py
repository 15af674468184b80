"""An export of Azure becomes the truth of a run: every instant within its half-width of what the breaker did."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.commands.truth import import_truth
from reports.exports.files import Record, read_records
from reports.exports.truth import ImportedTruth, truth_from
from reports.loading.run import load
from reports.trips.analysis import analyse
from simulator.virtual import EPOCH_NS, VirtualRun
from tests.reports.exports.azure import SERVICE, published, recorded_and_logged
from tests.reports.runs import RULE, TRIP, lab_of, scenario_of
from tests.reports.strategies import scenarios
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

LAB = lab_of(RULE, median_ms=20)


def outside(imported: ImportedTruth, truth: VirtualRun) -> list[str]:
    """Events of the import that lie outside their half-width, each compared with the nearest true one of its kind."""
    wrong = []
    for event in imported.events:
        kind, local = str(event["eventType"]).rpartition(".")[2], event["data"]["local"]
        own = [EPOCH_NS + round(one.event.at * 1e9) for one in truth.events if type(one.event).__name__ == kind]
        error_ns = min((abs(at - local["at_ns"]) for at in own), default=10**18)
        if error_ns > local["half_width_ns"] + 2:
            wrong.append(f"{kind} is {error_ns / 1e6:.3f} ms off, not {local['half_width_ns'] / 1e6:.3f}")
    return wrong


def imported(folder: Path, records: list[dict[str, Any]]) -> ImportedTruth:
    return truth_from(load(folder), [_lower(record) for record in records])


def _lower(record: dict[str, Any]) -> Record:
    return {name.lower(): value for name, value in record.items()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scenario=scenarios(),
    ahead_s=st.sampled_from([-20.0, -0.4, 0.0, 0.0031, 3.0]),
    way_s=st.sampled_from([1e-4, 1e-2]),
    seed=st.integers(0, 1000),
)
def test_the_gateways_log_gives_every_instant_within_its_half_width(
    scenario: Scenario, ahead_s: float, way_s: float, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        truth, log = recorded_and_logged(folder, LAB, scenario, seed=seed, ahead_s=ahead_s, way_s=way_s)
        found = imported(folder, log)
    assert abs(found.offset.offset_ns - ahead_s * 1e9) <= found.offset.half_width_ns
    assert not outside(found, truth)


def test_the_gateways_log_finds_the_trips_of_a_run(tmp_path: Path) -> None:
    truth, log = recorded_and_logged(tmp_path / "run", LAB, TRIP)
    found = imported(tmp_path / "run", log)
    opened = [one for one in truth.events if type(one.event).__name__ == "Opened"]
    assert sum(str(event["eventType"]).endswith("Opened") for event in found.events) == len(opened) >= 3
    assert found.offset.half_width_ns < 10_000_000


@pytest.mark.parametrize("cloud_event", [False, True])
def test_event_grids_events_agree_with_the_runs_trips(tmp_path: Path, cloud_event: bool) -> None:
    truth, _ = recorded_and_logged(tmp_path / "run", LAB, TRIP)
    found = imported(tmp_path / "run", published(LAB, truth, cloud_event=cloud_event))
    assert len(found.events) == len(truth.events)
    assert not outside(found, truth)
    assert abs(found.offset.offset_ns - 137_200_000) <= found.offset.half_width_ns


def test_the_report_compares_its_trips_with_an_imported_truth(tmp_path: Path) -> None:
    folder, export = tmp_path / "run", tmp_path / "events.json"
    truth, _ = recorded_and_logged(folder, LAB, TRIP)
    export.write_text(json.dumps(published(LAB, truth)), "utf-8")
    before = analyse(load(folder))
    assert before.truth is None
    assert import_truth(folder, export) == 0
    after = analyse(load(folder))
    assert after.truth is not None
    assert len(after.truth) == len(after.trips) == len(before.trips)
    for old, new in zip(before.trips, after.trips, strict=True):
        assert old.tripped_s is not None
        assert new.tripped_s is not None
        assert new.error_s is not None
        assert new.tripped_s.half_width > old.tripped_s.half_width  # by how far Azure's clock is known
        assert abs(new.error_s["tripped_s"] or 0) <= new.tripped_s.half_width
    assert import_truth(folder, export) == 0, "a second import replaces the first"


def _nothing(lab: Lab, truth: VirtualRun, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"eventType": "Microsoft.ApiManagement.APICreated", "eventTime": "2026-01-01T00:00:00Z", "data": {}}]


def _other_service(lab: Lab, truth: VirtualRun, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "_ResourceId": f"{SERVICE}other"} for row in log]


def _other_topic(lab: Lab, truth: VirtualRun, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "topic": f"{SERVICE}other"} for event in published(lab, truth)]


def _other_backend(lab: Lab, truth: VirtualRun, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "data": {**event["data"], "backendName": "b9"}} for event in published(lab, truth)]


def _other_day(lab: Lab, truth: VirtualRun, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return published(lab, truth, ahead_s=86_400)


def _one_missing(lab: Lab, truth: VirtualRun, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in log if row["ResponseCode"] == 200][1:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_nothing, "no breaker events and no requests of a gateway"),
        (_other_service, "service 'other'; the run used 'g'"),
        (_other_topic, "service 'other'; the run used 'g'"),
        (_other_backend, "other backends"),
        (_other_day, "cannot be reconciled"),
        (_one_missing, "does not match the run"),
    ],
)
def test_an_export_that_is_not_of_this_run_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    truth, log = recorded_and_logged(tmp_path / "run", LAB, TRIP)
    with pytest.raises(BadInput, match=message):
        imported(tmp_path / "run", change(LAB, truth, log))


def test_application_insights_requests_without_a_dependency_reached_no_backend(tmp_path: Path) -> None:
    truth, log = recorded_and_logged(tmp_path / "run", LAB, scenario_of({"for": 1}, TRIP.model_dump()["phases"][1]))
    items = [item for number, row in enumerate(log) for item in _insights(number, row)]
    found = imported(tmp_path / "run", items)
    assert found.events
    assert not outside(found, truth)


def _insights(number: int, row: dict[str, Any]) -> list[dict[str, Any]]:
    common = {"timestamp": row["TimeGenerated"], "operation_Id": f"op{number}", "resultCode": str(row["ResponseCode"])}
    request = {**common, "itemType": "request", "duration": row["TotalTime"]}
    if row["BackendResponseCode"] is None:
        return [request]
    return [request, {**common, "itemType": "dependency", "duration": row["BackendTime"], "target": "m1"}]


def test_a_csv_export_reads_as_the_query_does(tmp_path: Path) -> None:
    truth, log = recorded_and_logged(tmp_path / "run", LAB, TRIP)
    path = tmp_path / "query_data.csv"
    with path.open("w", newline="") as file:
        names = {name: "TimeGenerated [Local Time]" if name == "TimeGenerated" else name for name in log[0]}
        writer = csv.DictWriter(file, list(names.values()))
        writer.writeheader()
        writer.writerows({names[name]: value for name, value in row.items()} for row in log)
    found = truth_from(load(tmp_path / "run"), read_records(path))
    assert found.events == imported(tmp_path / "run", log).events
    assert not outside(found, truth)
