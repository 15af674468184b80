"""The capacity curve: the rate of each outcome against the offered rate."""

from __future__ import annotations

from collections.abc import Sequence

from reports.render.charts import INK, STYLE, VEGA_LITE, Spec
from tripcurve.run.summary import Step

__all__ = ["COLOURS", "OUTCOMES", "capacity_curve"]

OUTCOMES = {"served_s": "served", "shed_s": "shed", "throttled_s": "throttled", "failed_s": "other failure"}
COLOURS = ("#009E73", "#0072B2", "#E69F00", "#CC79A7")


def capacity_curve(steps: Sequence[Step]) -> Spec:
    """Return a chart of the served, shed, throttled and failed rates against the offered rate, in requests per second.

    The dashed line is the ideal: all served.
    """
    rows = [
        {"offered": step.offered_s, "rate": getattr(step, field), "what": name}
        for step in steps
        for field, name in OUTCOMES.items()
    ]
    most = max((step.offered_s for step in steps), default=1.0)
    x = {"field": "offered", "type": "quantitative", "title": "offered, requests per second"}
    y = {"field": "rate", "type": "quantitative", "title": "requests per second"}
    what = {"field": "what", "type": "nominal", "title": None}
    names = list(OUTCOMES.values())
    colour = {**what, "scale": {"domain": names, "range": list(COLOURS)}}
    shape = {**what, "scale": {"domain": names}}
    return {
        "$schema": VEGA_LITE,
        "config": STYLE,
        "width": 620,
        "height": 300,
        "padding": {"left": 5, "top": 5, "right": 20, "bottom": 5},
        "data": {"values": rows},
        "layer": [
            {
                "data": {"values": [{"offered": rate, "rate": rate} for rate in (0.0, most)]},
                "mark": {"type": "line", "strokeDash": [4, 4], "color": INK, "opacity": 0.5},
                "encoding": {"x": x, "y": y},
            },
            {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"x": x, "y": y, "color": colour}},
            {
                "mark": {"type": "point", "size": 60, "filled": True, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": colour, "shape": shape},
            },
        ],
    }
