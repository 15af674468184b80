"""Prints the summary on a terminal of 80 columns."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.render.words import (
    answer,
    count,
    error,
    how_ended,
    legible,
    more_trips,
    number,
    retries_in_words,
    signed,
    statuses_in_words,
    unit_rows,
    who,
    with_half_width,
)
from reports.statistics.facts import latency_rows
from reports.statistics.verdict import HEADLINES, verdict_of
from tripcurve.run.summary import Quantiles, Summary, Trip

__all__ = ["print_summary"]

MOST_TRIPS = 20
STYLES = {"good": "bold green", "not good": "bold red", "target lost": "bold red", "not valid": "bold red"}
OTHER_STYLE = "bold yellow"


def print_summary(summary: Summary, written: list[Path], console: Console) -> None:
    """Print the verdict, the answer, the trips, the other figures, the checks and the report's path."""
    verdict, ended = verdict_of(summary), how_ended(summary)
    title = f"{summary.lab} · {summary.scenario} · {summary.duration_s:.1f} s on {summary.target}"
    console.print(f"\n[bold]{escape(legible(title))}[/bold]", highlight=False)
    if ended is not None:
        console.print(f"[yellow]{ended}[/yellow]", highlight=False)
    style = STYLES.get(verdict.label, OTHER_STYLE)
    console.print(f"[{style}]{verdict.symbol} {HEADLINES[verdict.label]}[/]\n", highlight=False)
    for sentence in answer(summary):
        console.print(escape(legible(sentence)), highlight=False)
    if summary.trips:
        _print_trips(summary, console)
    console.print()
    console.print(_numbers_table(summary))
    _print_checks(summary, console)
    for note in summary.notes:
        console.print(f"[yellow]note:[/yellow] {escape(legible(note))}", highlight=False)
    console.print(f"report: {escape(legible(str(written[0])))}", highlight=False, soft_wrap=True)


def _print_trips(summary: Summary, console: Console) -> None:
    """Print a table for each breaker, so that its name needs no column."""
    shown = summary.trips[:MOST_TRIPS]
    names = dict.fromkeys(who(trip) for trip in shown)
    for name in names:
        console.print()
        if len(names) > 1:
            console.print(f"[bold]{escape(legible(name))}[/bold]", highlight=False)
        console.print(_trip_table([trip for trip in shown if who(trip) == name], summary.truth_known))
    more = more_trips(summary, MOST_TRIPS)
    if more is not None:
        console.print(more, highlight=False)
    for backend, first, full, part in unit_rows(summary, MOST_TRIPS):
        text = f"{backend}: first shed at {first} s, every unit tripped at {full} s; shed share between: {part}"
        console.print(escape(legible(text)), highlight=False)


def _trip_table(trips: list[Trip], truth: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    off = ("err ms",) if truth else ()
    for heading in ("tripped, s", *off, "reset, s", *off, "to trip", "open", "429", "sheds", "again"):
        table.add_column(heading, justify="right", no_wrap=True)
    for trip in trips:
        table.add_row(*_trip_cells(trip, truth))
    return table


def _trip_cells(trip: Trip, truth: bool) -> list[str]:
    errors = error(trip)
    cells = []
    for measured, error_s in ((trip.tripped_s, errors.tripped_s), (trip.reset_s, errors.reset_s)):
        cells.append(with_half_width(measured))
        if truth:
            cells.append("–" if error_s is None else signed(error_s * 1000, 1))
    cells += [number(trip.time_to_trip_s, 2), number(trip.open_s, 2), count(trip.throttled)]
    return [*cells, count(trip.shed), "yes" if trip.retrip else ""]


def _numbers_table(summary: Summary) -> Table:
    table = Table.grid(padding=(0, 2))
    requests, pacing, tokens = summary.requests, summary.pacing, summary.tokens
    statuses = statuses_in_words(summary)
    table.add_row("requests", f"{requests.total:,} ({number(requests.rate_s, 1)}/s): {statuses or 'none'}")
    seen = set()
    for row in latency_rows(summary):
        if row.origin not in seen:  # the first of each is from the intended start
            name = "first token" if row.origin == "stream" else f"latency, {row.origin}"
            table.add_row(name, _latency(row.figures))
            seen.add(row.origin)
    if pacing.intended is not None:
        late = number(pacing.late_p99_ms, 2)
        sent = f"{count(pacing.sent)} of {count(pacing.intended)} sent"
        table.add_row("pacing", f"{sent}, late p99 {late} ms, dropped {count(pacing.dropped)}")
    if summary.retries is not None:
        table.add_row("retries", escape(legible(retries_in_words(summary.retries))))
    if summary.stimulus is not None:
        table.add_row("load", escape(legible(summary.stimulus.sentence)))
    rate = number(tokens.per_minute, 0)
    used = f"{count(tokens.prompt)} in, {count(tokens.completion)} out, {rate}/min"
    table.add_row("tokens", used if tokens.n else "no answer reported any")
    return table


def _latency(latency: Quantiles) -> str:
    if not latency.n:
        return "no answers"
    p50, p95, p99 = (number(value, 1) for value in (latency.p50, latency.p95, latency.p99))
    return f"p50 {p50} · p95 {p95} · p99 {p99} ms of {latency.n:,}"


def _print_checks(summary: Summary, console: Console) -> None:
    for check in summary.checks:
        verdict = "[green]passed[/green]" if check.passed else "[red]FAILED[/red]"
        expression = escape(legible(check.expression))
        value = check.reason or f"value {number(check.value)}"
        console.print(f"check {verdict}  {expression}  ({value})", highlight=False)
