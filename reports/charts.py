"""The charts: frames in, Altair figures out.

Colours tell outcomes apart for colour-blind eyes too, with shapes and labels beside them.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from reports import series
from reports.analysis import Analysis
from reports.load import Run

__all__ = ["Figure", "charts"]

Figure = alt.LayerChart | alt.FacetChart

WIDTH = 760
# Okabe and Ito's palette: distinct under the common kinds of colour blindness.
COLOURS = {
    "2xx": "#009E73",
    "429 backend": "#E69F00",
    "503 shed": "#0072B2",
    "other error": "#CC79A7",
    "no response": "#D55E00",
}
SHAPES = {
    "2xx": "circle",
    "429 backend": "triangle-up",
    "503 shed": "square",
    "other error": "diamond",
    "no response": "cross",
}
OPEN_COLOUR = "#7f7f7f"


def charts(run: Run, analysis: Analysis, duration_s: float) -> dict[str, Figure]:
    """Figures by name: `timeline`, `latency`, `ratio`; the last only where something was throttled or shed."""
    marks = _Marks(run, analysis, duration_s)
    figures: dict[str, Any] = {"timeline": _timeline(run, marks), "latency": _latency(run, marks)}
    ratio = series.ratio_over_time(run, duration_s)
    if len(ratio):
        figures["ratio"] = _ratio(ratio, marks)
    return figures


class _Marks:
    """What every chart shares: the time axis, the phases and the open periods."""

    def __init__(self, run: Run, analysis: Analysis, duration_s: float) -> None:
        self.duration_s = duration_s
        self.phases = series.phase_spans(run, duration_s)
        self.open = series.open_spans(analysis, duration_s)
        self.truth = pd.DataFrame(
            [
                {"at_s": at, "what": what}
                for trip in analysis.truth or []
                for at, what in ((trip.tripped_s, "opened (truth)"), (trip.reset_s, "closed (truth)"))
                if at is not None
            ],
            columns=["at_s", "what"],
        )

    def x(self, field: str, title: str | None = "seconds from the run's start") -> alt.X:
        scale = alt.Scale(domain=[0, max(self.duration_s, 0.001)], nice=False)
        return alt.X(f"{field}:Q", title=title, scale=scale)

    def behind(self) -> list[alt.Chart]:
        """Open periods shaded, phase borders dashed, phase names on top, truth ticked at the foot."""
        layers = [
            alt.Chart(self.open)
            .mark_rect(opacity=0.22, color=OPEN_COLOUR)
            .encode(
                x=self.x("start_s"),
                x2="end_s",
                tooltip=[
                    alt.Tooltip("backend:N", title="open breaker of"),
                    alt.Tooltip("start_s:Q", title="tripped (s)", format=".3f"),
                    alt.Tooltip("end_s:Q", title="reset (s)", format=".3f"),
                ],
            ),
            alt.Chart(self.phases.iloc[1:]).mark_rule(strokeDash=[4, 3], color=OPEN_COLOUR).encode(x=self.x("start_s")),
            alt.Chart(self.phases)
            .mark_text(baseline="bottom", dy=-4, fontSize=11, fontWeight="bold")
            .encode(x=self.x("middle_s"), y=alt.value(0), text="phase:N"),
        ]
        if len(self.truth):
            layers.append(
                alt.Chart(self.truth)
                .mark_point(shape="triangle-up", filled=True, size=50, color="black", yOffset=5, clip=False)
                .encode(
                    x=self.x("at_s"), y=alt.value("height"), tooltip=["what:N", alt.Tooltip("at_s:Q", format=".4f")]
                )
            )
        return layers


def _colour(present: list[str], legend: alt.Legend | None) -> alt.Color:
    names = [name for name in series.OUTCOMES if name in present]
    return alt.Color(
        "outcome:N", title="outcome", scale=alt.Scale(domain=names, range=[COLOURS[n] for n in names]), legend=legend
    )


def _timeline(run: Run, marks: _Marks) -> Figure:
    frame = series.outcomes_over_time(run, marks.duration_s)
    present = list(frame["outcome"].unique())
    bars = (
        alt.Chart(frame)
        .mark_rect(opacity=0.9)
        .encode(
            x=marks.x("time_s"),
            x2="end_s",
            y=alt.Y("low:Q", title="requests per second"),
            y2="high",
            color=_colour(present, alt.Legend(orient="bottom")),
            tooltip=[
                alt.Tooltip("time_s:Q", title="from (s)"),
                "outcome:N",
                "count:Q",
                alt.Tooltip("rate:Q", format=".1f"),
            ],
        )
    )
    return alt.layer(bars, *marks.behind()).properties(width=WIDTH, height=220)


def _latency(run: Run, marks: _Marks) -> Figure:
    frame = series.latency_sample(run)
    present = list(frame["outcome"].unique())
    names = [name for name in series.OUTCOMES if name in present]
    points = (
        alt.Chart(frame)
        .mark_point(size=22, opacity=0.65, filled=True)
        .encode(
            x=marks.x("time_s"),
            y=alt.Y("latency_ms:Q", title="latency, ms (log)", scale=alt.Scale(type="log")),
            color=_colour(present, alt.Legend(orient="bottom")),
            shape=alt.Shape(
                "outcome:N", scale=alt.Scale(domain=names, range=[SHAPES[n] for n in names]), title="outcome"
            ),
            tooltip=[
                alt.Tooltip("time_s:Q", format=".3f"),
                alt.Tooltip("latency_ms:Q", format=".2f"),
                "outcome:N",
                "phase:N",
            ],
        )
    )
    return alt.layer(points, *marks.behind()).properties(width=WIDTH, height=220)


def _ratio(frame: pd.DataFrame, marks: _Marks) -> Figure:
    bars = (
        alt.Chart(frame)
        .mark_rect(color=COLOURS["503 shed"], opacity=0.85)
        .encode(
            x=marks.x("time_s"),
            x2="end_s",
            y=alt.Y(
                "absorption:Q",
                title="share of errors shed by the gateway",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("time_s:Q", title="from (s)"),
                "throttled:Q",
                "shed:Q",
                alt.Tooltip("absorption:Q", format=".1%"),
            ],
        )
    )
    return alt.layer(bars, *marks.behind()).properties(width=WIDTH, height=150)
