"""The charts of a run, as Vega-Lite specifications: frames in, JSON out.

They are written as plain JSON, because importing Altair and building the same charts with it takes a second. Colours
distinguish outcomes for colour-blind readers too, and shapes and labels repeat them. Lines and text are drawn in
`currentColor`: in the page they take its colour, light or dark; files on white are given a dark ink.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from reports.loading.run import Run
from reports.render.drawing import Draw, draw_here
from reports.statistics import series
from reports.trips.analysis import Analysis

if TYPE_CHECKING:
    import altair as alt

__all__ = [
    "INK",
    "STYLE",
    "VEGA_LITE",
    "Drawn",
    "Spec",
    "around",
    "draw_charts",
    "figures",
    "linked",
    "on_one_axis",
    "on_white",
    "specifications",
]

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

VEGA_LITE = "https://vega.github.io/schema/vega-lite/v6.json"
WIDTH = 900
INK = "currentColor"
# Okabe and Ito's palette: distinct under the common kinds of colour blindness.
COLOURS = {
    "2xx": "#009E73",
    "429 backend": "#E69F00",
    "shed": "#0072B2",
    "other error": "#CC79A7",
    "no response": "#D55E00",
    "canceled": "#56B4E9",
}
SHAPES = {
    "2xx": "circle",
    "429 backend": "triangle-up",
    "shed": "square",
    "other error": "diamond",
    "no response": "cross",
    "canceled": "triangle-down",
}
OPEN_COLOUR = "#7f7f7f"
SECONDS = "seconds from the run's start"
TITLES = {
    "breaker": "Breaker, as measured",
    "timeline": "Requests per second, by outcome",
    "latency": "Latency from the intended start, ms (log scale)",
    "ratio": "Sheds to 429s: share of the two that the gateway shed",
}


def specifications(run: Run, analysis: Analysis, duration_s: float) -> dict[str, Spec]:
    """Return the specifications of the charts by name: `breaker`, `timeline`, `latency`, `ratio`.

    `breaker` is left out if no breaker opened, `ratio` if nothing was throttled or shed, all if there was no request.
    """
    if not run.tally.total:
        return {}
    marks = _Marks(run, analysis, duration_s)
    drawn: dict[str, Spec] = {}
    if len(marks.open):
        drawn["breaker"] = _breaker(marks)
    drawn |= {"timeline": _timeline(run, marks), "latency": _latency(run, marks)}
    ratio = series.ratio_over_time(run, duration_s)
    if len(ratio):
        drawn["ratio"] = _ratio(ratio, marks)
    return drawn


@dataclass(frozen=True)
class Drawn:
    """The charts of a run by name, as specifications and as SVGs that may not be finished."""

    specs: dict[str, Spec]
    svgs: dict[str, Future[str]]


def draw_charts(run: Run, analysis: Analysis, draw: Draw = draw_here) -> Drawn:
    """Start drawing the charts of a run."""
    specs = specifications(run, analysis, run.duration_s)
    return Drawn(specs, {name: draw(on_white(spec)) for name, spec in specs.items()})


def figures(run: Run, analysis: Analysis, duration_s: float) -> dict[str, alt.LayerChart]:
    """Return the charts of `specifications` as Altair figures."""
    import altair as alt

    specs = specifications(run, analysis, duration_s)
    return {name: alt.LayerChart.from_dict(spec, validate=False) for name, spec in specs.items()}


def linked(panels: Mapping[str, alt.LayerChart]) -> alt.VConcatChart:
    """Return one Altair figure with all charts on one time axis: dragging or zooming one moves all."""
    import altair as alt

    specs = {name: figure.to_dict(validate=False) for name, figure in panels.items()}
    figure: alt.VConcatChart = alt.VConcatChart.from_dict(on_one_axis(specs), validate=False)
    return figure


def on_one_axis(specs: Mapping[str, Spec]) -> Spec:
    """Return all charts as one specification with one time axis: dragging or zooming one moves all."""
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
        "$schema": VEGA_LITE,
        "config": STYLE,
        "vconcat": panels,
        "spacing": 18,
        "params": [{"name": "seconds", "select": zoom, "bind": "scales", "views": views}],
        "resolve": {"scale": dict.fromkeys(("color", "shape", "strokeDash"), "independent")},
        "datasets": datasets,
    }


def on_white(spec: Spec) -> Spec:
    """Return a specification for a file of its own: dark ink on white, and not clipped, which nothing can pan here.

    Each clipped layer would cost the PNG a layer of its own, which doubles the time to draw it.
    """
    inked: Spec = _inked({**spec, "padding": 12, "config": {**STYLE, "background": "white"}})
    return inked


def _inked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _inked(item) if key != "datasets" else item for key, item in value.items() if key != "clip"}
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


def _records(frame: pd.DataFrame) -> list[Spec]:
    """Return the rows of a frame as JSON objects. What is not known is null."""
    columns = [[None if pd.isna(value) else value for value in frame[name].tolist()] for name in frame]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def around(values: Sequence[float]) -> list[float]:
    """Return the ends of an axis that shows all values, and at least 2 % of them, so that noise looks like noise."""
    low, high = min(values), max(values)
    middle = (low + high) / 2
    reach = max((high - low) * 0.6, abs(middle) * 0.01) or 1.0
    return [middle - reach, middle + reach]


def _number(field: str, **more: object) -> Spec:
    return {"field": field, "type": "quantitative", **more}


def _name(field: str, **more: object) -> Spec:
    return {"field": field, "type": "nominal", **more}


def _layer(data: str, mark: str, style: Spec, **encoding: object) -> Spec:
    return {"data": {"name": data}, "mark": {"type": mark, "clip": True, **style}, "encoding": encoding}


class _Marks:
    """What all charts share: the time axis, the phases and the open periods."""

    def __init__(self, run: Run, analysis: Analysis, duration_s: float) -> None:
        self.duration_s = duration_s
        phases = series.phase_spans(run, duration_s)
        spans = series.breaker_spans(run, analysis, duration_s)
        self.open, self.truth = _records(spans), _records(series.truth_marks(analysis))
        self.shared = {"phases": _records(phases), "borders": _records(phases.iloc[1:])}
        self.shared |= {"open": self.open} if self.open else {}

    def x(self, field: str, title: str | None = None) -> Spec:
        return _number(field, title=title, scale={"domain": [0, max(self.duration_s, 0.001)], "nice": False})

    def chart(self, name: str, height: object, layers: list[Spec], data: Mapping[str, list[Spec]]) -> Spec:
        """A whole specification, with the rows of each data set that its layers name."""
        used = {layer["data"]["name"] for layer in layers}
        return {
            "$schema": VEGA_LITE,
            "config": STYLE,
            "title": TITLES[name],
            "width": WIDTH,
            "height": height,
            "layer": layers,
            "datasets": {name: rows for name, rows in {**self.shared, **data}.items() if name in used},
        }

    def over_time(self, name: str, height: int, layers: list[Spec], data: Mapping[str, list[Spec]]) -> Spec:
        """A chart of layers between the open periods behind and, before them, trips, resets and phases."""
        return self.chart(name, height, [*self._behind(), *layers, *self._before()], data)

    def _behind(self) -> list[Spec]:
        """Open periods shaded."""
        shade = {"opacity": 0.16, "color": OPEN_COLOUR}
        return [_layer("open", "rect", shade, x=self.x("start_s"), x2={"field": "end_s"})] if self.open else []

    def _before(self) -> list[Spec]:
        """Trip and reset as lines, phase borders dashed, phase names on top."""
        edge = {"color": INK, "opacity": 0.65, "strokeWidth": 1}
        border = {"color": INK, "opacity": 0.8, "strokeDash": [4, 3]}
        name = {"baseline": "top", "dy": 4, "fontSize": 12, "fontWeight": "bold", "color": INK, "limit": 160}
        layers = [
            _layer("borders", "rule", border, x=self.x("start_s")),
            _layer("phases", "text", name, x=self.x("middle_s"), y={"value": 0}, text=_name("phase")),
        ]
        if self.open:
            layers += [_layer("open", "rule", edge, x=self.x(end)) for end in ("start_s", "end_s")]
        return layers


def _by_outcome(present: pd.Series, values: Mapping[str, str], **more: object) -> Spec:
    """A colour or a shape for each outcome that is present."""
    known = set(present)
    names = [name for name in series.OUTCOMES if name in known]
    return _name("outcome", title=None, scale={"domain": names, "range": [values[name] for name in names]}, **more)


def _breaker(marks: _Marks) -> Spec:
    """A track for each backend: open periods as bars that say so, the gateway's own instants as triangles."""
    backend = _name("backend", title=None, axis={"grid": False, "labelLimit": 160})
    bar = {"color": "#4d4d4d", "height": {"band": 0.62}, "stroke": INK, "strokeWidth": 1}
    tips = [
        _name("backend"),
        _number("tripped_s", title="tripped (s)", format=".3f"),
        _number("reset_s", title="reset (s)", format=".3f"),
        _number("trips"),
    ]
    word = {"color": "white", "fontSize": 12, "fontWeight": "bold"}
    layers = [
        _layer("open", "bar", bar, x=marks.x("start_s"), x2={"field": "end_s"}, y=backend, tooltip=tips),
        _layer("open", "text", word, x=marks.x("middle_s"), y=backend, text=_name("label")),
    ]
    if marks.truth:
        layers.append(_truth(marks, backend))
    return marks.chart("breaker", {"step": 44}, layers, {"truth": marks.truth})


