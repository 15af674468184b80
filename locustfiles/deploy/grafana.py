"""A dashboard for Grafana, and the configuration with which Prometheus scrapes a run."""

from __future__ import annotations

import json
from typing import TypeAlias

from locustfiles.deploy.job import Job

__all__ = ["PORT", "dashboard", "grafana"]

PORT = 9464
"""The port in the examples of the documentation, OpenTelemetry's usual one for Prometheus."""
COLOURS = {
    **{"2xx": "#009e73", "429": "#e69f00", "shed": "#0072b2"},
    **{"other": "#cc79a7", "broken": "#a6761d", "failed": "#d55e00"},
}
"""Of the kinds of answers, as in the report and the Breaker tab."""
OF = '{instance=~"$instance"}'
RATE = "[$__rate_interval]"

JsonObject: TypeAlias = dict[str, object]
Query = tuple[str, str]
"""An expression and the legend of its lines."""


def grafana(job: Job) -> dict[str, str]:
    """Return the files by name: dashboard.json to import into Grafana, and prometheus.yml."""
    return {"dashboard.json": json.dumps(dashboard(job.lab.name), indent=1) + "\n", "prometheus.yml": _SCRAPING}


_SCRAPING = f"""\
# prometheus --config.file=prometheus.yml, beside `tripcurve run --prometheus {PORT}`
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: tripcurve
    static_configs:
      - targets: ["127.0.0.1:{PORT}"]
"""


def dashboard(lab: str) -> JsonObject:
    """Return the dashboard: state, answers, outage, latency, load and tokens of a run. `lab`: for the title."""
    panels = [*_head(), *_breakers(), *_answers(), *_load(), *_tokens()]
    return {
        "title": f"Tripcurve · {lab}",
        "uid": None,
        "tags": ["tripcurve"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "5s",
        "time": {"from": "now-5m", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), _instances()]},
        "annotations": {"list": []},
        "panels": [panel | {"id": number} for number, panel in enumerate(panels, 1)],
    }


def _source() -> JsonObject:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}


