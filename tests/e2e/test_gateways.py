"""A gateway that nobody here knows: one lab file describes it, and traffic and report find its trips."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from locustfiles.http.answer import Answer
from locustfiles.http.reading import Reader
from reports.loading.run import load
from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from tests.planted import Plan, plant
from tripcurve.lab import load_lab

LAB = """\
name: planted
gateway:
  name: nimbus
  kind: generic
  answers:
    title: Nimbus
    shed: {statuses: [529], headers: {x-nimbus: "^open$"}, body: "try later"}
    others: {Full: {statuses: [529], headers: {x-nimbus: "^full$"}}}
    backend_headers: [x-served-by]
    wait: {header: x-took, unit: us}
backends:
  - {name: m1, breaker: {count: 3, interval: 20, trip_duration: 4, status_codes: [529]}}
"""
FULL_EVERY = 7
"""So many requests apart, Nimbus refuses one because it has too many."""


def as_nimbus_answers(row: dict[str, object], full: bool) -> Answer:
    """The answer that Nimbus would have given to a planted request. Its backends fail with 529, as it does itself."""
    answer = Answer(0)
    own = row["origin"] == "gateway"
    answer.status = 529 if own or full or row["status"] == 429 else int(str(row["status"]))
    if full:
        answer.headers, answer.body = {b"x-nimbus": b"full"}, b"too many"
    elif own:
        answer.headers, answer.body = {b"x-nimbus": b"open"}, b"please try later"
    else:
        answer.headers = {b"x-served-by": b"https://m1.azurewebsites.net/x", b"x-took": str(row["backend_us"]).encode()}
    return answer


@pytest.fixture
def nimbus(tmp_path: Path) -> tuple[Path, list[float]]:
    """A run against Nimbus, recorded by the traffic's own reader, and when its breaker tripped."""
    folder = tmp_path / "run"
    truth = plant(folder, Plan(shed_status=503))
    (folder / "lab.yaml").write_text(LAB, "utf-8")
    reader = Reader(load_lab(folder / "lab.yaml"))
    table = pq.read_table(folder / "requests.parquet")
    rows = table.to_pylist()
    answers = [as_nimbus_answers(row, index % FULL_EVERY == 0) for index, row in enumerate(rows)]
    origins = [reader.origin(answer) for answer in answers]
    read = {
        "status": pa.array([answer.status for answer in answers], pa.int16()),
        "origin": pa.array(origins).dictionary_encode(),
        "backend": pa.array([reader.backend(answer) for answer in answers], pa.string()).dictionary_encode(),
        "backend_us": pa.array([reader.backend_us(answer) for answer in answers], pa.int32()),
        "error": pa.array(
            [reader.refusal(a) if o == "gateway" else None for a, o in zip(answers, origins, strict=True)], pa.string()
        ).dictionary_encode(),
    }
    for name, column in read.items():
        table = table.set_column(table.column_names.index(name), name, column)
    pq.write_table(table, folder / "requests.parquet")
    return folder, [trip.tripped for trip in truth]


def test_a_made_up_gateway_takes_one_lab_file(nimbus: tuple[Path, list[float]]) -> None:
    folder, truth = nimbus
    run = load(folder)
    analysis = analyse(run)
    tripped = [trip.tripped_s for trip in analysis.trips]
    assert len(truth) >= 2
    assert len(tripped) == len(truth)
    for measured, at in zip(tripped, truth, strict=True):
        assert measured is not None
        assert measured.low <= at <= measured.high
    summary = build_summary(run, analysis, ())
    assert summary.sheds == run.tally.count("shed")
    assert set(summary.sheds_by_status) == {"529"}


def test_its_other_refusals_are_no_sheds(nimbus: tuple[Path, list[float]]) -> None:
    run = load(nimbus[0])
    own = run.requests[run.requests["origin"] == "gateway"]
    assert set(own["error"].dropna()) == {"Full"}
    assert not own.loc[own["error"].notna(), "shed"].any()
    assert own.loc[own["error"].isna(), "shed"].all()
