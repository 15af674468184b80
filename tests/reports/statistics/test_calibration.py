"""Errors beside half-widths: each instant with truth is one point, and an error beyond its half-width is counted."""

from __future__ import annotations

from typing import Any

import pytest

from reports.statistics.calibration import Point, calibration, points
from tests.reports.conftest import Reported, typed


def test_each_instant_whose_truth_is_known_is_a_point(good: Reported, live: Reported) -> None:
    found = points(typed(good.summary))
    assert len(found) == good.summary["accuracy"]["n"] > 0
    assert max(abs(point.error_ms) for point in found) == good.summary["accuracy"]["max_error_s"] * 1000
    assert points(typed(live.summary)) == []


def test_rows_are_by_instant_and_evidence_with_bias_and_size_apart() -> None:
    found = [
        Point("reset_s", "proof", 4.0, 1.0),
        Point("tripped_s", "cause", 1.0, -0.5),
        Point("tripped_s", "cause", 1.0, 0.7),
        Point("tripped_s", "cause", 1.0, 1.5),
    ]
    tripped, reset = calibration(found)
    assert (tripped.instant, tripped.by, tripped.n) == ("tripped_s", "cause", 3)
    assert (tripped.median_error_ms, tripped.outside, tripped.largest_share) == (0.7, 1, 1.5)
    assert tripped.mean_error_ms == pytest.approx(1.7 / 3)
    assert (reset.instant, reset.largest_share, reset.outside) == ("reset_s", 0.25, 0)


@pytest.mark.parametrize(("error_ms", "outside"), [(0.0, 0), (0.1, 1)])
def test_a_half_width_of_zero_has_no_share_and_still_counts(error_ms: float, outside: int) -> None:
    [row] = calibration([Point("reset_s", None, 0.0, error_ms)])
    assert (row.largest_share, row.outside) == (None, outside)


def changed(summary: dict[str, Any], error_s: float) -> dict[str, Any]:
    """The summary with the error of its first trip's instant set."""
    first = summary["trips"][0]
    return {
        **summary,
        "trips": [{**first, "error_s": {**first["error_s"], "tripped_s": error_s}}, *summary["trips"][1:]],
    }


def test_an_error_beyond_its_half_width_is_counted_outside(good: Reported) -> None:
    before, after = (
        sum(row.outside for row in calibration(points(typed(one))))
        for one in (good.summary, changed(good.summary, 99.0))
    )
    assert (before, after) == (0, 1)
