"""The capacity report as one HTML page that needs no network, as Markdown, and on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from reports.render.capacity_words import (
    SIMULATED_NOTE,
    Table,
    beside_table,
    cost_rows,
    headline,
    headroom_table,
    label,
    origin,
    sentences,
    simulated_table,
    step_table,
    title,
)
from reports.render.html import environment
from reports.render.markdown import plain, table_lines
from reports.render.words import legible, number
from reports.statistics.capacity_report import CapacityReport, Subject
from reports.statistics.capacity_steps import StepFigures
from tripcurve import __version__

__all__ = ["CHARTS", "print_capacity", "render_capacity", "render_capacity_markdown"]

CHARTS = {
    "rates": "Served, shed, throttled and failed requests per second against the offered rate. Bars: 95 % intervals.",
    "tokens": "Served tokens per minute against the offered rate. Bars: 95 % intervals.",
    "latency": "Median and p99 of successful requests against the offered rate. Bars: 95 % intervals.",
}
"""The charts of a subject by name, with their descriptions."""
KNEE = " Grey: the knee lies here."


@dataclass(frozen=True)
class _Part:
    """One subject as the template needs it. `charts`: descriptions and SVGs."""

    title: str
    label: str
    headline: str
    sentences: list[str]
    origin: str
    charts: list[tuple[str, Markup]]
    steps: Table
    headroom: Table
    simulated: Table
    cost: Table
    subject: Subject


def render_capacity(report: CapacityReport, charts: Sequence[dict[str, str]]) -> str:
    """Return the page. `charts`: for each subject, its charts as SVG by name, see CHARTS."""
    parts = [_part(subject, svgs) for subject, svgs in zip(report.subjects, charts, strict=True)]
    return (
        environment()
        .get_template("capacity_page.html.j2")
        .render(
            parts=parts,
            beside=beside_table(report.subjects) if report.beside else None,
            simulated_note=SIMULATED_NOTE,
            version=__version__,
        )
    )


def _part(subject: Subject, svgs: dict[str, str]) -> _Part:
    drawn = [
        (f"{text}{KNEE}" if name == "latency" and subject.knee.rate_s else text, Markup(svgs[name]))  # noqa: S704  # drawn from numbers alone
        for name, text in CHARTS.items()
        if name in svgs
    ]
    return _Part(
        title=title(subject),
        label=label(subject),
        headline=headline(subject),
        sentences=sentences(subject),
        origin=origin(subject),
        charts=drawn,
        steps=step_table(subject),
        headroom=headroom_table(subject),
        simulated=simulated_table(subject.simulated),
        cost=cost_rows(subject.cost),
        subject=subject,
    )


def render_capacity_markdown(report: CapacityReport) -> str:
    """Return the report as Markdown, for a pull request, a wiki or a mail. Names are escaped."""
    lines = [f"# Capacity of {plain(title(report.subject))}", ""]
    if report.beside:
        lines += _section("Side by side", beside_table(report.subjects))
    for subject in report.subjects:
        lines += [f"## {plain(title(subject))}", ""] if report.beside else []
        lines += [f"**{plain(headline(subject))}.**", ""]
        lines += [*(f"{plain(sentence)}  " for sentence in sentences(subject)), ""]
        lines += [*(f"- {plain(line)}" for line in subject.cause.evidence), ""] if subject.cause.evidence else []
        lines += [plain(f"Measured: {origin(subject)}."), ""]
        lines += _section("Steps", step_table(subject))
        lines += _section("Headroom", headroom_table(subject))
        if subject.simulated:
            lines += _section("What a change would give (simulated)", simulated_table(subject.simulated))
            lines += [plain(SIMULATED_NOTE), ""]
        lines += _section("Cost", cost_rows(subject.cost))
        lines += [*(f"- {plain(note)}" for note in subject.notes), ""] if subject.notes else []
    return "\n".join(lines)


def _section(heading: str, table: Table) -> list[str]:
    if not table.rows:
        return []
    rows = [[cell.line for cell in row] for row in table.rows]
    return [f"### {heading}", "", *table_lines(list(table.headings), rows), ""]


def print_capacity(report: CapacityReport, path: str, console: Console) -> None:
    """Print the answer, the steps and what follows from them. `path`: where the page is."""
    for subject in report.subjects:
        _print_subject(subject, console)
    if report.beside:
        console.print("\n[bold]Side by side[/bold]", highlight=False)
        for row in beside_table(report.subjects).rows:
            name, carried, failed, tokens, limit, *_ = row
            text = f"{name.text}: {carried.text} requests/s carried, {failed.text} not; {tokens.text} tokens/min; "
            console.print(escape(legible(f"{text}{limit.text}")), highlight=False)
    console.print(f"\nreport: {escape(legible(path))}", highlight=False, soft_wrap=True)


def _print_subject(subject: Subject, console: Console) -> None:
    style = {"good": "bold green", "not-good": "bold red"}.get(label(subject), "bold yellow")
    console.print(f"\n[bold]{escape(legible(title(subject)))}[/bold]", highlight=False)
    console.print(f"[{style}]{escape(headline(subject))}.[/]", highlight=False)
    for sentence in sentences(subject):
        console.print(escape(legible(sentence)), highlight=False)
    for line in subject.cause.evidence:
        console.print(escape(legible(f"  · {line}")), highlight=False)
    for quota in subject.capacity.headroom:
        used = f"{number(quota.used, 0)} of {number(quota.limit, 0)} {quota.quota}"
        console.print(f"Headroom: {used}, {quota.left_share:.0%} left.", highlight=False)
    console.print()
    console.print(_steps(subject.steps))
    if subject.simulated:
        console.print("\n[bold]What a change would give (simulated)[/bold]", highlight=False)
        console.print(_grid(simulated_table(subject.simulated), 5))
    for name, amount in cost_rows(subject.cost).rows:
        console.print(escape(f"Cost {name.text}: {amount.text}"), highlight=False)
    for note in subject.notes:
        console.print(f"[yellow]note:[/yellow] {escape(legible(note))}", highlight=False)


def _steps(steps: Sequence[StepFigures]) -> Grid:
    grid = Grid(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("offered/s", "n", "served/s", "±", "tokens/min", "p50 ms", "p99 ms", "2xx", "sent", ""):
        grid.add_column(heading, justify="right", no_wrap=True)
    for step in steps:
        plain_step, served = step.step, step.served_s
        half = None if served.high is None else served.high - served.value
        grid.add_row(
            number(plain_step.offered_s, 1),
            number(plain_step.n, 0),
            number(served.value, 1),
            number(half, 1),
            number(plain_step.tokens_per_minute, 0),
            number(plain_step.p50_ms, 1),
            number(plain_step.p99_ms, 1),
            f"{plain_step.ok_share:.1%}",
            "–" if step.late is None else "late" if step.late else "on time",
            "✓" if plain_step.cause is None else "✗",
        )
    return grid


def _grid(table: Table, columns: int) -> Grid:
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for index, heading in enumerate(table.headings[:columns]):
        grid.add_column(heading, justify="right" if index else "left", no_wrap=bool(index))
    for row in table.rows:
        grid.add_row(*(escape(legible(cell.text)) for cell in row[:columns]))
    return grid
