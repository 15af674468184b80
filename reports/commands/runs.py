"""`tripcurve runs`: the runs in a folder with their headline measures, and the trend of one of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.loading.history import History, by_lab, history
from reports.render.words import legible, number, share
from reports.statistics.verdict import verdict_of
from tripcurve.errors import BadInput
from tripcurve.run.measures import fault_in
from tripcurve.run.writing import write_whole

if TYPE_CHECKING:
    from reports.render.charts import Spec

__all__ = ["HEADLINES", "runs_command", "trend_chart"]

HEADLINES = ("time_to_trip_s.median", "open_s.median", "outage_s.max", "absorption", "requests.rate_s")
BARS = "▁▂▃▄▅▆▇█"


def runs_command(folder: Path, measure: str | None, as_json: bool) -> int:
    """List the runs; with `measure` draw its trend too, on the terminal and as trend-<measure>.svg in `folder`."""
    fault = None if measure is None else fault_in(tuple(measure.split(".")))
    if fault is not None:
        raise BadInput(f"--trend: {fault}")
    runs, problems = history(folder)
    if measure is not None and runs and all(run.measure(measure) is None for run in runs):
        raise BadInput(f"no run in {folder} observed {measure!r}; try one of {', '.join(HEADLINES)}")
    drawn = _draw_trend(runs, measure, folder) if measure is not None and runs else None
    if as_json:
        json.dump(_as_json(runs, problems, measure), sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        _print(runs, problems, measure, drawn, Console())
    return 0


def _as_json(runs: list[History], problems: list[str], measure: str | None) -> dict[str, JsonValue]:
    names = (*HEADLINES, measure) if measure is not None and measure not in HEADLINES else HEADLINES
    listed: list[JsonValue] = [
        {
            "run": str(run.folder),
            "started": run.started.isoformat(),
            "lab": run.summary.lab,
            "scenario": run.summary.scenario,
            "target": run.summary.target,
            "verdict": verdict_of(run.summary).label,
            "trips": len(run.summary.trips),
            "measures": {name: run.measure(name) for name in names},
        }
        for run in runs
    ]
    return {"runs": listed, "problems": list(problems)}


def _print(runs: list[History], problems: list[str], measure: str | None, drawn: Path | None, console: Console) -> None:
    if not runs:
        console.print("No reported runs here.")
    else:
        console.print(_table(runs))
    if measure is not None and drawn is not None:
        console.print()
        for name, own in by_lab(runs).items():
            values = [run.measure(measure) for run in own]
            if any(value is not None for value in values):
                console.print(
                    escape(f"{legible(name)}; {measure}, oldest to newest: {_spark(values)}"), highlight=False
                )
        console.print(f"trend: {escape(str(drawn))}", highlight=False, soft_wrap=True)
    for problem in problems:
        console.print(f"[yellow]note:[/yellow] {escape(legible(problem))}", highlight=False)


def _table(runs: list[History]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("started, UTC", no_wrap=True)
    table.add_column("lab, scenario", overflow="fold", min_width=18)
    table.add_column("verdict", no_wrap=True)
    for heading in ("trips", "to trip", "outage", "shed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in runs:
        verdict = verdict_of(run.summary)
        table.add_row(
            f"{run.started:%y-%m-%d %H:%M}",
            escape(legible(f"{run.summary.lab}, {run.summary.scenario}")),
            f"{verdict.symbol} {verdict.label}",
            f"{len(run.summary.trips):,}",
            number(run.measure("time_to_trip_s.median")),
            number(run.measure("outage_s.max"), 1),
            share(run.measure("absorption")),
        )
    return table


def _spark(values: list[float | None]) -> str:
    """The trend in a line of text, with its least and greatest value; a dot where a run did not observe it."""
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    line = "".join("·" if value is None else BARS[round((value - low) * scale)] for value in values)
    return f"{line}  {number(low)} to {number(high)}"


def trend_chart(runs: list[History], measure: str) -> Spec:
    """Return the specification of a chart of one measure over runs, a line for each lab and scenario."""
    from reports.render.charts import STYLE, VEGA_LITE

    rows = [
        {
            "started": run.started.isoformat(),
            "value": run.measure(measure),
            "run": legible(run.folder.name),
            "what": legible(f"{run.summary.lab}, {run.summary.scenario}"),
        }
        for run in runs
        if run.measure(measure) is not None
    ]
    x = {"field": "started", "type": "temporal", "title": "run started, UTC", "scale": {"type": "utc", "padding": 12}}
    y = {"field": "value", "type": "quantitative", "title": measure, "scale": {"zero": False, "padding": 12}}
    what = {"field": "what", "type": "nominal"}
    named = {**what, "title": None, "legend": {"orient": "bottom", "labelLimit": 400}}
    return {
        "$schema": VEGA_LITE,
        "config": STYLE,
        "width": 700,
        "height": 260,
        "data": {"values": rows},
        "layer": [
            {"mark": {"type": "line", "color": "grey", "opacity": 0.5}, "encoding": {"x": x, "y": y, "detail": what}},
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": named, "shape": named},
            },
        ],
    }


def _draw_trend(runs: list[History], measure: str, folder: Path) -> Path:
    from reports.render.charts import on_white
    from reports.render.drawing import svg_of

    name = "".join(character if character.isalnum() or character in "._-" else "_" for character in measure)
    path = folder / f"trend-{name}.svg"
    write_whole(path, svg_of(on_white(trend_chart(runs, measure))))
    return path
