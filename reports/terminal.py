"""The summary on the terminal, for 80 columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.load import Run
from reports.words import answer, number, with_half_width

__all__ = ["print_summary"]


def print_summary(run: Run, summary: dict[str, Any], written: list[Path], console: Console) -> None:
    """Print the answer, the trips, the numbers around them, the checks and where the report is."""
    console.print()
    title = f"{summary['lab']} · {summary['scenario']} · {summary['duration_s']:.1f} s on {summary['target']}"
    console.print(
        f"[bold]{escape(title)}[/bold]" + (" [yellow](interrupted)[/yellow]" if summary["interrupted"] else "")
    )
    for sentence in answer(summary):
        console.print(escape(sentence), highlight=False)
    if summary["trips"]:
        console.print()
        console.print(_trip_table(summary))
    console.print()
    console.print(_numbers_table(summary))
    _print_checks(summary, console)
    for note in summary["notes"]:
        console.print(f"[yellow]note:[/yellow] {escape(note)}", highlight=False)
    console.print(f"report: {escape(str(written[0]))}", highlight=False, soft_wrap=True)


def _trip_table(summary: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("tripped, s", "err ms", "reset, s", "err ms", "to trip", "open", "429", "503", "again"):
        table.add_column(heading, justify="right", no_wrap=True)
    for trip in summary["trips"]:
        errors = trip["error_s"] or {}
        table.add_row(
            with_half_width(trip["tripped_s"]),
            _ms(errors.get("tripped_s")),
            with_half_width(trip["reset_s"]),
            _ms(errors.get("reset_s")),
            number(trip["time_to_trip_s"], 2),
            number(trip["open_s"], 2),
            str(trip["throttled"]),
            str(trip["shed"]),
            "yes" if trip["retrip"] else "",
        )
    return table


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:+.1f}"


def _numbers_table(summary: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    requests, pacing = summary["requests"], summary["pacing"]
    statuses = ", ".join(f"{count:,} × {status}" for status, count in requests["by_status"].items())
    table.add_row("requests", f"{requests['total']:,} ({number(requests['rate_s'], 1)}/s): {statuses or 'none'}")
    for origin, name in (("backend", "latency, backend"), ("gateway", "latency, gateway")):
        latency = summary["latency_ms"][origin]
        table.add_row(name, _latency(latency) if latency["n"] else "no answers")
    if pacing["intended"] is not None:
        late = number(pacing["late_p99_ms"], 2)
        table.add_row(
            "pacing",
            f"{pacing['sent']:,} of {pacing['intended']:,} sent, late p99 {late} ms, dropped {pacing['dropped']:,}",
        )
    tokens = summary["tokens"]
    table.add_row(
        "tokens", f"{tokens['prompt']:,} in, {tokens['completion']:,} out, {number(tokens['per_minute'], 0)}/min"
    )
    return table


def _latency(latency: dict[str, Any]) -> str:
    figures = " · ".join(f"{name} {number(latency[name], 1)}" for name in ("p50", "p95", "p99"))
    return f"{figures} ms of {latency['n']:,}"


def _print_checks(summary: dict[str, Any], console: Console) -> None:
    for check in summary["checks"]:
        verdict = "[green]passed[/green]" if check["passed"] else "[red]FAILED[/red]"
        console.print(
            f"check {verdict}  {escape(check['expression'])}  (value {number(check['value'])})", highlight=False
        )
