"""Draws the capacity curve: the rate of each outcome against the offered rate."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from tripcurve.run.summary import Step

__all__ = ["capacity_curve"]

OUTCOMES = {"served_s": "served", "shed_s": "shed", "throttled_s": "throttled", "failed_s": "other failure"}
COLOURS = ("#009E73", "#0072B2", "#E69F00", "#CC79A7")


def capacity_curve(steps: Sequence[Step]) -> alt.LayerChart | alt.FacetChart:
    """Return a chart of the served, shed, throttled and failed rates against the offered rate, in requests per second.

    The dashed line is the ideal: all served.
    """
    rows = [(step.offered_s, getattr(step, field), name) for step in steps for field, name in OUTCOMES.items()]
    frame = pd.DataFrame(rows, columns=["offered", "rate", "what"])
    x = alt.X("offered:Q", title="offered, requests per second")
    y = alt.Y("rate:Q", title="requests per second")
    names = list(OUTCOMES.values())
    colour = alt.Color("what:N", title=None, scale=alt.Scale(domain=names, range=list(COLOURS)))
    shape = alt.Shape("what:N", title=None, scale=alt.Scale(domain=names))
    lines = alt.Chart(frame).mark_line(strokeWidth=2).encode(x=x, y=y, color=colour)
    points = alt.Chart(frame).mark_point(size=60, filled=True).encode(x=x, y=y, color=colour, shape=shape)
    most = max((step.offered_s for step in steps), default=1.0)
    ideal = alt.Chart(pd.DataFrame({"offered": [0.0, most], "rate": [0.0, most]}))
    dashed = ideal.mark_line(strokeDash=[4, 4], color="#7f7f7f").encode(x=x, y=y)
    return alt.layer(dashed, lines, points).properties(width=560, height=300)
