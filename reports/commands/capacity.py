"""`tripcurve capacity`, its second half: the probes' runs read, the answer with its curve written and printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.loading.run import load
from reports.render.charts import on_white
from reports.render.curve import capacity_curve
from reports.render.drawing import png_of, svg_of
from reports.render.html import render_capacity
from reports.render.words import number
from reports.statistics.capacity import Limits, from_run, of_steps
from tripcurve.errors import BadInput, NotRecorded, reason_of
from tripcurve.run.layout import REPORT
from tripcurve.run.summary import Capacity, Step
from tripcurve.run.writing import write_whole

__all__ = ["PROBES", "capacity_command", "capacity_of_probes"]

PROBES = "probes.json"


def capacity_command(folder: Path, as_json: bool) -> int:
    """Write capacity.json, report.html and the curve into the folder, and print the answer.

    Returns 1 when nothing was carried, else 0.

    Raises BadInput when the folder holds no probes.
    """
    lab, capacity = capacity_of_probes(folder)
    plain = capacity.model_dump(mode="json")
    try:
        write_whole(folder / "capacity.json", json.dumps(plain, indent=1, allow_nan=False) + "\n")
        curve = capacity_curve(capacity.curve)
        svg = svg_of(on_white(curve))
        write_whole(folder / "capacity.svg", svg)
        write_whole(folder / "capacity.png", png_of(svg))
        write_whole(folder / REPORT, render_capacity(lab, capacity, svg_of(curve)))
    except OSError as error:
        raise NotRecorded(f"cannot write the answer into {folder}: {reason_of(error)}") from None
    if as_json:
        json.dump(plain, sys.stdout, indent=1, allow_nan=False)
        print()
    else:
        _print(capacity, folder, Console())
    return 0 if capacity.carried is not None else 1


def capacity_of_probes(folder: Path) -> tuple[str, Capacity]:
    """Return the lab's name and the capacity that a folder of probes shows; each probe is a step. Raises BadInput."""
    try:
        document = json.loads((folder / PROBES).read_text("utf-8"))
        probes = [(str(probe["run"]), probe["reason"]) for probe in document["probes"]]
        limits = Limits(ok_share=float(document["success"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{folder} has no readable {PROBES}; give a folder that `tripcurve capacity` made") from None
    steps: list[Step] = []
    lab = None
    for name, reason in probes:
        run = load(folder / name)
        lab = run.lab
        steps += [_judged(step, reason) for step in from_run(run, limits).curve]
    if lab is None:
        raise BadInput(f"{folder}: the search made no probe")
    return lab.name, of_steps(steps, lab)


def _judged(step: Step, reason: str | None) -> Step:
    """A probe also fails by the scenario's own checks, or for want of users: what was said then stands."""
    return (
        step if step.cause is not None or reason is None else step.model_copy(update={"cause": reason, "certain": True})
    )


def _print(capacity: Capacity, folder: Path, console: Console) -> None:
    carried, failed = capacity.carried, capacity.failed
    console.print()
    if carried is None:
        console.print("[bold]Not even the lowest rate was carried.[/bold]")
    else:
        rate, tokens = number(carried.offered_s, 1), number(carried.tokens_per_minute, 0)
        console.print(f"[bold]Carried: {rate} requests/s, {tokens} tokens/min.[/bold]", highlight=False)
    if failed is not None:
        console.print(f"At {number(failed.offered_s, 1)} requests/s: {escape(failed.cause or '')}.", highlight=False)
    console.print(escape(f"Confidence: {capacity.confidence}."), highlight=False)
    for quota in capacity.headroom:
        used, limit = number(quota.used, 0), number(quota.limit, 0)
        console.print(f"Headroom: {used} of {limit} {quota.quota}, {quota.left_share:.0%} left.", highlight=False)
    console.print()
    console.print(_curve_table(capacity.curve))
    console.print(f"\nreport: {escape(str(folder / REPORT))}", highlight=False, soft_wrap=True)


def _curve_table(curve: Sequence[Step]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("offered/s", "served/s", "429/s", "sheds/s", "p50 ms", "p99 ms", "2xx"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for step in curve:
        table.add_row(
            *(number(value, 1) for value in (step.offered_s, step.served_s, step.throttled_s, step.shed_s)),
            *(number(value, 1) for value in (step.p50_ms, step.p99_ms)),
            f"{step.ok_share:.1%}",
            "carried" if step.cause is None else "not carried",
        )
    return table
