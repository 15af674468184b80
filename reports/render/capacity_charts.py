"""The charts of a capacity report: requests, tokens and latency against the offered rate."""

from __future__ import annotations

from collections.abc import Sequence

from reports.render.charts import INK, OPEN_COLOUR, STYLE, VEGA_LITE, Spec
from reports.render.curve import COLOURS, OUTCOMES
from reports.statistics.capacity_report import Subject
from reports.statistics.estimates import Estimate

__all__ = ["latency_chart", "rate_chart", "token_chart"]

X: Spec = {
    "field": "offered",
    "type": "quantitative",
    "title": "offered, requests per second",
    "axis": {"format": "~r"},
}
SERVED = COLOURS[0]
QUANTILES = {"p50_ms": "median", "p99_ms": "p99"}


def rate_chart(subject: Subject) -> Spec:
    """Return the chart of the served, shed, throttled and failed rates, with the highest carried rate as a line.

    Bars are 95 % intervals of the served rate. The dashed line is the ideal: all served.
    """
    steps = subject.steps
    rows: list[Spec] = [
        {"offered": step.rate, "value": getattr(step.step, field), "what": name}
        for step in steps
        for field, name in OUTCOMES.items()
    ]
    names = list(OUTCOMES.values())
    what: Spec = {"field": "what", "type": "nominal", "title": None}
    colour = {**what, "scale": {"domain": names, "range": list(COLOURS)}}
    shape = {**what, "scale": {"domain": names}}
    most = max(step.rate for step in steps)
    y = _y("requests per second")
    ideal = [{"offered": rate, "value": rate} for rate in (0.0, most)]
    layers = [
        _layer(ideal, {"type": "line", "strokeDash": [4, 4], "color": INK, "opacity": 0.5}, x=X, y=y),
        *_carried(subject),
        _layer(rows, {"type": "line", "strokeWidth": 2}, x=X, y=y, color=colour),
        _bars([(step.rate, step.served_s) for step in steps], y, SERVED),
        _layer(rows, {"type": "point", "size": 60, "filled": True, "opacity": 1}, x=X, y=y, color=colour, shape=shape),
    ]
    return _chart("Requests: offered and served", 260, layers)


def token_chart(subject: Subject) -> Spec:
    """Return the chart of the served tokens per minute with their intervals, and the quota as a line if it is known."""
    steps = subject.steps
    rows: list[Spec] = [{"offered": step.rate, "value": step.tokens_per_minute.value} for step in steps]
    y = _y("tokens per minute")
    quota = [one.limit for one in subject.capacity.headroom if one.quota == "tokens per minute"]
    layers = [
        *_carried(subject),
        _layer(rows, {"type": "line", "strokeWidth": 2, "color": SERVED}, x=X, y=y),
        _bars([(step.rate, step.tokens_per_minute) for step in steps], y, SERVED),
        _layer(rows, {"type": "point", "size": 60, "filled": True, "color": SERVED, "opacity": 1}, x=X, y=y),
    ]
    for limit in quota:
        line = {"type": "rule", "strokeDash": [6, 3], "color": INK}
        text = {"type": "text", "align": "left", "baseline": "bottom", "dx": 4, "dy": -2, "color": INK}
        own: list[Spec] = [{"value": limit, "text": "quota"}]
        layers += [
            _layer(own, line, y=y),
            _layer(own, text, x={"value": 0}, y=y, text={"field": "text", "type": "nominal"}),
        ]
    return _chart("Tokens per minute", 180, layers)


def latency_chart(subject: Subject) -> Spec:
    """Return the chart of median and p99 with their intervals, and the knee as a line in the band it lies in."""
    rows: list[Spec] = []
    bars = []
    for step in subject.steps:
        for field, name in QUANTILES.items():
            found: Estimate | None = getattr(step, field)
            if found is not None and found.value > 0:
                rows.append({"offered": step.rate, "value": found.value, "what": name})
                if found.low is not None and found.low > 0:  # the axis is logarithmic
                    bars.append((step.rate, found))
    y = _y("ms, from the intended start", {"type": "log", "nice": True}, {"format": "~r", "tickCount": 5})
    names = list(QUANTILES.values())
    what: Spec = {"field": "what", "type": "nominal", "title": None}
    colour = {**what, "scale": {"domain": names, "range": [COLOURS[1], COLOURS[2]]}}
    shape = {**what, "scale": {"domain": names}}
    layers = [
        *_knee(subject),
        *_carried(subject),
        _layer(rows, {"type": "line", "strokeWidth": 2}, x=X, y=y, color=colour),
        _bars(bars, y, INK),
        _layer(rows, {"type": "point", "size": 60, "filled": True, "opacity": 1}, x=X, y=y, color=colour, shape=shape),
    ]
    return _chart("Latency of successful requests (log scale)", 220, layers)


def _y(title: str, scale: Spec | None = None, axis: Spec | None = None) -> Spec:
    return {
        "field": "value",
        "type": "quantitative",
        "title": title,
        "scale": scale or {"zero": True},
        "axis": axis or {"format": "~s"},
    }


def _layer(rows: Sequence[Spec], mark: Spec, **encoding: Spec) -> Spec:
    return {"data": {"values": list(rows)}, "mark": mark, "encoding": encoding}


def _bars(found: Sequence[tuple[float, Estimate]], y: Spec, colour: str) -> Spec:
    """Return the intervals that are known, as vertical lines."""
    rows: list[Spec] = [
        {"offered": rate, "value": estimate.low, "high": estimate.high}
        for rate, estimate in found
        if estimate.low is not None and estimate.high is not None
    ]
    mark = {"type": "rule", "strokeWidth": 3, "color": colour, "opacity": 0.55}
    return _layer(rows, mark, x=X, y=y, y2={"field": "high"})


def _carried(subject: Subject) -> list[Spec]:
    """Return a vertical line at the highest carried rate."""
    highest = subject.highest
    return [] if highest is None else _upright(highest.rate, "carried", "right", [2, 2])


def _knee(subject: Subject) -> list[Spec]:
    """Return the band in which the knee lies, and a line at its estimate."""
    knee = subject.knee
    if knee.rate_s is None or knee.low is None or knee.high is None:
        return []
    band: list[Spec] = [{"offered": knee.low, "end": knee.high}]
    shade = {"type": "rect", "color": OPEN_COLOUR, "opacity": 0.18}
    return [_layer(band, shade, x=X, x2={"field": "end"}), *_upright(knee.rate_s, "knee", "left", [])]


def _upright(rate: float, name: str, align: str, dash: list[int]) -> list[Spec]:
    rows: list[Spec] = [{"offered": rate, "name": name}]
    line = {"type": "rule", "color": INK, "opacity": 0.7, "strokeDash": dash}
    away = 4 if align == "left" else -4
    text = {"type": "text", "align": align, "baseline": "top", "dx": away, "dy": 3, "color": INK}
    return [
        _layer(rows, line, x=X),
        _layer(rows, text, x=X, y={"value": 0}, text={"field": "name", "type": "nominal"}),
    ]


def _chart(title: str, height: int, layers: list[Spec]) -> Spec:
    return {
        "$schema": VEGA_LITE,
        "config": STYLE,
        "title": title,
        "width": 680,
        "height": height,
        "padding": {"left": 5, "top": 5, "right": 20, "bottom": 5},
        "layer": layers,
    }
