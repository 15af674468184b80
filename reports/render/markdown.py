"""summary.md: the report as a page of Markdown, for a pull request or a CI job summary."""

from __future__ import annotations

import re

from reports.render.words import (
    UNIT_COLUMNS,
    answer,
    count,
    how_ended,
    more_trips,
    number,
    rules_in_words,
    status_counts,
    trip_columns,
    trip_rows,
    unit_rows,
)
from reports.statistics.facts import latency_rows, phase_table, quality_rows, retry_table, stimulus_table
from reports.statistics.verdict import HEADLINES, verdict_of
from tripcurve.run.summary import CheckOutcome, Summary

__all__ = ["plain", "render_markdown", "table_lines"]

MOST_TRIPS = 100


def render_markdown(summary: Summary) -> str:
    """Return the summary as Markdown. Names from the lab and texts from backends are escaped."""
    verdict, ended = verdict_of(summary), how_ended(summary)
    lines = [f"# {plain(summary.lab)}: {plain(summary.scenario)}", ""]
    lines += [f"**{verdict.symbol} {HEADLINES[verdict.label]}**" + (f" ({ended})" if ended else ""), ""]
    lines += [*(f"{plain(rule)}  " for rule in rules_in_words(summary.rule)), ""]
    lines += [plain(" ".join(answer(summary))), "", *_trips(summary), *_checks(summary)]
    lines += _section("Requests", ["status", "requests"], _statuses(summary))
    headings = ["answered by", "counted from", "n", "p50", "p95", "p99", "max"]
    lines += _section("Latency, ms", headings, _latencies(summary))
    lines += _section("By phase", *phase_table(summary))
    lines += _section("Retries", *retry_table(summary))
    lines += _stimulus(summary)
    lines += _section("Conformance", ["", "backend", "rule", "configured", "observed"], _conformance(summary))
    lines += _section("Pacing and data quality", ["", "value"], [list(row) for row in quality_rows(summary)])
    if summary.notes:
        lines += ["## Notes", "", *(f"- {plain(note)}" for note in summary.notes), ""]
    return "\n".join(lines)


def _stimulus(summary: Summary) -> list[str]:
    lines = _section("Load: sent against configured", *stimulus_table(summary))
    if not lines or summary.stimulus is None:
        return []
    return [*lines[:2], plain(f"The load was {summary.stimulus.sentence}."), "", *lines[2:]]


def _trips(summary: Summary) -> list[str]:
    headings = [heading.strip() for heading in trip_columns(summary)]
    lines = _section("Trips", headings, trip_rows(summary, MOST_TRIPS))
    more = more_trips(summary, MOST_TRIPS)
    lines += [more, ""] if more is not None else []
    return lines + _section("Units", list(UNIT_COLUMNS), unit_rows(summary, MOST_TRIPS))


def _checks(summary: Summary) -> list[str]:
    rows = [["✓ passed" if c.passed else "✗ FAILED", c.expression, _value(c)] for c in summary.checks]
    return _section("Checks", ["", "check", "value"], rows)


def _value(check: CheckOutcome) -> str:
    return check.reason or number(check.value)


def _statuses(summary: Summary) -> list[list[str]]:
    return [[kind, count(n)] for kind, n in status_counts(summary).items()]


def _latencies(summary: Summary) -> list[list[str]]:
    return [
        [
            row.origin,
            row.since,
            count(row.figures.n),
            *(number(value, 1) for value in (row.figures.p50, row.figures.p95, row.figures.p99, row.figures.max)),
        ]
        for row in latency_rows(summary)
    ]


def _conformance(summary: Summary) -> list[list[str]]:
    symbols = {"confirmed": "✓ ", "contradicted": "✗ "}
    return [
        [symbols.get(f.verdict, "? ") + f.verdict, f.backend, f.part, f.configured, f.observed]
        for f in summary.conformance
    ]


def _section(title: str, headings: list[str], rows: list[list[str]]) -> list[str]:
    """Return a heading and a table, or nothing if there are no rows."""
    if not rows:
        return []
    return [f"## {title}", "", *table_lines(headings, rows), ""]


def table_lines(headings: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a table, with its cells escaped."""
    cells = [["---"] * len(headings), *([plain(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(row) + " |" for row in (headings, *cells)]


def plain(text: str) -> str:
    """Return text escaped so that it cannot start markup, HTML, a link or a mention."""
    text = "".join(c if c.isprintable() else " " for c in text)
    text = re.sub(r"([\\`*_\[\]<>#|!~@])", r"\\\1", text)
    return text.replace("&", "&amp;").replace("\\<", "&lt;").replace("\\>", "&gt;")
