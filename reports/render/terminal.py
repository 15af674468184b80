"""The summary on the terminal, for 80 columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.render.words import (
    answer,
    count,
    how_ended,
    legible,
    more_trips,
    number,
    signed,
    statuses_in_words,
    unit_rows,
    who,
    with_half_width,
)
from reports.statistics.facts import latency_rows
from reports.statistics.verdict import HEADLINES, verdict_of

__all__ = ["print_summary"]

MOST_TRIPS = 20
STYLES = {"good": "bold green", "not good": "bold red", "target lost": "bold red", "not valid": "bold red"}
OTHER_STYLE = "bold yellow"


def print_summary(summary: dict[str, Any], written: list[Path], console: Console) -> None:
    """Print the verdict, the answer, the trips, the numbers around them, the checks and where the report is."""
    verdict, ended = verdict_of(summary), how_ended(summary)
    title = f"{summary['lab']} · {summary['scenario']} · {summary['duration_s']:.1f} s on {summary['target']}"
    console.print(f"\n[bold]{escape(legible(title))}[/bold]", highlight=False)
    if ended is not None:
        console.print(f"[yellow]{ended}[/yellow]", highlight=False)
    style = STYLES.get(verdict.label, OTHER_STYLE)
    console.print(f"[{style}]{verdict.symbol} {HEADLINES[verdict.label]}[/]\n", highlight=False)
    for sentence in answer(summary):
        console.print(escape(legible(sentence)), highlight=False)
    if summary["trips"]:
        _print_trips(summary, console)
    console.print()
    console.print(_numbers_table(summary))
    _print_checks(summary, console)
    for note in summary["notes"]:
        console.print(f"[yellow]note:[/yellow] {escape(legible(note))}", highlight=False)
    console.print(f"report: {escape(legible(str(written[0])))}", highlight=False, soft_wrap=True)


def _print_trips(summary: dict[str, Any], console: Console) -> None:
    """A table for each breaker, so that long names cost no column."""
    shown = summary["trips"][:MOST_TRIPS]
    names = dict.fromkeys(who(trip) for trip in shown)
    for name in names:
        console.print()
        if len(names) > 1:
            console.print(f"[bold]{escape(legible(name))}[/bold]", highlight=False)
        console.print(_trip_table([trip for trip in shown if who(trip) == name], summary["truth_known"]))
    more = more_trips(summary, MOST_TRIPS)
    if more is not None:
        console.print(more, highlight=False)
    for backend, first, full, part in unit_rows(summary, MOST_TRIPS):
        text = f"{backend}: first shed at {first} s, every unit tripped at {full} s; shed share between: {part}"
        console.print(escape(legible(text)), highlight=False)


def _trip_table(trips: list[dict[str, Any]], truth: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    error = ("err ms",) if truth else ()
    for heading in ("tripped, s", *error, "reset, s", *error, "to trip", "open", "429", "503", "again"):
        table.add_column(heading, justify="right", no_wrap=True)
    for trip in trips:
        table.add_row(*_trip_cells(trip, truth))
    return table


def _trip_cells(trip: dict[str, Any], truth: bool) -> list[str]:
    cells = []
    for name in ("tripped_s", "reset_s"):
        cells.append(with_half_width(trip[name]))
        if truth:
            error = (trip["error_s"] or {}).get(name)
            cells.append("–" if error is None else signed(error * 1000, 1))
    cells += [number(trip["time_to_trip_s"], 2), number(trip["open_s"], 2), count(trip["throttled"])]
    return [*cells, count(trip["shed"]), "yes" if trip["retrip"] else ""]


def _numbers_table(summary: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    requests, pacing, tokens = summary["requests"], summary["pacing"], summary["tokens"]
    statuses = statuses_in_words(summary)
    table.add_row("requests", f"{requests['total']:,} ({number(requests['rate_s'], 1)}/s): {statuses or 'none'}")
    seen = set()
    for row in latency_rows(summary):
        if row["origin"] not in seen:  # the first of each is from the intended start, where that is known
            name = "first token" if row["origin"] == "stream" else f"latency, {row['origin']}"
            table.add_row(name, _latency(row["figures"]))
            seen.add(row["origin"])
    if pacing["intended"] is not None:
        late = number(pacing["late_p99_ms"], 2)
        sent = f"{count(pacing['sent'])} of {count(pacing['intended'])} sent"
        table.add_row("pacing", f"{sent}, late p99 {late} ms, dropped {count(pacing['dropped'])}")
    rate = number(tokens["per_minute"], 0)
    used = f"{count(tokens['prompt'])} in, {count(tokens['completion'])} out, {rate}/min"
    table.add_row("tokens", used if tokens["n"] else "no answer reported any")
    return table


def _latency(latency: dict[str, Any]) -> str:
    if not latency["n"]:
        return "no answers"
    figures = " · ".join(f"{name} {number(latency[name], 1)}" for name in ("p50", "p95", "p99"))
    return f"{figures} ms of {latency['n']:,}"


def _print_checks(summary: dict[str, Any], console: Console) -> None:
    for check in summary["checks"]:
        verdict = "[green]passed[/green]" if check["passed"] else "[red]FAILED[/red]"
        expression = escape(legible(check["expression"]))
        value = check.get("reason") or f"value {number(check['value'])}"
        console.print(f"check {verdict}  {expression}  ({value})", highlight=False)
