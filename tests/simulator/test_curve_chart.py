"""The drawing of a trip curve."""

from __future__ import annotations

from simulator.curve_chart import curve_chart
from simulator.live_points import LivePoint
from simulator.trip_times import CurvePoint

POINTS = [CurvePoint(20.0, share, 0.1 / share, 0.2 / share, 0.4 / share, 20, 20, 100.0, None) for share in (0.1, 1.0)]


def test_it_has_a_band_a_median_and_log_scales() -> None:
    drawn = curve_chart("t", POINTS, []).to_dict()
    marks = [layer["mark"]["type"] for layer in drawn["layer"]]
    assert marks == ["area", "line", "line"]
    assert drawn["layer"][0]["encoding"]["y"]["scale"]["type"] == "log"


def test_measured_trips_are_drawn_over_it() -> None:
    drawn = curve_chart("t", POINTS, [LivePoint(20.0, 0.5, 0.3, 0.01, "run")]).to_dict()
    assert [layer["mark"]["type"] for layer in drawn["layer"]][-2:] == ["rule", "point"]
