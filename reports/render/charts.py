"""The charts: frames in, Altair figures out.

Colours tell outcomes apart for colour-blind eyes too, with shapes and labels beside them. Lines and text are drawn
in `currentColor`: in the page they take its colour, light or dark; files on white are given a dark ink.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from reports.loading.run import Run
from reports.statistics import series
from reports.trips.analysis import Analysis

__all__ = ["INK", "Figure", "Spec", "figures", "linked", "on_one_axis", "on_white", "specifications"]

Figure = alt.LayerChart | alt.FacetChart | alt.VConcatChart
Spec = dict[str, Any]
"""A Vega-Lite specification."""

WIDTH = 900
INK = "currentColor"
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
SECONDS = "seconds from the run's start"
TITLES = {
    "breaker": "Breaker, as measured",
    "timeline": "Requests per second, by outcome",
    "latency": "Latency from the intended start, ms (log scale)",
    "ratio": "503 to 429: share of the two that the gateway shed",
}


def figures(run: Run, analysis: Analysis, duration_s: float) -> dict[str, Figure]:
    """Figures by name: `breaker`, `timeline`, `latency`, `ratio`.

    `breaker` only where one opened, `ratio` only where something was throttled or shed.
    """
    marks = _Marks(run, analysis, duration_s)
    drawn: dict[str, Any] = {}
    if len(marks.open):
        drawn["breaker"] = _breaker(marks)
    drawn |= {"timeline": _timeline(run, marks), "latency": _latency(run, marks)}
    ratio = series.ratio_over_time(run, duration_s)
    if len(ratio):
        drawn["ratio"] = _ratio(ratio, marks)
    return drawn


def specifications(panels: dict[str, Figure]) -> dict[str, Spec]:
    """Each figure as a Vega-Lite specification in the house style. Skips Altair's validation, which is slow."""
    return {name: {**figure.to_dict(validate=False), "config": STYLE} for name, figure in panels.items()}


def on_one_axis(specs: dict[str, Spec]) -> Spec:
    """All specifications, one above the other, with one time axis: dragging or zooming one moves all."""
    datasets: Spec = {}
    panels, views = [], []
    for name, spec in specs.items():
        datasets |= spec["datasets"]
        panel = {key: value for key, value in spec.items() if key not in ("$schema", "config", "datasets")}
        views.append(f"{name}_panel")
        panel["layer"] = [{**panel["layer"][0], "name": views[-1]}, *panel["layer"][1:]]
        panels.append(panel)
    zoom = {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.shiftKey]", "clear": "dblclick"}
    return {
        "$schema": alt.SCHEMA_URL,
        "config": STYLE,
        "vconcat": panels,
        "spacing": 18,
        "params": [{"name": "seconds", "select": zoom, "bind": "scales", "views": views}],
        "resolve": {"scale": dict.fromkeys(("color", "shape", "strokeDash"), "independent")},
        "datasets": datasets,
    }


def linked(panels: dict[str, Figure]) -> alt.VConcatChart:
    """All figures, one above the other, with one time axis: dragging or zooming one moves all."""
    figure: alt.VConcatChart = alt.VConcatChart.from_dict(on_one_axis(specifications(panels)))
    return figure


def on_white(spec: Spec) -> Spec:
    """A specification for a file of its own: dark ink on white."""
    inked: Spec = _inked({**spec, "padding": 12, "config": {**STYLE, "background": "white"}})
    return inked


def _inked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _inked(item) if key != "datasets" else item for key, item in value.items()}
    if isinstance(value, list):
        return [_inked(item) for item in value]
    return "#1b1f24" if value == INK else value


_TEXT: Spec = {
    "labelColor": INK,
    "titleColor": INK,
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
}
STYLE: Spec = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "axis": {
        **_TEXT,
        "gridColor": INK,
        "gridOpacity": 0.12,
        "domainColor": INK,
        "tickColor": INK,
        "domainOpacity": 0.5,
        "tickOpacity": 0.5,
    },
    "legend": {**_TEXT, "symbolSize": 90},
    "title": {"color": INK, "fontSize": 14, "fontWeight": "bold", "anchor": "start", "frame": "group", "offset": 8},
    "view": {"stroke": INK, "strokeOpacity": 0.2},
}
"""The configuration of every figure, in the page and in files."""


