"""report.html: one file, no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup

from reports.loading.neighbours import Link
from reports.render.charts import Spec, on_one_axis
from reports.render.words import (
    UNIT_COLUMNS,
    answer,
    count,
    error,
    how_ended,
    legible,
    more_trips,
    number,
    rule_statuses,
    rules_in_words,
    share,
    signed,
    statuses_in_words,
    target_in_words,
    truth,
    unit_rows,
    who,
    with_half_width,
)
from reports.statistics.facts import latency_rows, phase_table, quality_rows, retry_table, stimulus_table
from reports.statistics.verdict import HEADLINES, verdict_of
from tripcurve.durations import format_iso
from tripcurve.run.summary import Measured, Summary, Trip

__all__ = ["MOST_TRIPS", "Pictures", "environment", "render"]

MOST_TRIPS = 100
"""The most rows of the trip table, because nobody reads a page with ten thousand."""
MOST_ROWS = 2 * MOST_TRIPS
"""The most rows of a table of a chart's data."""

DESCRIPTIONS = {
    "breaker": "When each breaker was measured open. Triangles: the gateway's own record, if it keeps one.",
    "timeline": "Requests stacked by outcome. Grey areas and solid lines: a breaker was measured open. Dashed: phases.",
    "latency": "A mark is one request; of a long run, only some and the slowest. Lines: median and p99 of each second.",
    "ratio": "Sheds as a share of sheds and backends' 429s: the part that never reached a backend.",
}


def _beneath(measured: Measured | None, true_s: float | None, error_s: float | None) -> list[str]:
    """Return the lines beneath a measured instant, such as `by cause` and `truth 5.051, +12.2 ms`."""
    lines = [] if measured is None or measured.by is None else [f"by {measured.by}"]
    if true_s is not None:
        lines.append(f"truth {true_s:.3f}" + ("" if error_s is None else f", {signed(error_s * 1000, 1)} ms"))
    return lines


def _nothing(trip: Trip) -> list[str]:
    del trip
    return []


Cell = Callable[[Trip], str]
TRIP_COLUMNS: dict[str, tuple[Cell, Callable[[Trip], list[str]]]] = {
    "backend": (who, lambda trip: ["re-trip"] if trip.retrip else []),
    "tripped, s": (
        lambda trip: with_half_width(trip.tripped_s),
        lambda trip: _beneath(trip.tripped_s, truth(trip).tripped_s, error(trip).tripped_s),
    ),
    "reset, s": (
        lambda trip: with_half_width(trip.reset_s),
        lambda trip: _beneath(trip.reset_s, truth(trip).reset_s, error(trip).reset_s),
    ),
    "time to trip, s": (lambda trip: number(trip.time_to_trip_s), _nothing),
    "failures to trip": (lambda trip: count(trip.failures_to_trip), lambda trip: _overshoot(trip)),
    "open, s": (lambda trip: number(trip.open_s), lambda trip: _open_error(trip)),
    "recovery, s": (lambda trip: number(trip.recovery_latency_s), _nothing),
    "restored after, s": (lambda trip: number(trip.restored_s), _nothing),
    "outage, s": (lambda trip: number(trip.outage_s), _nothing),
    "429": (lambda trip: count(trip.throttled), _nothing),
    "sheds": (lambda trip: count(trip.shed), _nothing),
}
"""The columns of the trip table: each heading with functions of a cell's text and of the small lines beneath it."""


def _overshoot(trip: Trip) -> list[str]:
    return [f"overshoot {trip.overshoot}"] if trip.overshoot else []


def _open_error(trip: Trip) -> list[str]:
    return [] if trip.open_error_s is None else [f"{signed(trip.open_error_s)} to rule"]


@dataclass(frozen=True)
class Pictures:
    """The pictures of a page. `specs`: the charts' specifications by name.

    `tables`: the charts' data, for readers who cannot see the charts. `script`: Vega-Embed. `capacity_svg`: the
    capacity curve; None: the run has none. `calibration_svg`: errors against half-widths; None: no truth is known.
    """

    specs: dict[str, Spec] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    script: str = ""
    capacity_svg: str | None = None
    calibration_svg: str | None = None


def render(summary: Summary, pictures: Pictures, links: Sequence[Link] = ()) -> str:
    """Return the page of a report. The template escapes all text, and the data in scripts is escaped JSON.

    `links`: to the pages beside it.
    """
    phase_headings, phase_rows = phase_table(summary)
    retry_headings, retry_rows = retry_table(summary)
    load_headings, load_rows = stimulus_table(summary)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            phase_headings=phase_headings,
            phase_rows=phase_rows,
            retry_headings=retry_headings,
            retry_rows=retry_rows,
            load_headings=load_headings,
            load_rows=load_rows,
            latencies=latency_rows(summary),
            quality=quality_rows(summary),
            summary=summary,
            links=links,
            capacity_curve=Markup(pictures.capacity_svg or ""),  # noqa: S704  # drawn from numbers alone
            calibration=Markup(pictures.calibration_svg or ""),  # noqa: S704  # drawn from numbers alone
            target=target_in_words(summary),
            rules=rules_in_words(summary.rule),
            verdict=verdict_of(summary),
            headline=HEADLINES[verdict_of(summary).label],
            statuses=statuses_in_words(summary),
            answer=answer(summary),
            ended=how_ended(summary),
            trip_headings=list(TRIP_COLUMNS),
            trip_rows=[_trip_row(trip) for trip in summary.trips[:MOST_TRIPS]],
            more_trips=more_trips(summary, MOST_TRIPS),
            unit_headings=list(UNIT_COLUMNS),
            unit_rows=unit_rows(summary, MOST_TRIPS),
            charts=[_chart(name, pictures.tables[name]) for name in pictures.specs],
            spec=_script_json(on_one_axis(pictures.specs)) if pictures.specs else "",
            vega=Markup(pictures.script),  # noqa: S704  # the bundled library, no input in it
        )
    )


def environment() -> jinja2.Environment:
    """Return the environment of all pages: it escapes all text, and has filters for numbers."""
    folder = Path(__file__).with_name("templates")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"number": number, "count": count, "share": share, "legible": legible, "iso": format_iso}
    made.filters["statuses"] = rule_statuses
    return made


def _trip_row(trip: Trip) -> list[tuple[str, list[str]]]:
    return [(main(trip), beneath(trip)) for main, beneath in TRIP_COLUMNS.values()]


@dataclass(frozen=True)
class _Chart:
    """Return a chart's text alternative: its description, and its data as a table that leaves out `hidden` rows."""

    name: str
    description: str
    headings: list[str]
    rows: list[list[str]]
    hidden: int


def _chart(name: str, table: pd.DataFrame) -> _Chart:
    rows = [[_cell(value) for value in row] for row in table.head(MOST_ROWS).itertuples(index=False)]
    return _Chart(name, DESCRIPTIONS[name], list(table.columns), rows, max(0, len(table) - MOST_ROWS))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if pd.isna(value) else f"{value:,.3f}".rstrip("0").rstrip(".")
    return str(value)


def _script_json(value: Spec) -> Markup:
    """Return JSON that cannot end the script element around it."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # escaped just above
