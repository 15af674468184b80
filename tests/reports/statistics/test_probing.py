"""What a report says of dense probes: their number, their cost, and why resets are less sharp than asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reports.loading.run import Run, load
from reports.statistics.probing import probing, probing_notes
from tests.reports.runs import TRIP, lab_of, write
from tripcurve.run.info import Probing, RunInfo, SharpenedReset
from tripcurve.run.probing import Probing as Reported

EXPECTED = SharpenedReset(outcome="as expected", asked=10, admitted="probe", gap_ms=1.0)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return load(write(tmp_path / "run", lab_of(), TRIP))


def notes(run: Run, account: Probing | None) -> list[str]:
    run.tally.probes = 0 if account is None else account.requests
    return probing_notes(replace(run, info=run.info.model_copy(update={"probing": account})))


def test_the_account_counts_the_resets_by_how_they_came() -> None:
    late = SharpenedReset(outcome="late", asked=30, admitted="traffic", gap_ms=3.0)
    account = Probing(sharpen_s=0.001, budget=200, requests=50, answered=2, resets=[EXPECTED, EXPECTED, late])
    found = probing(RunInfo(probing=account))
    assert found == Reported(
        sharpen_s=0.001,
        budget=200,
        requests=50,
        answered=2,
        resets=3,
        outcomes={"as expected": 2, "late": 1},
        gap_ms=1.0,
        reason=None,
    )


def test_a_run_without_an_account_has_none(run: Run) -> None:
    assert probing(RunInfo()) is None
    assert notes(run, None) == []


@pytest.mark.parametrize(
    ("account", "words"),
    [
        pytest.param(Probing(sharpen_s=0.001, budget=200), [], id="no breaker opened"),
        pytest.param(Probing(sharpen_s=None, budget=200, reason="turned off"), [], id="turned off"),
        pytest.param(
            Probing(sharpen_s=0.001, budget=0, reason="the budget is 0"),
            ["no dense probes timed the resets: the budget is 0"],
            id="a budget of 0",
        ),
        pytest.param(
            Probing(sharpen_s=0.001, budget=200, requests=10, answered=1, resets=[EXPECTED]),
            ["10 dense probes timed the resets; traffic figures exclude them; a backend answered 1 of them"],
            id="as expected",
        ),
        pytest.param(
            Probing(sharpen_s=0.001, budget=200, requests=1, answered=0, reason="the gateway refused a probe"),
            [
                "1 dense probe timed the resets; traffic figures exclude them; a backend answered 0 of them",
                "resets are less sharp than asked for: the gateway refused a probe",
            ],
            id="refused",
        ),
    ],
)
def test_notes_say_the_cost_and_the_reason(run: Run, account: Probing, words: list[str]) -> None:
    assert notes(run, account) == words


def test_a_note_counts_the_resets_that_did_not_come_as_expected(run: Run) -> None:
    early = SharpenedReset(outcome="early", asked=0, admitted="traffic", gap_ms=None)
    spent = SharpenedReset(outcome="budget spent", asked=200, admitted=None, gap_ms=1.0)
    account = Probing(sharpen_s=0.001, budget=200, requests=210, answered=1, resets=[EXPECTED, early, spent])
    assert notes(run, account)[-1] == (
        "2 of 3 resets may be less sharp, because probing did not go as expected: 1 early, 1 budget spent"
    )