def _instances() -> JsonObject:
    return {
        "name": "instance",
        "label": "Run",
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": "label_values(tripcurve_run, instance)",
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _head() -> list[JsonObject]:
    lab = (f"tripcurve_run{OF} == 1", "{{lab}} · {{scenario}} on {{target}}")
    phase = (f"tripcurve_phase{OF} == 1", "{{phase}}")
    return [
        _panel("stat", "Run under way", (0, 0, 8, 4), [lab], options={"textMode": "name"}),
        _panel("stat", "Phase", (8, 0, 4, 4), [phase], options={"textMode": "name"}),
        _panel("stat", "Breakers open", (12, 0, 3, 4), [(f"sum(tripcurve_breaker_open{OF})", "open")], alarm=1),
        _panel("stat", "Trips", (15, 0, 3, 4), [(f"sum(tripcurve_breaker_trips_total{OF})", "trips")]),
        _panel("stat", "Outage", (18, 0, 3, 4), [(f"sum(tripcurve_outage_seconds_total{OF})", "s")], "s", alarm=1),
        _panel("stat", "Dropped", (21, 0, 3, 4), [(_total("tripcurve_arrivals_total", "dropped"), "dropped")], alarm=1),
    ]


def _total(metric: str, state: str) -> str:
    return f'sum({metric}{{instance=~"$instance", state="{state}"}})'


def _breakers() -> list[JsonObject]:
    states = {"0": {"text": "closed", "color": "green"}, "1": {"text": "open", "color": "red"}}
    panel = _panel(
        "state-timeline",
        "State of each breaker",
        (0, 4, 24, 6),
        [(f"max by (backend, unit) (tripcurve_breaker_open{OF})", "{{backend}} {{unit}}")],
        mappings=[{"type": "value", "options": states}],
    )
    return [panel]


def _answers() -> list[JsonObject]:
    everything = f"sum(rate(tripcurve_requests_total{OF}{RATE}))"
    sheds, throttles, good = (_kind(kind) for kind in ("shed", "429", "2xx"))
    quantiles = _quantiles("tripcurve_latency_seconds", "le, origin", "{{origin}} ")
    return [
        _panel(
            "timeseries",
            "Answers by kind",
            (0, 10, 12, 9),
            [(f"sum by (kind) (rate(tripcurve_requests_total{OF}{RATE}))", "{{kind}}")],
            "reqps",
            stacked=True,
        ),
        _panel("timeseries", "Sheds and throttles", (12, 10, 12, 9), [(sheds, "sheds"), (throttles, "429")], "reqps"),
        _panel(
            "timeseries",
            "Service: share of 2xx, and seconds of outage per second",
            (0, 19, 12, 8),
            [
                (f"{good} / {everything}", "share of 2xx"),
                (f"sum(rate(tripcurve_outage_seconds_total{OF}{RATE}))", "outage"),
            ],
            "percentunit",
        ),
        _panel("timeseries", "Latency by the side that answered", (12, 19, 12, 8), quantiles, "s"),
    ]


def _quantiles(metric: str, by: str, legend: str) -> list[Query]:
    """Return median and 99th percentile of a histogram. `by`: the labels to keep, `le` among them."""
    return [
        (f"histogram_quantile({share}, sum by ({by}) (rate({metric}_bucket{OF}{RATE})))", f"{legend}{name}")
        for share, name in ((0.5, "median"), (0.99, "p99"))
    ]


def _kind(kind: str) -> str:
    return f'sum(rate(tripcurve_requests_total{{instance=~"$instance", kind="{kind}"}}{RATE}))'


def _load() -> list[JsonObject]:
    arrivals = f"sum by (state) (rate(tripcurve_arrivals_total{OF}{RATE}))"
    asked = f"sum(tripcurve_configured_rate{OF})"
    return [
        _panel(
            "timeseries",
            "Load: arrivals due, sent and dropped, and the configured rate",
            (0, 27, 12, 8),
            [(arrivals, "{{state}}"), (asked, "configured")],
            "reqps",
        ),
        _panel(
            "timeseries",
            "Lateness of arrivals, 99th percentile",
            (12, 27, 8, 8),
            [(f"max(tripcurve_lateness_p99_seconds{OF})", "p99")],
            "s",
        ),
        _panel("timeseries", "Users", (20, 27, 4, 8), [(f"sum(tripcurve_users{OF})", "users")]),
    ]


def _tokens() -> list[JsonObject]:
    used = (f"60 * sum by (type) (rate(tripcurve_tokens_total{OF}{RATE}))", "{{type}}")
    first = _quantiles("tripcurve_time_to_first_token_seconds", "le", "first token ")
    each = _quantiles("tripcurve_time_per_output_token_seconds", "le", "each further token ")
    return [
        _panel("timeseries", "Tokens per minute", (0, 35, 12, 8), [used]),
        _panel("timeseries", "Time to the first token and for each further one", (12, 35, 12, 8), first + each, "s"),
    ]


def _panel(
    kind: str,
    title: str,
    place: tuple[int, int, int, int],
    queries: list[Query],
    unit: str = "short",
    *,
    alarm: int | None = None,
    stacked: bool = False,
    mappings: list[JsonObject] | None = None,
    options: JsonObject | None = None,
) -> JsonObject:
    """Return one panel. `place`: x, y, width and height in Grafana's grid. `alarm`: the value from which it is red."""
    x, y, width, height = place
    defaults: JsonObject = {"unit": unit, "mappings": mappings or []}
    if alarm is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": alarm}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    if stacked:
        defaults["custom"] = {"stacking": {"mode": "normal"}, "fillOpacity": 60}
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "type": kind,
        "title": title,
        "datasource": source,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": source, "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(queries)
        ],
        "fieldConfig": {"defaults": defaults, "overrides": _colours() if stacked else []},
        "options": options or {},
    }


def _colours() -> list[JsonObject]:
    """Return the colour of each kind of answer."""
    return [
        {
            "matcher": {"id": "byName", "options": kind},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for kind, colour in COLOURS.items()
    ]