def _truth(marks: _Marks, backend: Spec) -> Spec:
    shape = _name(
        "what",
        title="the gateway's own record",
        scale={"domain": ["opened", "closed"], "range": ["triangle-right", "triangle-left"]},
        legend={"orient": "bottom", "symbolFillColor": INK, "symbolStrokeColor": INK, "direction": "horizontal"},
    )
    tips = [_name("backend"), _name("what"), _number("at_s", title="truth (s)", format=".4f")]
    point = {"filled": True, "size": 55, "color": INK, "opacity": 1, "yOffset": 17}
    return _layer("truth", "point", point, x=marks.x("at_s"), y=backend, shape=shape, tooltip=tips)


def _timeline(run: Run, marks: _Marks) -> Spec:
    frame = series.outcomes_over_time(run, marks.duration_s)
    top = float(frame["high"].max()) * 1.2
    bars = _layer(
        "outcomes",
        "rect",
        {"opacity": 0.9},
        x=marks.x("time_s", SECONDS),
        x2={"field": "end_s"},
        y=_number("low", title="requests per second", scale={"domain": [0, top], "nice": False}),
        y2={"field": "high"},
        color=_by_outcome(frame["outcome"], COLOURS, legend={"orient": "bottom"}),
        tooltip=[
            _number("time_s", title="from (s)"),
            _name("outcome"),
            _number("count"),
            _number("rate", title="per second", format=".1f"),
        ],
    )
    return marks.over_time("timeline", 200, [bars], {"outcomes": _records(frame)})


