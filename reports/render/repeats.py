"""Shows repeated runs: on the terminal, as a page, and as a chart of one measure over the runs."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.render.charts import INK, STYLE, VEGA_LITE, Spec, around
from reports.render.html import environment
from reports.render.words import legible, number
from reports.statistics.repeats import OneRun, OverRuns, RepeatsSummary
from tripcurve import __version__

__all__ = ["print_repeats", "render_repeats", "runs_chart"]

COLOUR = "#0072B2"
ENDS = {
    "running": "The runs were not finished: they go on, or were killed.",
    "finished": "",
    "precise": "The precision asked for was reached.",
    "not precise": "The precision asked for was not reached.",
    "interrupted": "Interrupted: the runs finished until then are summarised.",
    "nothing recorded": "The last run recorded nothing, so no more were made.",
}


def print_repeats(summary: RepeatsSummary, shown: str, page: Path, console: Console) -> None:
    """Print the answer, the measures over runs, and the runs that do not count."""
    console.print(f"\n[bold]{escape(legible(title(summary)))}[/bold]", highlight=False)
    for sentence in sentences(summary, shown):
        console.print(escape(legible(sentence)), highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("measure", no_wrap=True)
    for heading in ("runs", "median", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in observed(summary):
        table.add_row(one.measure, f"{one.n}", number(one.median), _range(one.low, one.high))
    console.print()
    console.print(table)
    for run in summary.runs:
        if run.why_not is not None:
            console.print(f"[yellow]note:[/yellow] {escape(legible(_excluded(run)))}", highlight=False)
    console.print(f"report: {escape(legible(str(page)))}", highlight=False, soft_wrap=True)


def render_repeats(summary: RepeatsSummary, shown: str, chart_svg: str) -> str:
    """Return the page. `chart_svg`: the drawn `runs_chart`, or an empty text."""
    return (
        environment()
        .get_template("repeats.html.j2")
        .render(
            title=title(summary),
            summary=summary,
            sentences=sentences(summary, shown),
            shown=shown,
            measures=[(one, _range(one.low, one.high), _range(one.min, one.max)) for one in observed(summary)],
            chart=Markup(chart_svg),  # noqa: S704  # drawn from numbers and measures' names alone
            version=__version__,
        )
    )


def title(summary: RepeatsSummary) -> str:
    """Return the heading, such as `quick · trip-and-recover · 5 runs on local`."""
    runs = "1 run" if len(summary.runs) == 1 else f"{len(summary.runs)} runs"
    return f"{summary.lab} · {summary.scenario} · {runs} on {summary.target}"


def observed(summary: RepeatsSummary) -> list[OverRuns]:
    """Return the measures that some run observed."""
    return [one for one in summary.measures if one.n]


def sentences(summary: RepeatsSummary, shown: str) -> list[str]:
    """Return the answer: the shown measure with its interval, how sure it is, and how the runs ended."""
    one = next(each for each in summary.measures if each.measure == shown)
    of = f"{one.n} of {len(summary.runs)} runs" if one.n < len(summary.runs) else f"{one.n} runs"
    if one.median is None:
        answer = f"{shown} was not observed in any run that counts."
    elif one.low is None:
        answer = f"{shown}: {number(one.median)} in 1 run, so there is no interval."
    else:
        answer = f"{shown}: {number(one.median)} over {of}, 95 % interval {_range(one.low, one.high)}."
    end = ENDS[summary.end]
    if summary.until is not None and summary.end in ("precise", "not precise"):
        end = f"{end.removesuffix('.')}: {summary.until}."
    return [answer, summary.method, *([end] if end else [])]


def runs_chart(summary: RepeatsSummary, shown: str) -> Spec | None:
    """Return a chart of the shown measure of each run, with the interval over runs; None if no run observed it."""
    values = [run.values.get(shown) for run in summary.runs]
    rows = [
        {"run": index, "value": run.values[shown], "counts": "counts" if run.counts else "does not count"}
        for index, run in enumerate(summary.runs, 1)
        if run.values.get(shown) is not None
    ]
    if not rows:
        return None
    one = next(each for each in summary.measures if each.measure == shown)
    x = {"field": "run", "type": "ordinal", "title": "run", "axis": {"labelAngle": 0}}
    ends = [end for end in (one.low, one.high) if end is not None]
    scale = {"domain": around([*(value for value in values if value is not None), *ends])}
    y = {"field": "value", "type": "quantitative", "title": None, "scale": scale}
    band = [] if one.low is None else [{"value": one.low, "high": one.high}]
    middle = [] if one.median is None else [{"value": one.median}]
    counts = {"field": "counts", "type": "nominal", "scale": {"domain": ["counts", "does not count"]}, "title": None}
    legend = {"orient": "bottom"} if any(not run.counts for run in summary.runs) else None
    return {
        "$schema": VEGA_LITE,
        "config": STYLE,
        "title": shown,
        "width": 620,
        "height": 220,
        "padding": {"left": 5, "top": 5, "right": 20, "bottom": 5},
        "layer": [
            {
                "data": {"values": band},
                "mark": {"type": "rect", "color": COLOUR, "opacity": 0.15},
                "encoding": {"y": y, "y2": {"field": "high"}},
            },
            {
                "data": {"values": middle},
                "mark": {"type": "rule", "color": INK, "strokeDash": [4, 4], "opacity": 0.6},
                "encoding": {"y": y},
            },
            {
                "data": {"values": rows},
                "mark": {"type": "point", "filled": True, "size": 70, "color": COLOUR, "opacity": 1},
                "encoding": {"x": x, "y": y, "shape": {**counts, "legend": legend}},
            },
        ],
    }


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{number(low)} … {number(high)}"


def _excluded(run: OneRun) -> str:
    return f"{run.run} does not count: {run.why_not}"
