"""`tripcurve truth --from loganalytics|eventgrid`: from the services to the run's truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from provision.commands import CloudOptions
from provision.local.cloud import SUBSCRIPTION_ID
from provision.monitoring.export import EVENT_EXPORT, LOG_EXPORT, fetch_export
from tests.provision.monitoring.conftest import Recorded, event, queue_of, service_id, write_lines
from tests.reports.exports.azure import published, recorded_and_logged
from tests.reports.runs import RULE, TRIP, lab_of
from tripcurve.cli import app, fetch_events
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.run.layout import EVENTS

LAB = lab_of(RULE, median_ms=20).model_copy(update={"events": True})
SERVICE = service_id(LAB.resource_group, LAB.gateway.name)


@pytest.fixture
def line_file(recorded: Recorded, tmp_path: Path) -> Path:
    path = tmp_path / "line.json"
    path.write_text(json.dumps(recorded.connection), "utf-8")
    return path


def truth(run: Path, source: str, line_file: Path) -> Any:
    words = ["truth", str(run), "--from", source, "--cloud", "local", "--connection", str(line_file)]
    return CliRunner().invoke(app, words)


def renamed(records: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    return [{**record, field: SERVICE} for record in records]


def test_the_log_of_the_local_gateway_gives_the_runs_truth(recorded: Recorded, line_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    known, log = recorded_and_logged(run, LAB, TRIP)
    logged = renamed(log, "_ResourceId")
    write_lines(recorded.logs, [{"Type": "ApiManagementGatewayLogs", **record} for record in logged])
    done = truth(run, "loganalytics", line_file)
    assert done.exit_code == 0, done.output
    assert "the gateway's log: " in done.output
    assert (run / LOG_EXPORT).is_file()
    lines = (run / EVENTS).read_text("utf-8").splitlines()
    opened = [each for each in map(json.loads, lines) if each["eventType"].endswith("Opened")]
    assert len(opened) == sum(type(each).__name__ == "Opened" for *_, each in known.events)


def test_the_events_of_the_local_queue_give_the_runs_truth_and_survive_a_second_call(
    recorded: Recorded, line_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    known, _ = recorded_and_logged(run, LAB, TRIP)
    queue_of(recorded, LAB)
    mine = [{**each, "id": str(number)} for number, each in enumerate(renamed(published(LAB, known), "topic"))]
    write_lines(recorded.events, [*mine, event(service_id("g", "other"), number=7)])
    for _ in range(2):
        done = truth(run, "eventgrid", line_file)
        assert done.exit_code == 0, done.output
        assert len((run / EVENTS).read_text("utf-8").splitlines()) == len(known.events)
        assert len((run / EVENT_EXPORT).read_text("utf-8").splitlines()) == len(mine)


@pytest.mark.parametrize(
    ("source", "said"), [("loganalytics", "no requests of the run yet"), ("eventgrid", "has no breaker events")]
)
def test_nothing_recorded_yet_is_said_and_leaves_nothing(
    source: str, said: str, recorded: Recorded, line_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    recorded_and_logged(run, LAB, TRIP)
    queue_of(recorded, LAB)
    write_lines(recorded.events, [event(service_id("g", "other"))])
    before = sorted(path.name for path in run.iterdir())
    with pytest.raises(TargetUnavailable, match=said):
        fetch_export(run, source, None, CloudOptions("local", line_file))
    assert sorted(path.name for path in run.iterdir()) == before


def test_a_malformed_event_does_not_hold_back_the_others(recorded: Recorded, line_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    known, _ = recorded_and_logged(run, LAB, TRIP)
    queue_of(recorded, LAB)
    mine = [{**each, "id": str(number)} for number, each in enumerate(renamed(published(LAB, known), "topic"))]
    broken = {**event(SERVICE, number=8), "data": {"backendName": 5}}
    write_lines(recorded.events, [broken, *mine])
    assert truth(run, "eventgrid", line_file).exit_code == 0
    assert len((run / EVENTS).read_text("utf-8").splitlines()) == len(known.events)


def test_the_own_record_of_a_run_is_kept_before_anything_is_fetched(
    recorded: Recorded, line_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    recorded_and_logged(run, LAB, TRIP)
    own = event(SERVICE)
    write_lines(run / EVENTS, [own])
    write_lines(recorded.events, [own])
    done = truth(run, "eventgrid", line_file)
    assert isinstance(done.exception, BadInput)
    assert not (run / EVENT_EXPORT).exists()


def test_a_lab_without_a_queue_needs_one_by_name(tmp_path: Path) -> None:
    run = tmp_path / "run"
    recorded_and_logged(run, LAB.model_copy(update={"events": False}), TRIP)
    with pytest.raises(BadInput, match="needs `events: true` in the lab, or --queue URL"):
        fetch_export(run, "eventgrid", None, CloudOptions("azure", None, SUBSCRIPTION_ID))


def test_a_run_on_azure_ends_with_the_events_delivered_so_far(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(CloudOptions, "choose", lambda *_: recorded.cloud)
    run = tmp_path / "run"
    known, _ = recorded_and_logged(run, LAB, TRIP)
    queue_of(recorded, LAB)
    fetch_events(run)
    assert "later: tripcurve truth" in capsys.readouterr().err
    assert not (run / EVENTS).exists()
    mine = [{**each, "id": str(number)} for number, each in enumerate(renamed(published(LAB, known), "topic"))]
    write_lines(recorded.events, mine)
    fetch_events(run)
    said = capsys.readouterr()
    assert (said.out, "Event Grid events" in said.err) == ("", True)
    assert len((run / EVENTS).read_text("utf-8").splitlines()) == len(known.events)
