"""What repeats.json holds, and when the runs are precise enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.summaries import summary_of, write_summary
from tripcurve.errors import BadInput
from tripcurve.run.intervals import Interval, interval_of
from tripcurve.run.repeats import (
    REPEATS,
    RepeatedRun,
    Repeats,
    interval_over,
    is_valid,
    number_of_runs,
    parse_until,
    read_repeats,
    read_summary,
    run_name,
    write_repeats,
)

RUN = {"run": "run-01", "seed": 0, "exit": 0}
LIST = {"schema": 1, "lab": "l", "scenario": "s", "target": "local", "asked": 2, "end": "finished", "runs": [RUN]}


@pytest.mark.parametrize(
    ("text", "measure", "within", "share"),
    [
        ("outage_s.median ± 5%", "outage_s.median", 0.05, True),
        ("outage_s.median +- 5 %", "outage_s.median", 0.05, True),
        (" outage_s.max+/-0.25 ", "outage_s.max", 0.25, False),
        ("absorption±1", "absorption", 1.0, False),
    ],
)
def test_a_precision_is_a_measure_and_how_far_it_may_be_off(
    text: str, measure: str, within: float, share: bool
) -> None:
    found = parse_until(text)
    assert (found.measure, found.within, found.share) == (measure, pytest.approx(within), share)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "looks like"),
        ("outage_s.median", "looks like"),
        ("outage_s.median < 5", "looks like"),
        ("outage_s.median ± -5%", "looks like"),
        ("outage_s.median ± nan", "looks like"),
        ("outage_s.median ± 0%", "more than 0"),
        ("outage.median ± 5%", "did you mean 'outage_s.median'"),
        ("outage_s ± 5%", "not a number"),
        ("x" * 100_000 + " ± 5%", "looks like"),
    ],
)
def test_anything_else_is_refused_with_an_example(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_until(text)


@pytest.mark.parametrize(
    ("text", "values", "reached"),
    [
        ("outage_s.median ± 5%", [10, 10.1, 10.2, 9.9, 10], True),
        ("outage_s.median ± 5%", [10, 10.1, 10.2, 9.9], False),
        ("outage_s.median ± 1%", [10, 10.1, 10.2, 9.9, 10], False),
        ("outage_s.median ± 0.5", [10, 10.1, 10.2, 9.9, 10], True),
        ("outage_s.median ± 5%", [0.0] * 5, True),
        ("outage_s.median ± 5%", [], False),
    ],
)
def test_the_precision_is_reached_by_five_runs_with_a_narrow_interval(
    text: str, values: list[float], reached: bool
) -> None:
    assert parse_until(text).reached(interval_of(values)) is reached


def test_a_negative_median_counts_by_its_size() -> None:
    assert parse_until("open_error_s.median ± 10%").reached(Interval(5, -10.0, -10.5, -9.5))


@pytest.mark.parametrize(("repeat", "until", "runs"), [(2, None, 2), (1000, None, 1000), (None, "absorption ± 5%", 50)])
def test_the_most_runs(repeat: int | None, until: str | None, runs: int) -> None:
    assert number_of_runs(repeat, None if until is None else parse_until(until)) == runs


@pytest.mark.parametrize(("repeat", "until"), [(1, None), (0, None), (1001, None), (4, "absorption ± 5%")])
def test_too_few_or_too_many_runs_are_refused(repeat: int, until: str | None) -> None:
    with pytest.raises(BadInput, match="--repeat"):
        number_of_runs(repeat, None if until is None else parse_until(until))


def test_the_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    runs = tuple(RepeatedRun(run=run_name(number), seed=number, exit=0) for number in (1, 99, 100, 1000))
    written = Repeats(lab="l", scenario="s", target="local", asked=4, until="absorption ± 5%", runs=runs)
    write_repeats(tmp_path, written)
    assert read_repeats(tmp_path) == written
    assert json.loads((tmp_path / REPEATS).read_text("utf-8"))["schema"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"runs": [{**RUN, "run": "../elsewhere"}]},
        {"runs": [{**RUN, "run": "/etc"}]},
        {"runs": [{**RUN, "run": "run-01\n"}]},
        {"runs": "run-01"},
        {"schema": 2},
        {"asked": 0},
        {"unknown": 1},
    ],
)
def test_a_list_that_names_other_folders_or_is_damaged_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / REPEATS).write_text(json.dumps(LIST), "utf-8")
    assert len(read_repeats(tmp_path).runs) == 1
    (tmp_path / REPEATS).write_text(json.dumps(LIST | change), "utf-8")
    with pytest.raises(BadInput, match="not a list of repeated runs"):
        read_repeats(tmp_path)


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_repeats(tmp_path)


def test_runs_that_did_not_observe_a_measure_are_not_counted() -> None:
    found = interval_over("outage_s.median", [summary_of(1.0), summary_of(None), summary_of(3.0)])
    assert (found.n, found.median) == (2, 2.0)


def test_interrupted_and_invalid_runs_do_not_count() -> None:
    assert is_valid(summary_of(1.0))
    assert not is_valid(summary_of(1.0, interrupted=True))
    assert not is_valid(summary_of(1.0, problem="load was not sent"))


def test_a_summary_that_is_missing_or_damaged_is_none(tmp_path: Path) -> None:
    assert read_summary(tmp_path / "summary.json") is None
    (tmp_path / "summary.json").write_text("{", "utf-8")
    assert read_summary(tmp_path / "summary.json") is None
    write_summary(tmp_path, summary_of(2.0))
    found = read_summary(tmp_path / "summary.json")
    assert found is not None
    assert found.outage_s.median == 2.0