class _Marks:
    """What every chart shares: the time axis, the phases and the open periods."""

    def __init__(self, run: Run, analysis: Analysis, duration_s: float) -> None:
        self.duration_s = duration_s
        self.phases = series.phase_spans(run, duration_s)
        self.open = series.breaker_spans(run, analysis, duration_s)
        self.truth = series.truth_marks(analysis)

    def x(self, field: str, title: str | None = None) -> alt.X:
        scale = alt.Scale(domain=[0, max(self.duration_s, 0.001)], nice=False)
        return alt.X(f"{field}:Q", title=title, scale=scale)

    def behind(self) -> list[alt.Chart]:
        """Open periods shaded and outlined."""
        shade = alt.Chart(self.open).mark_rect(opacity=0.16, color=OPEN_COLOUR, clip=True)
        return [shade.encode(x=self.x("start_s"), x2="end_s")] if len(self.open) else []

    def before(self) -> list[alt.Chart]:
        """Trip and reset as lines, phase borders dashed, phase names on top."""
        edge = alt.Chart(self.open).mark_rule(color=INK, opacity=0.65, strokeWidth=1, clip=True)
        border = alt.Chart(self.phases.iloc[1:]).mark_rule(color=INK, opacity=0.8, strokeDash=[4, 3], clip=True)
        name = alt.Chart(self.phases).mark_text(
            baseline="top", dy=4, fontSize=12, fontWeight="bold", color=INK, limit=160, clip=True
        )
        layers = [
            border.encode(x=self.x("start_s")),
            name.encode(x=self.x("middle_s"), y=alt.value(0), text="phase:N"),
        ]
        if len(self.open):
            layers += [edge.encode(x=self.x("start_s")), edge.encode(x=self.x("end_s"))]
        return layers


def _colour(present: list[str], legend: alt.Legend | None) -> alt.Color:
    names = [name for name in series.OUTCOMES if name in present]
    return alt.Color(
        "outcome:N", title=None, scale=alt.Scale(domain=names, range=[COLOURS[n] for n in names]), legend=legend
    )


def _shape(present: list[str]) -> alt.Shape:
    names = [name for name in series.OUTCOMES if name in present]
    return alt.Shape("outcome:N", scale=alt.Scale(domain=names, range=[SHAPES[n] for n in names]), title=None)


def _breaker(marks: _Marks) -> Figure:
    """A track for each backend: open periods as bars that say so, the gateway's own instants as triangles."""
    backend = alt.Y("backend:N", title=None, axis=alt.Axis(grid=False, labelLimit=160))
    spans = alt.Chart(marks.open)
    seconds = [alt.Tooltip(f"{name}:Q", title=title, format=".3f") for name, title in _SPAN_TIPS]
    bar = spans.mark_bar(color="#4d4d4d", height={"band": 0.62}, clip=True, stroke=INK, strokeWidth=1).encode(
        x=marks.x("start_s"), x2="end_s", y=backend, tooltip=["backend:N", *seconds, "trips:Q"]
    )
    word = spans.mark_text(color="white", fontSize=12, fontWeight="bold", clip=True).encode(
        x=marks.x("middle_s"), y=backend, text="label:N"
    )
    layers = [bar, word]
    if len(marks.truth):
        shape = alt.Shape(
            "what:N",
            scale=alt.Scale(domain=["opened", "closed"], range=["triangle-right", "triangle-left"]),
            title="the gateway's own record",
            legend=alt.Legend(orient="bottom", symbolFillColor=INK, symbolStrokeColor=INK, direction="horizontal"),
        )
        layers.append(
            alt.Chart(marks.truth)
            .mark_point(filled=True, size=55, color=INK, opacity=1, yOffset=17, clip=True)
            .encode(
                x=marks.x("at_s"),
                y=backend,
                shape=shape,
                tooltip=["backend:N", "what:N", alt.Tooltip("at_s:Q", title="truth (s)", format=".4f")],
            )
        )
    return alt.layer(*layers).properties(width=WIDTH, height=alt.Step(44), title=TITLES["breaker"])


