"""What outranks the rule: a target that went away, broken answers, load that was not delivered, lost workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from reports.loading.run import load
from reports.render.markdown import render_markdown
from reports.render.words import statuses_in_words
from reports.statistics.problems import find_problems
from reports.statistics.summary import build_summary, summarise
from reports.trips.analysis import analyse
from tests.reports.runs import fault, lab_of, scenario_of, write
from tripcurve.run.record import CANCELED, SCHEMA

STEADY = scenario_of({"for": 6}, rate=50)


def changed(folder: Path, info: dict[str, Any] | None = None, **columns: Any) -> Path:
    """Change columns of a run's rows, each by a function of (values, start in s), and keys of its run.json."""
    with ipc.open_stream((folder / "requests-0.arrows").read_bytes()) as stream:
        table = stream.read_all().cast(SCHEMA).sort_by("start_ns")
    known = json.loads((folder / "run.json").read_text("utf-8"))
    at_s = (table["start_ns"].to_numpy() - known["start_ns"]) / 1e9
    for name, change in columns.items():
        field = SCHEMA.field(name)
        values = pa.array(change(table[name].to_pylist(), at_s)).cast(field.type)
        table = table.set_column(table.column_names.index(name), field, values)
    pq.write_table(table, folder / "requests.parquet")
    (folder / "run.json").write_text(json.dumps(known | (info or {})), "utf-8")
    return folder


def after(second: float, value: Any) -> Any:
    """The value for every request from that second on."""
    return lambda values, at_s: [value if at >= second else one for one, at in zip(values, at_s, strict=True)]


def some(share: float, value: Any) -> Any:
    """The value for every n-th request."""
    step = round(1 / share)
    return lambda values, at_s: [value if index % step == 0 else one for index, one in enumerate(values)]


@pytest.fixture
def steady(tmp_path: Path) -> Path:
    return write(tmp_path / "run", lab_of(), STEADY, seed=1)


def problems(folder: Path) -> list[tuple[str, str]]:
    return [(problem.kind, problem.text) for problem in find_problems(load(folder))]


def test_a_sound_run_has_no_problem(steady: Path) -> None:
    assert problems(steady) == []


def test_a_target_that_dies_is_lost_from_then_on(steady: Path) -> None:
    """As with `kill -9` of the gateway's only unit."""
    folder = changed(steady, status=after(1, 0), origin=after(1, "client"))
    run = load(folder)
    silent = run.tally.count("no response")
    assert problems(folder)[0] == ("target lost", f"from 1.0 s on, none of {silent:,} requests got a response")
    summary = summarise(run, analyse(run), [])
    assert (summary["verdict"]["label"], summary["verdict"]["exit_code"]) == ("target lost", 3)


@pytest.mark.parametrize("rows", [7, 50, 10_000])
def test_the_silence_is_found_whatever_the_pieces(steady: Path, rows: int) -> None:
    folder = changed(steady, status=after(2.5, 0), origin=after(2.5, "client"))
    whole, pieces = load(folder).tally, load(folder, piece_rows=rows).tally
    assert (pieces.silent, pieces.silent_since_ns, pieces.silent_to_ns) == (
        whole.silent,
        whole.silent_since_ns,
        whole.silent_to_ns,
    )
    assert whole.silent == int(np.sum(load(folder).requests["status"] == 0)) > 0


def test_a_target_that_comes_back_is_not_lost_but_the_run_is_not_valid(steady: Path) -> None:
    folder = changed(steady, status=some(0.1, 0), origin=some(0.1, "client"))
    [(kind, text)] = problems(folder)
    assert kind == "broken answers"
    assert text.endswith("got no response")


def test_a_short_silence_at_the_end_is_not_a_loss(steady: Path) -> None:
    folder = changed(steady, status=after(5.8, 0), origin=after(5.8, "client"))
    assert problems(folder) == []


def test_broken_answers_of_status_200_are_counted_and_outrank_the_rule(steady: Path) -> None:
    """As from a target that answers HTML, other JSON or half a body."""
    folder = changed(steady, error=some(0.5, "NotACompletion"))
    run = load(folder)
    summary = summarise(run, analyse(run), [])
    assert summary["requests"]["broken"] == run.tally.total // 2
    assert (summary["verdict"]["label"], summary["verdict"]["exit_code"]) == ("not valid", 4)
    assert "got a 2xx whose content was broken" in summary["verdict"]["sentence"]


