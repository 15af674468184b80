"""How much retries amplified the load, in every kind of report."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from reports.loading.run import load
from reports.render.markdown import render_markdown
from reports.render.terminal import print_summary
from reports.render.words import retries_in_words
from reports.statistics.retries import retries
from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from simulator.record import batches_of, calls_of, write_run
from simulator.virtual import run_virtual
from tests.reports.runs import TRIP, fault, lab_of, play, scenario_of
from tripcurve.run.info import CallCounts, RunInfo
from tripcurve.scenario.checks import parse


def test_attempts_per_call_are_those_of_all_calls_and_of_each_phase() -> None:
    run = play(lab_of(), TRIP)
    run.info.calls = {
        "p1": CallCounts(calls=10, attempts=38),
        "p0": CallCounts(calls=20, attempts=20),
        "p2": CallCounts(calls=0, attempts=2),
    }
    found = retries(run)
    assert found is not None
    assert (found.calls, found.attempts, found.attempts_per_call) == (30, 60, 2.0)
    assert [(one.phase, one.attempts_per_call) for one in found.phases] == [("p0", 1.0), ("p1", 3.8), ("p2", None)]
    assert retries_in_words(found) == "2.00 attempts per call, most in p1 (3.80)"


def test_one_phase_or_no_retry_needs_no_phase_in_the_words() -> None:
    run = play(lab_of(), TRIP)
    run.info.calls = {"p0": CallCounts(calls=5, attempts=5), "p1": CallCounts(calls=5, attempts=5)}
    found = retries(run)
    assert found is not None
    assert retries_in_words(found) == "1.00 attempts per call"


def test_a_run_without_such_clients_or_counts_has_none() -> None:
    run = play(lab_of(), TRIP)
    assert retries(run) is None
    run.info.calls = {}
    assert retries(run) is None
    assert RunInfo.of_killed_run().calls is None


@pytest.fixture
def stormy(tmp_path: Path) -> Path:
    phases = scenario_of({"for": 2}, {"for": 2, "simulate": fault()}, {"for": 3}, users={"storm": 5}, rate=20)
    run = run_virtual(lab_of(), phases)
    return write_run(tmp_path / "run", lab_of(), phases, run.events, batches_of(run), {}, calls_of(run))[0]


def test_every_report_shows_the_amplification(stormy: Path) -> None:
    run = load(stormy)
    summary = build_summary(run, analyse(run), ["retries.attempts_per_call < 1.1", "retries.phases[1].attempts > 1"])
    assert summary.retries is not None
    assert summary.retries.attempts == run.tally.total
    assert [check.passed for check in summary.checks] == [False, True]
    markdown = render_markdown(summary)
    assert "## Retries" in markdown
    assert "| p1 | 40 | " in markdown
    assert "| all | 140 | " in markdown
    console = Console(width=80, record=True)
    print_summary(summary, [stormy / "report.html"], console)
    assert "attempts per call, most in p1 (" in console.export_text()


def test_a_check_on_retries_names_a_number_of_the_summary() -> None:
    assert parse("retries.attempts_per_call < 1.5").limit == 1.5
