"""The benchmarks that print tables of live runs leave out, with the reason, the runs that show nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from reports.statistics.calibration import Point, points
from tests.benchmarks.agreement import SCENARIOS, Run, comparable, left_out, scenario_of
from tests.benchmarks.programs import RATES, SCENARIO, Measured, faults_of, figures, is_outside, table
from tests.summaries import summary_of
from tripcurve.lab import load_lab
from tripcurve.scenario import Scenario, load_scenario

WRONG = {"as_configured": False, "sentence": "not as configured in fault: 3.00/s were sent, 8.00/s are configured"}
RIGHT = {"as_configured": True, "sentence": "as configured in all 3 phases, in rate and spacing"}
UNSENT = {"kind": "load not delivered", "text": "12 % of the load was never sent"}


def run_of(stimulus: dict[str, Any] | None = None, *problems: dict[str, str]) -> Run:
    return Run({"problems": list(problems), "stimulus": RIGHT if stimulus is None else stimulus}, [])


def test_a_run_whose_load_was_not_sent_as_configured_is_left_out() -> None:
    assert left_out(run_of().summary) is None
    assert left_out(run_of(WRONG).summary) == f"the load was {WRONG['sentence']}"
    assert left_out(run_of(RIGHT, UNSENT).summary) == UNSENT["text"]
    assert left_out({"problems": [], "stimulus": None}) is None, "an older version wrote the summary"


def test_the_other_runs_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    good = run_of()
    assert comparable("litellm", [good, run_of(WRONG), good]) == [good, good]
    first, last = capsys.readouterr().err.splitlines()
    assert first == f"litellm-02: left out: the load was {WRONG['sentence']}"
    assert last == "litellm: 2 of 3 live runs are valid measurements of the configured load"


def test_a_lab_is_not_compared_if_the_load_of_half_its_runs_was_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert comparable("litellm", [run_of(), run_of(WRONG)]) == []
    assert capsys.readouterr().err.splitlines()[-1].startswith("litellm: 1 of 2 live runs are valid")


@pytest.mark.parametrize("lab", SCENARIOS)
def test_each_labs_scenario_is_one(tmp_path: Path, lab: str) -> None:
    assert load_scenario(scenario_of(tmp_path, lab), load_lab(lab)).phases


@pytest.mark.parametrize("kind", RATES)
def test_the_scenario_of_each_kind_is_one(kind: str) -> None:
    assert Scenario.model_validate(yaml.safe_load(SCENARIO.format(rate=RATES[kind]))).phases


def test_the_table_of_programs_has_a_column_for_each_kind() -> None:
    measured = Measured(summary_of(None), "1.40.0", 0.7)
    shown, trips = figures([measured, measured]), len(measured.summary.trips)
    assert shown["version"] == "1.40.0"
    assert shown["exclusions that the program recorded"] == shown["trips that Tripcurve found"] == str(2 * trips)
    assert shown["instants outside their half-widths"] == f"0 of {2 * len(points(measured.summary))}"
    assert shown["processor time per request, median, ms"] == "0.7"
    lines = table({"envoy": [measured], "litellm": [Measured(measured.summary, None, None)]})
    assert lines[0] == "| | envoy | litellm |"
    assert "| version | 1.40.0 | not known |" in lines
    assert {line.count("|") for line in lines} == {4}


def test_every_fault_of_a_run_is_named() -> None:
    summary = summary_of(None)
    assert faults_of("envoy", [Measured(summary, None, None)]) == []
    first, *others = summary.trips
    assert first.tripped_s is not None
    narrow = first.model_copy(update={"tripped_s": first.tripped_s.model_copy(update={"half_width": 0.0})})
    stray = first.model_copy(update={"truth": None, "error_s": None})
    wrong = summary.model_copy(update={"trips": (narrow, stray, *others)})
    said = faults_of(
        "envoy", [Measured(summary_of(None, problem="9 % were never sent"), None, None), Measured(wrong, None, None)]
    )
    assert said[:2] == ["envoy-01: 9 % were never sent", "envoy-02: 1 trips are not in the program's record"]
    assert said[2].startswith("envoy-02: tripped_s is off by")


@pytest.mark.parametrize(("error_ms", "outside"), [(1.0, False), (-1.0, False), (1.01, True), (-1.01, True)])
def test_an_instant_is_outside_beyond_its_half_width(error_ms: float, outside: bool) -> None:
    point = Point("tripped_s", "proof", 1.0, error_ms)
    assert is_outside(point) == outside
