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
from tests.faults.targets import FAULTS, Misbehaving
from tests.locustfiles.running import Running, ended
from tests.locustfiles.servers import Gateway, serving
from tripcurve.run.summary import Summary

GOOD = 20
"""Answers that are well before the fault begins."""
SCENARIO = "name: s\nusers: {ChatUser: 8}\ntimeout: 2\nphases: [{name: all, for: 4, rate: 40}]\n"
# The fault of `tests/faults/targets.py`, the rows' status and class of error, the exit code.
CASES: list[tuple[str, int, set[str], int]] = [
    ("closes", 0, {"ConnectionClosed", "ConnectionReset"}, 3),
    ("hangs", 0, {"Timeout", "Cancelled"}, 3),
    ("resets", 0, {"ConnectionReset", "ConnectionClosed"}, 3),
    ("no HTTP", 0, {"BadResponse"}, 3),
    ("headers without end", 0, {"HeadersTooLarge", "BadResponse"}, 3),
    ("interim answers without end", 0, {"HeadersTooLarge", "BadResponse"}, 3),
    ("a chunk's length is no number", 200, {"BadResponse"}, 4),
    ("a body is cut short", 200, {"IncompleteBody"}, 4),
    ("HTML", 200, {"BadBody"}, 4),
    ("JSON that is no object", 200, {"BadBody"}, 4),
    ("bytes that are no UTF-8", 200, {"BadBody"}, 4),
    ("a gzip that is none", 200, {"BadBody"}, 4),
]
NAMES = [name for name, *_ in CASES]


@dataclass
class Recorded:
    """One run: exit code and messages of the traffic, rows, and what run.json and the summary say."""

    code: int
    messages: str
    rows: Any
    sent: int
    summary: Summary


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Recorded]]:
    """Every case's run, all under way at the same time."""
    folder = tmp_path_factory.mktemp("targets")
    with ExitStack() as stack:
        started = {}
        for number, name in enumerate(NAMES):
            (folder / str(number)).mkdir()
            port = stack.enter_context(serving(Misbehaving(FAULTS[name], GOOD)))
            running = Running(folder / str(number), port, Gateway())
            stack.callback(running.close)
            started[name] = running, running.drive(SCENARIO, "--no-report")
        yield {name: _recorded(running, ended(process, 400)) for name, (running, process) in started.items()}


def _recorded(running: Running, end: tuple[int, str, str]) -> Recorded:
    code, _, messages = end
    run = load(Path(running.run_dir))
    sent = running.info()["pacing"]["sent"]
    return Recorded(code, messages, running.rows(), sent, build_summary(run, analyse(run), []))


@pytest.mark.parametrize("name", NAMES)
def test_every_request_sent_is_a_row(runs: dict[str, Recorded], name: str) -> None:
    run = runs[name]
    assert len(run.rows) == run.sent > GOOD, run.messages
    assert "Traceback" not in run.messages


@pytest.mark.parametrize(("name", "status", "errors"), [(name, s, e) for name, s, e, _ in CASES])
def test_the_rows_say_what_was_wrong(runs: dict[str, Recorded], name: str, status: int, errors: set[str]) -> None:
    rows = runs[name].rows
    failed = rows[rows["error"].notna()]
    assert 0 < len(rows) - len(failed) <= GOOD
    busy = {(0, "Timeout"), (0, "ConnectTimeout"), (0, "Cancelled")}  # how requests end where the machine is too slow
    found = {(row.status, row.error) for row in failed.itertuples()}
    assert found - busy <= {(status, error) for error in errors}
    assert failed["error"].isin(errors).mean() > 0.5


@pytest.mark.parametrize("name", [name for name, *_, code in CASES if code == 3])
def test_a_target_that_is_lost_ends_the_traffic_with_its_exit_code(runs: dict[str, Recorded], name: str) -> None:
    assert runs[name].code == 3, runs[name].messages
    assert "the target stopped answering" in runs[name].messages


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, *_, code in CASES])
def test_the_verdict_says_that_the_run_is_no_measurement(runs: dict[str, Recorded], name: str, code: int) -> None:
    verdict = runs[name].summary.verdict
    assert verdict is not None
    assert (verdict.label, verdict.exit_code) == ({3: "target lost", 4: "not valid"}[code], code)
