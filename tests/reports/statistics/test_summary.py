"""summary.json: its published schema, and figures that add up."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.loading.run import Run, load
from reports.render.words import answer
from reports.statistics.summary import summarise
from reports.statistics.tally import OUTCOMES, outcomes_of
from reports.trips.analysis import analyse
from tests.planted import Plan, plant
from tests.reports.runs import RULE, TRIP, fault, lab_of, play, scenario_of, write
from tripcurve.run.info import WorkerInfo
from tripcurve.run.record import SCHEMA as RECORD
from tripcurve.run.summary import Summary
from tripcurve.schemas import FOLDER

SCHEMA = FOLDER / "summary.schema.json"

RUNS = {
    "one unit": lambda: play(lab_of(), TRIP),
    "no trips": lambda: play(lab_of(), scenario_of({"for": 1})),
    "three units": lambda: play(lab_of(units=3), TRIP),
    "steps": lambda: play(lab_of(), scenario_of({"for": 1, "rate": 10}, {"for": 1, "rate": 20})),
    "ends open": lambda: play(lab_of(RULE | {"trip_duration": 30}), TRIP),
    "percentage": lambda: play(lab_of({k: v for k, v in RULE.items() if k != "count"} | {"percentage": 50}), TRIP),
}


def summary_of(run: Run, *checks: str) -> dict[str, Any]:
    """The content of the run's summary.json."""
    text = json.dumps(summarise(run, analyse(run), checks), allow_nan=False)
    summary: dict[str, Any] = json.loads(text)
    return summary


@cache
def made(name: str) -> dict[str, Any]:
    """The summary of one of RUNS, with a check that passes."""
    return summary_of(RUNS[name](), "requests.total > 0")


@pytest.mark.parametrize("name", RUNS)
def test_a_summary_is_valid_against_the_published_schema(name: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    summary = made(name)
    assert [error.message for error in validator.iter_errors(summary)] == []


@pytest.mark.parametrize("name", RUNS)
def test_the_models_give_a_summary_back_unchanged(name: str) -> None:
    summary = made(name)
    again = Summary.model_validate(summary).model_dump(mode="json", by_alias=True)
    assert json.dumps(again) == json.dumps(summary)


def test_the_schema_refuses_a_summary_without_its_trips() -> None:
    summary = {name: value for name, value in made("no trips").items() if name != "trips"}
    assert not jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).is_valid(summary)


@pytest.mark.parametrize("name", RUNS)
def test_every_request_is_in_one_phase_and_has_one_outcome(name: str) -> None:
    summary = made(name)
    outcomes = ("ok", "throttled", "shed", "no_response", "other")
    assert sum(phase["requests"] for phase in summary["phases"]) == summary["requests"]["total"]
    for phase in summary["phases"]:
        assert sum(phase[outcome] for outcome in outcomes) == phase["requests"]
    assert sum(phase["shed"] for phase in summary["phases"]) == summary["sheds"]


def test_latency_from_the_intended_start_includes_the_generators_lateness() -> None:
    run = play(lab_of(), TRIP, network={"late_s": 0.5})
    summary = summary_of(run)
    assert summary["latency_intended_ms"]["backend"]["p99"] > summary["latency_ms"]["backend"]["p99"] + 400


def test_sheds_of_trips_add_up_to_all_sheds() -> None:
    summary = made("one unit")
    assert sum(trip["shed"] for trip in summary["trips"]) == summary["sheds"]


def test_a_run_of_rising_steps_states_its_capacity() -> None:
    capacity = made("steps")["capacity"]
    assert round(capacity["carried"]["offered_s"]) == 20
    assert made("one unit")["capacity"] is None


def test_a_worker_that_died_is_listed_in_the_notes() -> None:
    run = play(lab_of(), TRIP)
    run.info.workers = [WorkerInfo(worker=0, lost=False), WorkerInfo(worker=1, lost=True, missed_s=2.5)]
    assert any("worker 1 died; its last 2.5 s" in note for note in summary_of(run)["notes"])


def test_workers_that_came_late_are_listed_in_the_notes() -> None:
    run = play(lab_of(), TRIP)
    joined = [WorkerInfo(worker=number, lost=False, joined_s=at) for number, at in enumerate((0.0, 7.0, None))]
    run.info.workers = [*joined, WorkerInfo(worker=3, lost=True, missed_s=2.5, joined_s=7.0), WorkerInfo(worker=4)]
    assert [note for note in summary_of(run)["notes"] if note.startswith("worker")] == [
        "worker 1 joined 7.0 s into the run",
        "worker 2 had no share of a phase: it was ready too late, or the scenario has too few users",
        "worker 3 joined 7.0 s into the run and died; its last 2.5 s are missing from the record",
    ]


def test_a_fault_that_never_trips_leaves_every_measure_null() -> None:
    run = play(lab_of(RULE | {"count": 10_000}), scenario_of({"for": 2, "simulate": fault()}))
    summary = summary_of(run)
    assert summary["trips"] == []
    assert summary["time_to_trip_s"] == {"n": 0, "min": None, "median": None, "max": None}
    assert summary["absorption"] == 0


def test_an_answer_that_broke_off_is_not_a_success() -> None:
    whole = pa.table({"status": [200, 200, 429], "error": pa.array([None, "Incomplete", None]), "shed": [False] * 3})
    outcomes = outcomes_of(whole, np.zeros(3, np.int64))
    assert [OUTCOMES[code] for code in outcomes] == ["2xx", "other error", "429 backend"]


def test_the_time_to_the_first_token_counts_streams_only(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", lab_of(), TRIP)
    table = pa.ipc.open_stream((folder / "requests-0.arrows").read_bytes()).read_all().cast(RECORD)
    at = table.column_names.index("first_byte_us")
    first = pa.array([5000 + row if row % 2 else None for row in range(len(table))], pa.int32())
    pq.write_table(table.set_column(at, RECORD.field(at), first), folder / "requests.parquet")
    found = summary_of(load(folder))["first_token_ms"]
    assert (found["n"], found["max"]) == (550, 6.099)
    assert summary_of(play(lab_of(), TRIP))["first_token_ms"]["n"] == 0


def unmarked_run(folder: Path, plan: Plan, more: list[dict[str, Any]]) -> dict[str, Any]:
    """The summary of a planted run without marks, on a lab with further backends."""
    plant(folder, plan)
    lab = json.loads((folder / "lab.yaml").read_text())
    (folder / "lab.yaml").write_text(json.dumps({**lab, "backends": [*lab["backends"], *more]}))
    return summary_of(load(folder))


def test_a_pool_whose_answers_are_not_marked_is_not_observable(tmp_path: Path) -> None:
    summary = unmarked_run(tmp_path / "run", Plan(marked=False), [{"name": "m2"}])
    assert summary["unobservable"] is not None
    assert "did not open" not in " ".join(answer(Summary.model_validate(summary)))


def test_unmarked_503s_that_cannot_be_distinguished_are_not_observable(tmp_path: Path) -> None:
    summary = unmarked_run(tmp_path / "run", Plan(marked=False, status=503, backend_s=0.0005), [])
    assert (summary["trips"], summary["unobservable"] is None) == ([], False)
    assert "not observable" in answer(Summary.model_validate(summary))[1]
