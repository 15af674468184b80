"""The page and the table of `tripcurve compare-gateways`."""

from __future__ import annotations

from pydantic import JsonValue
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.render.html import environment
from reports.render.words import number
from reports.statistics.gateway_comparison import FIGURES
from tripcurve import __version__
from tripcurve.run.gateways import Compared, Figure, GatewayComparison

__all__ = ["figure_in_words", "print_gateways", "render_gateways"]

DIGITS = {"s": 3, "ms": 2, "%": 1, "": 0}


def render_gateways(comparison: GatewayComparison) -> str:
    """Return the page of a comparison: its figures, the rule in each gateway's terms, and what was not compared."""
    compared = [each for each in comparison.gateways if each.run is not None]
    return (
        environment()
        .get_template("gateways.html.j2")
        .render(
            comparison=comparison,
            compared=compared,
            left_out=[each for each in comparison.gateways if each.run is None],
            rows=[(figure, _row(name, compared)) for name, figure in FIGURES.items()],
            rules=[(each, rule_rows(each)) for each in compared],
            version=__version__,
        )
    )


def _row(name: str, compared: list[Compared]) -> list[tuple[str, str, str]]:
    return [figure_in_words(each.figures[name], FIGURES[name]["unit"]) for each in compared]


def figure_in_words(figure: Figure, unit: str) -> tuple[str, str, str]:
    """Return a figure, or a dash; its range, or why it is not known; and what it is from, such as `n 554`."""
    counted = "" if figure.n is None else f"n {figure.n:,}"
    if figure.value is None:
        return "–", figure.reason or "not known", counted
    scale, digits = 100 if unit == "%" else 1, DIGITS[unit]
    value = f"{number(figure.value * scale, digits)} {unit}".strip()
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return value, "", counted
    return value, f"{number(figure.low * scale, digits)} to {number(figure.high * scale, digits)}", counted


def rule_rows(each: Compared) -> list[tuple[str, str]]:
    """Return the settings of a gateway's rule as pairs of texts. Backends with the same rule share its rows."""
    rules = list(each.rule.items())
    alike = len({str(rule) for _, rule in rules}) <= 1
    shown = rules[:1] if alike else rules
    return [
        (knob if alike else f"{backend}: {knob}", _setting(value))
        for backend, rule in shown
        for knob, value in rule.items()
        if value != []
    ]


def _setting(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def print_gateways(comparison: GatewayComparison, page: str, console: Console) -> None:
    """Print the comparison as a table, the kinds that were left out with the reason, and where the page is."""
    compared = [each for each in comparison.gateways if each.run is not None]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("")
    for each in compared:
        table.add_column(escape(each.title), justify="right")
    table.add_row("version", *(escape(each.version or "not known") for each in compared))
    table.add_row("trips", *("–" if each.trips is None else str(each.trips) for each in compared))
    for name, figure in FIGURES.items():
        cells = _row(name, compared)
        table.add_row(figure["heading"], *(escape(main) for main, _, _ in cells))
        table.add_row("", *(f"[dim]{escape(beneath)}[/dim]" for _, beneath, _ in cells))
    console.print()
    if compared:
        console.print(table)
    for each in comparison.gateways:
        for text in each.problems:
            console.print(escape(f"{each.title}: these figures are not reliable: {text}"), highlight=False)
        for text in each.not_expressed:
            console.print(escape(f"{each.title}: not expressed: {text}"), highlight=False)
        if each.reason is not None:
            console.print(escape(f"{each.title}: {each.reason}"), highlight=False)
    console.print(f"\nreport: {escape(page)}", highlight=False, soft_wrap=True)