_SPAN_TIPS = (("tripped_s", "tripped (s)"), ("reset_s", "reset (s)"))


def _timeline(run: Run, marks: _Marks) -> Figure:
    frame = series.outcomes_over_time(run, marks.duration_s)
    top = float(frame["high"].max()) * 1.2
    bars = (
        alt.Chart(frame)
        .mark_rect(opacity=0.9, clip=True)
        .encode(
            x=marks.x("time_s", SECONDS),
            x2="end_s",
            y=alt.Y("low:Q", title="requests per second", scale=alt.Scale(domain=[0, top], nice=False)),
            y2="high",
            color=_colour(list(frame["outcome"].unique()), alt.Legend(orient="bottom")),
            tooltip=[
                alt.Tooltip("time_s:Q", title="from (s)"),
                "outcome:N",
                "count:Q",
                alt.Tooltip("rate:Q", title="per second", format=".1f"),
            ],
        )
    )
    return alt.layer(*marks.behind(), bars, *marks.before()).properties(
        width=WIDTH, height=200, title=TITLES["timeline"]
    )


def _latency(run: Run, marks: _Marks) -> Figure:
    frame = series.latency_sample(run)
    low, high = frame["latency_ms"].min() * 0.7, frame["latency_ms"].max() * 3  # head-room for the phases' names
    present = list(frame["outcome"].unique())
    points = (
        alt.Chart(frame)
        .mark_point(size=20, opacity=0.55, filled=True, clip=True)
        .encode(
            x=marks.x("time_s", SECONDS),
            y=alt.Y(
                "latency_ms:Q",
                title="ms",
                scale=alt.Scale(type="log", domain=[low, high], nice=False),
                axis=alt.Axis(format="~r", tickCount=5),
            ),
            color=_colour(present, alt.Legend(orient="bottom")),
            shape=_shape(present),
            tooltip=[
                alt.Tooltip("time_s:Q", title="sent (s)", format=".3f"),
                alt.Tooltip("latency_ms:Q", title="from intended start (ms)", format=".2f"),
                alt.Tooltip("wire_ms:Q", title="from sending (ms)", format=".2f"),
                "outcome:N",
                "phase:N",
            ],
        )
    )
    return alt.layer(*marks.behind(), points, *_latency_lines(run, marks), *marks.before()).properties(
        width=WIDTH, height=220, title=TITLES["latency"]
    )


def _latency_lines(run: Run, marks: _Marks) -> list[alt.Chart]:
    """Median and 99th percentile for each second, answers of backends and of the gateway apart."""
    frame = series.latency_lines(run)
    if frame.empty:
        return []
    dash = alt.StrokeDash(
        "quantile:N",
        title="by second, answers of each side",
        scale=alt.Scale(domain=["median", "p99"], range=[[1, 0], [5, 3]]),
        legend=alt.Legend(orient="bottom", symbolStrokeColor=INK, titleLimit=400),
    )
    line = (
        alt.Chart(frame)
        .mark_line(color=INK, strokeWidth=1.5, interpolate="linear", clip=True)
        .encode(x=marks.x("time_s"), y="latency_ms:Q", detail="origin:N", strokeDash=dash)
    )
    return [line]


def _ratio(frame: pd.DataFrame, marks: _Marks) -> Figure:
    share = alt.Y(
        "absorption:Q",
        title="shed / (shed + throttled)",
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
        scale=alt.Scale(domain=[0, 1.25], nice=False),
    )
    tips = [
        alt.Tooltip("time_s:Q", title="from (s)"),
        alt.Tooltip("throttled:Q", title="429"),
        alt.Tooltip("shed:Q", title="503"),
        alt.Tooltip("ratio:Q", title="503 for each 429", format=".1f"),
        alt.Tooltip("absorption:Q", title="shed", format=".1%"),
    ]
    bars = (
        alt.Chart(frame)
        .mark_rect(color=COLOURS["503 shed"], opacity=0.85, clip=True)
        .encode(x=marks.x("time_s", SECONDS), x2="end_s", y=share, y2=alt.datum(0), tooltip=tips)
    )
    return alt.layer(*marks.behind(), bars, *marks.before()).properties(width=WIDTH, height=130, title=TITLES["ratio"])
