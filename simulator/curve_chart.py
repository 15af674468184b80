"""Draws a trip curve as electricians do: time to trip against overload, both on log scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import altair as alt
import pandas as pd

from simulator.live_points import LivePoint
from simulator.trip_times import CurvePoint

__all__ = ["curve_chart"]

# Okabe and Ito's palette: distinct under the common kinds of colour blindness.
_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
_AXIS = alt.Axis(gridOpacity=0.12)
_MEDIAN, _EXPECTED, _LIVE = "median of seeds", "mean by the closed form", "measured live"


def curve_chart(title: str, points: Sequence[CurvePoint], live: Sequence[LivePoint]) -> alt.LayerChart | alt.FacetChart:
    """Return the chart: the band of the 5th to the 95th percentile, the median, the closed form and measured trips."""
    frame = pd.DataFrame([asdict(point) for point in points])
    frame["load"] = [f"{rate:g} requests/s" for rate in frame["rate"]]
    frame["percent"] = frame["share"] * 100
    order = list(dict.fromkeys(frame["load"]))
    colour = alt.Color("load:N", title="offered", sort=order).scale(domain=order, range=_COLOURS[: len(order)])
    x = alt.X("percent:Q", title="failures among answers, % (log scale)", axis=_AXIS).scale(
        type="log", domain=[float(frame["percent"].min()) * 0.95, 100], nice=False
    )
    y_title = "time to trip, s (log scale)"
    kind = alt.StrokeDash("kind:N", title=None).scale(domain=[_MEDIAN, _EXPECTED], range=[[1, 0], [5, 4]])
    known = frame.dropna(subset=["low", "median", "high"])
    band = (
        alt.Chart(known)
        .mark_area(opacity=0.22)
        .encode(x=x, y=alt.Y("low:Q", title=y_title, axis=_AXIS).scale(type="log"), y2="high:Q", color=colour)
    )
    layers: list[alt.Chart] = [band]
    for column, name in (("median", _MEDIAN), ("expected_s", _EXPECTED)):
        drawn = frame.dropna(subset=[column]).assign(kind=name)
        line = alt.Chart(drawn).mark_line(strokeWidth=2).encode(x=x, y=alt.Y(f"{column}:Q", title=y_title, axis=_AXIS))
        layers.append(line.encode(color=colour, strokeDash=kind))
    if live:
        layers += _live(live, x, order, colour)
    return alt.layer(*layers).properties(width=720, height=420, title=title)


def _live(live: Sequence[LivePoint], x: alt.X, order: Sequence[str], colour: alt.Color) -> list[alt.Chart]:
    measured = pd.DataFrame([asdict(point) for point in live])
    measured["load"] = [f"{rate:g} requests/s" for rate in measured["rate"]]
    measured["percent"] = measured["share"] * 100
    measured["kind"] = _LIVE
    measured["from"] = (measured["time_s"] - measured["half_width_s"]).clip(lower=measured["time_s"] * 0.5)
    measured["to"] = measured["time_s"] + measured["half_width_s"]
    base = alt.Chart(measured)
    shape = alt.Shape("kind:N", title=None).scale(domain=[_LIVE], range=["diamond"])
    marks = base.mark_point(filled=True, size=110, stroke="#ffffff", strokeWidth=1, opacity=1)
    known = measured["load"].isin(order).all()
    fill = colour if known else alt.value("#000000")
    return [
        base.mark_rule(strokeWidth=2).encode(x=x, y="from:Q", y2="to:Q", color=fill),
        marks.encode(x=x, y="time_s:Q", color=fill, shape=shape),
    ]
