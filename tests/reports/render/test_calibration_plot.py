"""The calibration plot stays small, and never leaves out an error that is larger than its half-width."""

from __future__ import annotations

from reports.render.calibration_plot import MOST_POINTS, calibration_plot
from reports.render.drawing import svg_of
from reports.statistics.calibration import Point


def test_many_instants_are_thinned_but_none_outside_is_left_out() -> None:
    points = [Point("tripped_s", "cause", 1.0, 5.0 if place % 1000 == 7 else 0.5) for place in range(10_000)]
    rows = calibration_plot(points)["layer"][1]["data"]["values"]
    assert len(rows) <= MOST_POINTS + 10
    assert sum(row["error_ms"] == 5.0 for row in rows) == 10


def test_an_older_summary_and_a_half_width_of_zero_are_drawn() -> None:
    svg = svg_of(calibration_plot([Point("reset_s", None, 0.0, 0.0)]))
    assert "not recorded" in svg
    assert "NaN" not in svg
