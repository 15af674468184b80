"""report.html: one file, no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from reports.render.charts import Spec, on_one_axis
from reports.render.words import (
    UNIT_COLUMNS,
    answer,
    count,
    how_ended,
    legible,
    more_trips,
    number,
    rules_in_words,
    share,
    signed,
    statuses_in_words,
    target_in_words,
    unit_rows,
    who,
    with_half_width,
)
from reports.statistics.facts import latency_rows, phase_table, quality_rows
from reports.statistics.verdict import HEADLINES, verdict_of
from tripcurve import __version__

__all__ = ["MOST_TRIPS", "Pictures", "render", "render_capacity"]

MOST_TRIPS = 100
"""Rows of the trip table; a page of ten thousand serves nobody."""

DESCRIPTIONS = {
    "breaker": "When each breaker was measured open. Triangles: the gateway's own record, where it keeps one.",
    "timeline": "Stacked by outcome; grey behind, lines before: the breaker was measured open. Dashed: phases.",
    "latency": "Each mark one request (a long run is thinned, its slowest kept); lines: every second's median and p99.",
    "ratio": "Of 429s from backends and 503s from the gateway together, the part that never reached a backend.",
}


def _beside_truth(name: str) -> Callable[[dict[str, Any]], str]:
    """`truth 5.051, error +12.2 ms`, for under the measured instant."""

    def cell(trip: dict[str, Any]) -> str:
        truth, error = (trip["truth"] or {}).get(name), (trip["error_s"] or {}).get(name)
        if truth is None:
            return ""
        return f"truth {truth:.3f}" + ("" if error is None else f", {signed(error * 1000, 1)} ms")

    return cell


def _nothing(trip: dict[str, Any]) -> str:
    del trip
    return ""


Cell = Callable[[dict[str, Any]], str]
TRIP_COLUMNS: dict[str, tuple[Cell, Cell]] = {
    "backend": (who, lambda trip: "re-trip" if trip["retrip"] else ""),
    "tripped, s": (lambda trip: with_half_width(trip["tripped_s"]), _beside_truth("tripped_s")),
    "reset, s": (lambda trip: with_half_width(trip["reset_s"]), _beside_truth("reset_s")),
    "time to trip, s": (lambda trip: number(trip["time_to_trip_s"]), _nothing),
    "failures to trip": (lambda trip: count(trip["failures_to_trip"]), lambda trip: _overshoot(trip)),
    "open, s": (lambda trip: number(trip["open_s"]), lambda trip: _open_error(trip)),
    "recovery, s": (lambda trip: number(trip["recovery_latency_s"]), _nothing),
    "restored after, s": (lambda trip: number(trip["restored_s"]), _nothing),
    "outage, s": (lambda trip: number(trip["outage_s"]), _nothing),
    "429": (lambda trip: count(trip["throttled"]), _nothing),
    "503": (lambda trip: count(trip["shed"]), _nothing),
}
"""Heading to what a cell says, and what stands small beneath it."""


def _overshoot(trip: dict[str, Any]) -> str:
    return "" if not trip["overshoot"] else f"overshoot {trip['overshoot']}"


def _open_error(trip: dict[str, Any]) -> str:
    return "" if trip["open_error_s"] is None else f"{signed(trip['open_error_s'])} to rule"


@dataclass(frozen=True)
class Pictures:
    """What a page shows beside text. `specs`: the figures' specifications by name, and `tables` the data behind them,
    for readers who do not see them. `script`: Vega-Embed. `capacity_svg`: the capacity curve; None without one.
    """

    specs: dict[str, Spec] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    script: str = ""
    capacity_svg: str | None = None


def render(summary: dict[str, Any], pictures: Pictures) -> str:
    """The whole page. All text is escaped by the template; the data in scripts is escaped JSON."""
    phase_headings, phase_rows = phase_table(summary)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            phase_headings=phase_headings,
            phase_rows=phase_rows,
            latencies=latency_rows(summary),
            quality=quality_rows(summary),
            summary=summary,
            capacity_curve=Markup(pictures.capacity_svg or ""),  # noqa: S704  # drawn from numbers alone
            target=target_in_words(summary),
            rules=rules_in_words(summary),
            verdict=verdict_of(summary),
            headline=HEADLINES[verdict_of(summary).label],
            statuses=statuses_in_words(summary),
            answer=answer(summary),
            ended=how_ended(summary),
            trip_headings=list(TRIP_COLUMNS),
            trip_rows=[_trip_row(trip) for trip in summary["trips"][:MOST_TRIPS]],
            more_trips=more_trips(summary, MOST_TRIPS),
            unit_headings=list(UNIT_COLUMNS),
            unit_rows=unit_rows(summary, MOST_TRIPS),
            charts=[_chart(name, pictures.tables[name]) for name in pictures.specs],
            spec=_script_json(on_one_axis(pictures.specs)) if pictures.specs else "",
            vega=Markup(pictures.script),  # noqa: S704  # the bundled library, no input in it
        )
    )


def render_capacity(lab: str, capacity: dict[str, Any], curve_svg: str) -> str:
    """The page of `tripcurve capacity`. `capacity`: as in capacity.json."""
    return (
        _environment()
        .get_template("capacity_page.html.j2")
        .render(
            lab=lab,
            capacity=capacity,
            capacity_curve=Markup(curve_svg),  # noqa: S704  # drawn from numbers alone
            version=__version__,
        )
    )


def _environment() -> jinja2.Environment:
    folder = Path(__file__).with_name("templates")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "count": count, "share": share, "legible": legible}
    return environment


def _trip_row(trip: dict[str, Any]) -> list[tuple[str, str]]:
    return [(main(trip), beneath(trip)) for main, beneath in TRIP_COLUMNS.values()]


def _chart(name: str, table: pd.DataFrame) -> dict[str, Any]:
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return {
        "name": name,
        "description": DESCRIPTIONS[name],
        "headings": list(table.columns),
        "rows": rows[: 2 * MOST_TRIPS],
        "hidden": max(0, len(rows) - 2 * MOST_TRIPS),
    }


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if pd.isna(value) else f"{value:,.3f}".rstrip("0").rstrip(".")
    return str(value)


def _script_json(value: dict[str, Any]) -> Markup:
    """JSON that cannot end the script it stands in."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # escaped just above