def test_a_fault_that_drops_answers_by_plan_is_not_a_problem(tmp_path: Path) -> None:
    scenario = scenario_of({"for": 3}, {"for": 3, "simulate": fault(status=200, drop="before")}, rate=50)
    folder = changed(write(tmp_path / "run", lab_of(), scenario, seed=1), error=after(3, "Truncated"))
    assert problems(folder) == []


def test_a_key_that_was_changed_during_the_run_is_named_and_loses_no_row(steady: Path) -> None:
    before = load(steady).tally.total
    folder = changed(steady, status=after(3, 401), origin=after(3, "gateway"), backend=after(3, None))
    run = load(folder)
    summary = summarise(run, analyse(run), [])
    assert summary["requests"]["total"] == before
    assert summary["requests"]["by_status"]["401"] == before // 2
    [(kind, text)] = problems(folder)
    assert kind == "key refused"
    assert text.startswith(f"from 3.0 s on, the gateway refused the key of {before // 2:,} of {before:,} requests (4")
    assert text in summary["verdict"]["sentence"]
    assert (summary["verdict"]["label"], summary["verdict"]["exit_code"]) == ("not valid", 4)


def test_a_401_of_a_backend_is_not_about_the_key(tmp_path: Path) -> None:
    folder = changed(write(tmp_path / "run", lab_of(), STEADY, seed=1), status=after(3, 401))
    assert problems(folder) == []


def test_load_that_was_never_sent_is_a_problem(steady: Path) -> None:
    pacing = {"intended": 1350, "sent": 900, "late_p99_ms": 1.0, "dropped": 0}
    assert problems(changed(steady, {"pacing": pacing})) == [
        ("load not delivered", "450 of 1,350 arrivals were never sent (33% of the load)")
    ]
    assert problems(changed(steady, {"pacing": {**pacing, "sent": 1300}})) == []


def test_what_a_dead_worker_sent_counts_by_its_rows(steady: Path) -> None:
    rows = load(steady).tally.total
    pacing = {"intended": rows, "sent": rows // 2, "late_p99_ms": 1.0, "dropped": 0, "untold": rows // 2}
    workers = [{"worker": 1, "rows": rows // 2}, {"worker": 2, "lost": True, "missed_s": 0.4}]
    assert problems(changed(steady, {"pacing": pacing, "workers": workers})) == [
        ("workers lost", "worker 2 died during the run")
    ]


@pytest.mark.parametrize(
    ("ended", "found"),
    [
        ({"kind": "completed"}, []),
        ({"kind": "target lost", "reason": "The gateway ended."}, [("target lost", "The gateway ended")]),
        ({"kind": "not recorded", "reason": "The disk is full."}, [("not recorded", "The disk is full")]),
        ({"kind": "failed"}, [("not recorded", "the traffic failed")]),
    ],
)
def test_the_recorded_end_of_the_traffic_counts(steady: Path, ended: dict[str, str], found: list[Any]) -> None:
    assert problems(changed(steady, {"ended": ended})) == found


def test_an_interrupted_run_is_judged_only_as_that(steady: Path) -> None:
    folder = changed(steady, {"interrupted": True}, status=after(1, 0), origin=after(1, "client"))
    assert problems(folder) == [("interrupted", "the run was cut short")]


def test_a_killed_run_was_not_recorded_whole(steady: Path) -> None:
    (steady / "run.json").unlink()
    assert [kind for kind, _ in problems(steady)] == ["not recorded", "interrupted"]


def test_requests_that_clients_canceled_are_counted_as_such_and_are_no_problem(steady: Path) -> None:
    silent = {"status": after(3, 0), "origin": after(3, "client"), "backend": after(3, None)}
    found = load(changed(steady, error=after(3, CANCELED), **silent))
    summary = build_summary(found, analyse(found), [])
    assert summary.requests.canceled == summary.requests.by_status["0"] == 150
    assert [(phase.canceled, phase.no_response, phase.other) for phase in summary.phases] == [(150, 0, 0)]
    assert summary.problems == ()
    assert statuses_in_words(summary) == "150 × 200, 150 × canceled"
    assert "| p0 | 300 | 50.00 | 150 | 0 | 0 | 0 | 0 | 150 |" in render_markdown(summary)


def test_only_the_canceled_ones_are_left_out_of_a_silence(steady: Path) -> None:
    def error(values: list[str | None], at_s: Any) -> list[str | None]:
        return [(None if at < 3 else CANCELED if at < 4 else "Timeout") for at in at_s]

    silent = {"status": after(3, 0), "origin": after(3, "client"), "backend": after(3, None)}
    [(kind, text), *_] = problems(changed(steady, error=error, **silent))
    assert (kind, text) == ("target lost", "from 4.0 s on, none of 100 requests got a response")
