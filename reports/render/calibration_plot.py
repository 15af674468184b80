"""The calibration plot: the error of each measured instant against its half-width, where the truth is known."""

from __future__ import annotations

from dataclasses import asdict

from reports.render.charts import INK, STYLE, VEGA_LITE, Spec
from reports.statistics.calibration import Point

__all__ = ["calibration_plot"]

MOST_POINTS = 1000
NAMES = {"tripped_s": "trip", "reset_s": "reset"}


def calibration_plot(points: list[Point]) -> Spec:
    """Return a chart of at least one point. Errors within their half-widths lie between the two lines.

    More than `MOST_POINTS` are thinned evenly, except those outside their half-widths.
    """
    step = -(-len(points) // MOST_POINTS)
    drawn = [one for place, one in enumerate(points) if place % step == 0 or abs(one.error_ms) > one.half_width_ms]
    rows = [{**asdict(one), "instant": NAMES[one.instant], "by": one.by or "not recorded"} for one in drawn]
    widest = max(one.half_width_ms for one in drawn) * 1.05 or 1.0
    x = {
        "field": "half_width_ms",
        "type": "quantitative",
        "title": "half-width, ms",
        "scale": {"domainMin": 0},
        "axis": {"tickCount": 6},
    }
    y = {"field": "error_ms", "type": "quantitative", "title": "measured minus true, ms"}
    edges = [{"half_width_ms": at, "error_ms": sign * at, "side": sign} for sign in (-1, 1) for at in (0.0, widest)]
    side = {"field": "side", "type": "nominal"}
    legend = {"orient": "bottom", "direction": "horizontal"}
    colour = {"domain": ["trip", "reset"], "range": ["#0072B2", "#D55E00"]}
    named = {"field": "instant", "type": "nominal", "title": None, "legend": legend}
    by = {"field": "by", "type": "nominal", "title": "by", "legend": {**legend, "symbolFillColor": INK}}
    return {
        "$schema": VEGA_LITE,
        "config": STYLE,
        "width": 420,
        "height": 240,
        "padding": {"left": 5, "top": 5, "right": 20, "bottom": 5},
        "layer": [
            {
                "data": {"values": edges},
                "mark": {"type": "line", "strokeDash": [4, 4], "color": INK, "opacity": 0.6},
                "encoding": {"x": x, "y": y, "detail": side},
            },
            {
                "data": {"values": rows},
                "mark": {"type": "point", "size": 60, "filled": True, "opacity": 0.9},
                "encoding": {"x": x, "y": y, "color": {**named, "scale": colour}, "shape": by},
            },
        ],
    }
