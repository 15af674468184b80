"""A difference counts only where noise does not explain it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.commands.compare import compare_command
from reports.loading.run import load
from reports.statistics.comparison import Comparison, compare, differences, parse_limit
from tests.reports.runs import RULE, TRIP, lab_of, play, scenario_of, write
from tripcurve.errors import BadInput


def compared(base_rule: dict[str, object], rule: dict[str, object], *limits: str) -> dict[str, Comparison]:
    runs = [play(lab_of(one), TRIP, seed=seed) for seed, one in enumerate((base_rule, rule))]
    return {one.measure: one for one in compare(runs[0], runs[1], [parse_limit(limit) for limit in limits])}


def test_two_runs_of_the_same_lab_differ_by_noise_only() -> None:
    found = compared(RULE, RULE, "time_to_trip_s.median=0%", "ok_share=0%")
    assert found["open_s.median"].verdict == "same"
    assert not any(one.regressed for one in found.values())


def test_a_longer_open_time_is_higher_and_regresses_beyond_its_limit() -> None:
    slower = RULE | {"trip_duration": 1.5}
    assert compared(RULE, slower)["open_s.median"].regressed is None
    assert compared(RULE, slower, "open_s.median=10%")["open_s.median"].regressed
    assert not compared(RULE, slower, "open_s.median=60%")["open_s.median"].regressed
    assert not compared(slower, RULE, "open_s.median=10%")["open_s.median"].regressed


def test_fewer_good_answers_regress_although_the_number_falls() -> None:
    worse, better = RULE | {"trip_duration": 3.9}, RULE | {"trip_duration": 0.5}
    assert compared(better, worse, "ok_share=1%")["ok_share"].regressed
    assert not compared(worse, better, "ok_share=1%")["ok_share"].regressed


def test_a_single_value_per_run_is_compared_by_its_half_widths() -> None:
    found = compared(RULE | {"trip_duration": 6}, RULE | {"trip_duration": 7}, "open_s.max=10%")
    one = found["open_s.max"]
    assert (one.base_n, one.run_n) == (1, 1)
    assert one.low is not None
    assert one.high is not None
    assert one.low < 1 < one.high
    assert (one.verdict, one.regressed, one.undecided) == ("higher", True, False)
    same = compared(RULE | {"trip_duration": 6}, RULE | {"trip_duration": 6}, "open_s.max=10%")["open_s.max"]
    assert (same.verdict, same.regressed) == ("same", False)


def test_a_limit_that_cannot_be_judged_fails_unless_that_is_allowed(tmp_path: Path) -> None:
    quiet = scenario_of({"for": 2})
    folder = write(tmp_path / "base", lab_of(), quiet)
    assert compare_command(folder, folder, ["open_s.max=10%"], False) == 1
    assert compare_command(folder, folder, ["open_s.max=10%"], False, allow_undecided=True) == 0


def test_runs_that_differ_are_compared_only_with_anyway(tmp_path: Path) -> None:
    base = write(tmp_path / "base", lab_of(), TRIP)
    run = write(tmp_path / "run", lab_of(), TRIP.model_copy(update={"users": {"ChatUser": 9}}))
    with pytest.raises(BadInput, match=r"scenario: s and s differ in users\. Compare them with --anyway"):
        compare_command(base, run, [], False)
    assert compare_command(base, run, [], False, anyway=True) == 0
    assert differences(load(base), load(base)) == []


def test_a_mistyped_limit_gets_the_nearest_measure() -> None:
    with pytest.raises(BadInput, match=r"did you mean 'outage_s\.max'"):
        parse_limit("outage.max=10%")


def test_a_limited_measure_that_the_run_no_longer_has_fails() -> None:
    found = compared(RULE, RULE | {"count": 1000}, "time_to_trip_s.median=10%")
    assert found["time_to_trip_s.median"].verdict == "only one run has it"
    assert found["time_to_trip_s.median"].regressed


@pytest.mark.parametrize("text", ["", "open_s", "open_s.median=x", "nothing.max=1%", "open_s.median=-1"])
def test_a_malformed_limit_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="limit"):
        parse_limit(text)


def test_the_command_exits_1_on_a_regression(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = write(tmp_path / "base", lab_of(), TRIP)
    run = write(tmp_path / "run", lab_of(RULE | {"trip_duration": 1.5}), TRIP)
    assert compare_command(base, run, ["open_s.median=10%"], True, anyway=True) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["regressed"]
    assert compare_command(base, base, ["open_s.median=10%"], False) == 0
    assert "open_s.median" in capsys.readouterr().out