def _latency(run: Run, marks: _Marks) -> Spec:
    frame, lines = series.latency_sample(run), series.latency_lines(run)
    low, high = float(frame["latency_ms"].min()) * 0.7, float(frame["latency_ms"].max()) * 3  # room for phases' names
    points = _layer(
        "requests",
        "point",
        {"size": 20, "opacity": 0.55, "filled": True},
        x=marks.x("time_s", SECONDS),
        y=_number(
            "latency_ms",
            title="ms",
            scale={"type": "log", "domain": [low, high], "nice": False},
            axis={"format": "~r", "tickCount": 5},
        ),
        color=_by_outcome(frame["outcome"], COLOURS, legend={"orient": "bottom"}),
        shape=_by_outcome(frame["outcome"], SHAPES),
        tooltip=[
            _number("time_s", title="sent (s)", format=".3f"),
            _number("latency_ms", title="from intended start (ms)", format=".2f"),
            _number("wire_ms", title="from sending (ms)", format=".2f"),
            _name("outcome"),
            _name("phase"),
        ],
    )
    layers = [points, *([] if lines.empty else [_latency_lines(marks)])]
    return marks.over_time("latency", 220, layers, {"requests": _records(frame), "lines": _records(lines)})


def _latency_lines(marks: _Marks) -> Spec:
    """Median and 99th percentile for each second, answers of backends and of the gateway apart."""
    dash = _name(
        "quantile",
        title="by second, answers of each side",
        scale={"domain": ["median", "p99"], "range": [[1, 0], [5, 3]]},
        legend={"orient": "bottom", "symbolStrokeColor": INK, "titleLimit": 400},
    )
    line = {"color": INK, "strokeWidth": 1.5, "interpolate": "linear"}
    x, y = marks.x("time_s"), _number("latency_ms")
    return _layer("lines", "line", line, x=x, y=y, detail=_name("origin"), strokeDash=dash)


def _ratio(frame: pd.DataFrame, marks: _Marks) -> Spec:
    share = _number(
        "absorption",
        title="shed / (shed + throttled)",
        axis={"format": "%", "values": [0, 0.25, 0.5, 0.75, 1]},
        scale={"domain": [0, 1.25], "nice": False},
    )
    tips = [
        _number("time_s", title="from (s)"),
        _number("throttled", title="429"),
        _number("shed", title="sheds"),
        _number("ratio", title="sheds for each 429", format=".1f"),
        _number("absorption", title="shed", format=".1%"),
    ]
    bar = {"color": COLOURS["shed"], "opacity": 0.85}
    x, x2, y2 = marks.x("time_s", SECONDS), {"field": "end_s"}, {"datum": 0}
    bars = _layer("shares", "rect", bar, x=x, x2=x2, y=share, y2=y2, tooltip=tips)
    return marks.over_time("ratio", 130, [bars], {"shares": _records(frame)})
