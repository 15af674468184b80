"""The numbers that a path names, in the models of a summary and in the content of its file."""

from __future__ import annotations

import pytest

from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from tests.reports.runs import TRIP, lab_of, play
from tripcurve.run.measures import number_at
from tripcurve.run.summary import Summary
from tripcurve.scenario.checks import parse


@pytest.fixture(scope="module")
def summary() -> Summary:
    run = play(lab_of(), TRIP)
    return build_summary(run, analyse(run), [])


@pytest.mark.parametrize(
    "path",
    ["time_to_trip_s.max", "requests.by_status.200", "trips[0].open_s", "trips[0].bounds.open_s[1]"],
)
def test_model_and_file_have_the_same_number(summary: Summary, path: str) -> None:
    parts = parse(f"{path} > 0").path
    number = number_at(summary.as_written(), parts)
    assert number is not None
    assert number_at(summary, parts) == number


@pytest.mark.parametrize(
    "path", [("interrupted",), ("lab",), ("trips", 99, "open_s"), ("nothing", "max"), ("model_dump",), ("trips", "n")]
)
def test_anything_but_an_observed_number_is_none(summary: Summary, path: tuple[str | int, ...]) -> None:
    assert number_at(summary.as_written(), path) is None
    assert number_at(summary, path) is None
