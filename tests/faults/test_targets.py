"""A target that was well and then misbehaves: every request is a row, and the run is not called good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reports.loading.run import load
from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from tests.faults.injection import left_in
from tests.faults.targets import FAULTS, Misbehaving, in_turn
from tests.locustfiles.running import Running, ended
from tests.locustfiles.servers import Gateway, serving
from tripcurve.run.summary import Summary

GOOD = 20
"""Answers that are well before the fault begins."""
SCENARIO = "name: s\nusers: {ChatUser: 8}\ntimeout: 2\nphases: [{name: all, for: 4, rate: 40}]\n"


@dataclass(frozen=True)
class Case:
    """Faults of `tests/faults/targets.py` that one target has in turn, and what a run records of each of them."""

    faults: tuple[str, ...]
    status: int
    errors: set[str]
    code: int
    """The exit code of the report."""

    def __str__(self) -> str:
        return ", ".join(self.faults)


CASES = [
    Case(("closes", "resets"), 0, {"ConnectionClosed", "ConnectionReset"}, 3),
    Case(("hangs",), 0, {"Timeout", "Cancelled"}, 3),
    Case(("no HTTP", "headers without end", "interim answers without end"), 0, {"BadResponse", "HeadersTooLarge"}, 3),
    Case(("a chunk's length is no number", "a body is cut short"), 200, {"BadResponse", "IncompleteBody"}, 4),
    Case(("HTML", "JSON that is no object", "bytes that are no UTF-8", "a gzip that is none"), 200, {"BadBody"}, 4),
]
each_case = pytest.mark.parametrize("case", CASES, ids=str)


@dataclass
class Recorded:
    """One run: exit code and messages of the traffic, rows, what run.json and the summary say, and what it left."""

    code: int
    messages: str
    rows: Any
    sent: int
    summary: Summary
    left: list[str]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Recorded]]:
    """Every case's run, all under way at the same time."""
    folder = tmp_path_factory.mktemp("targets")
    with ExitStack() as stack:
        started = {}
        for number, case in enumerate(CASES):
            (folder / str(number)).mkdir()
            fault = in_turn(*(FAULTS[name] for name in case.faults))
            port = stack.enter_context(serving(Misbehaving(fault, GOOD)))
            running = Running(folder / str(number), port, Gateway())
            stack.callback(running.close)
            started[str(case)] = running, running.drive(SCENARIO, "--no-report")
        yield {name: _recorded(running, ended(process, 400)) for name, (running, process) in started.items()}


def _recorded(running: Running, end: tuple[int, str, str]) -> Recorded:
    code, _, messages = end
    left = left_in(running.run_dir)
    run = load(Path(running.run_dir))
    sent = running.info()["pacing"]["sent"]
    return Recorded(code, messages, running.rows(), sent, build_summary(run, analyse(run), []), left)


@each_case
def test_every_request_sent_is_a_row(runs: dict[str, Recorded], case: Case) -> None:
    run = runs[str(case)]
    assert len(run.rows) == run.sent > GOOD, run.messages
    assert "Traceback" not in run.messages
    assert run.left == []


@each_case
def test_the_rows_say_what_was_wrong(runs: dict[str, Recorded], case: Case) -> None:
    """An answer that is taken for another kind of failure, or for a good one, is seen whichever fault it is of."""
    rows = runs[str(case)].rows
    failed = rows[rows["error"].notna()]
    assert 0 < len(rows) - len(failed) <= GOOD
    busy = {(0, "Timeout"), (0, "ConnectTimeout"), (0, "Cancelled")}  # how requests end where the machine is too slow
    found = {(row.status, row.error) for row in failed.itertuples()}
    assert found - busy <= {(case.status, error) for error in case.errors}
    assert failed["error"].isin(case.errors).mean() > 0.5


@pytest.mark.parametrize("case", [case for case in CASES if case.code == 3], ids=str)
def test_a_target_that_is_lost_ends_the_traffic_with_its_exit_code(runs: dict[str, Recorded], case: Case) -> None:
    assert runs[str(case)].code == 3, runs[str(case)].messages
    assert "the target stopped answering" in runs[str(case)].messages


@each_case
def test_the_verdict_says_that_the_run_is_no_measurement(runs: dict[str, Recorded], case: Case) -> None:
    verdict = runs[str(case)].summary.verdict
    assert verdict is not None
    assert (verdict.label, verdict.exit_code) == ({3: "target lost", 4: "not valid"}[case.code], case.code)
