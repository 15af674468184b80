"""Renders the index of a folder of runs, and the page of how their measures changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.loading.history import Broken, History, lab_name
from reports.loading.neighbours import quoted
from reports.render.charts import INK, STYLE, VEGA_LITE, Spec, around
from reports.render.html import environment
from reports.render.words import number, share, target_in_words
from reports.statistics.verdict import verdict_of
from tripcurve import __version__
from tripcurve.run.layout import REPORT

__all__ = ["Changes", "Group", "measure_chart", "page_of", "render_index", "render_trend"]

COLOUR = "#0072B2"
UNITS = {
    "time_to_trip_s.median": "median time to trip, s",
    "open_s.median": "median time open, s",
    "outage_s.max": "longest outage, s",
    "absorption": "sheds as a share of sheds and 429s",
    "requests.rate_s": "requests per second",
}
"""The measures' words on the pages; a measure without one is shown by its path."""


@dataclass(frozen=True)
class Group:
    """A folder that holds runs of one command. `page`: whether it has a page of its own."""

    name: str
    what: str
    page: bool


@dataclass(frozen=True)
class Changes:
    """The runs of one lab and scenario, oldest first, and a drawn chart of each measure by its path."""

    name: str
    runs: Sequence[History]
    charts: Mapping[str, str]


def page_of(folder: str) -> str:
    """Return the relative link to the report in a folder beside the page, with every special character quoted."""
    return f"./{quoted(folder)}/{REPORT}"


def render_index(
    name: str,
    runs: Sequence[History],
    groups: Sequence[Group],
    broken: Sequence[Broken],
    changes: Sequence[Changes],
) -> str:
    """Return the page that lists the runs of the folder `name`, newest first. `runs`: oldest first."""
    places = {one.name: place for place, one in enumerate(changes, 1)}
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            name=name,
            rows=[_row(run, places) for run in reversed(runs)],
            groups=[(group, page_of(group.name)) for group in groups],
            broken=broken,
            changes=changes,
            version=__version__,
        )
    )


def _row(run: History, places: Mapping[str, int]) -> dict[str, object]:
    """Return the cells of a run. `place`: the number of its lab and scenario on the trend page; None: it has none."""
    summary, verdict = run.summary, verdict_of(run.summary)
    return {
        "name": run.folder.name,
        "page": page_of(run.folder.name),
        "started": f"{run.started:%Y-%m-%d %H:%M:%S}",
        "lab": f"{summary.lab}, {summary.scenario}",
        "target": target_in_words(summary),
        "verdict": verdict,
        "trips": len(summary.trips),
        "to_trip": number(run.measure("time_to_trip_s.median")),
        "outage": number(run.measure("outage_s.max"), 1),
        "shed": share(run.measure("absorption")),
        "place": places.get(lab_name(run)),
    }


def render_trend(name: str, changes: Sequence[Changes], hidden: int) -> str:
    """Return the page of how the measures changed. `hidden`: how many labs and scenarios are not on it."""
    shown = [
        {
            "name": one.name,
            "charts": [
                (UNITS.get(measure, measure), Markup(svg))  # noqa: S704  # drawn from numbers alone
                for measure, svg in one.charts.items()
            ],
            "measures": [UNITS.get(measure, measure) for measure in one.charts],
            "rows": [
                (
                    run.folder.name,
                    page_of(run.folder.name),
                    f"{run.started:%Y-%m-%d %H:%M:%S}",
                    [number(run.measure(measure)) for measure in one.charts],
                )
                for run in reversed(one.runs)
            ],
        }
        for one in changes
    ]
    return (
        environment().get_template("trend.html.j2").render(name=name, shown=shown, hidden=hidden, version=__version__)
    )


def measure_chart(values: Sequence[float], measure: str) -> Spec:
    """Return a chart of one measure over the runs of one lab and scenario, oldest to newest."""
    rows = [{"run": number, "value": value} for number, value in enumerate(values, 1)]
    ticks = {"tickMinStep": 1, "format": "d"}
    x = {"field": "run", "type": "quantitative", "title": "run, oldest to newest", "axis": ticks}
    x["scale"] = {"domain": [0.5, len(rows) + 0.5], "nice": False}
    y = {"field": "value", "type": "quantitative", "title": None, "scale": {"domain": around(values)}}
    return {
        "$schema": VEGA_LITE,
        "config": STYLE,
        "title": UNITS.get(measure, measure),
        "width": 440,
        "height": 180,
        "padding": {"left": 5, "top": 5, "right": 20, "bottom": 5},
        "data": {"values": rows},
        "layer": [
            {"mark": {"type": "line", "color": INK, "opacity": 0.4}, "encoding": {"x": x, "y": y}},
            {
                "mark": {"type": "point", "filled": True, "size": 50, "color": COLOUR, "opacity": 1},
                "encoding": {"x": x, "y": y},
            },
        ],
    }
