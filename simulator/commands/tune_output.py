"""Shows the result of `tripcurve tune`: in the terminal, as a page, and as a lab file with the advised rule."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from statistics import fmean

import altair as alt
import pandas as pd
import yaml
from rich.console import Console
from rich.table import Table as TerminalTable

from simulator.commands.tune import Tuned, to_json
from simulator.frontier import kept_off
from simulator.incidents import KINDS, incident
from simulator.page import Block, Figure, Row, Table, render_page, svg_of
from simulator.trials import Estimate, Trial, estimate, with_rule
from tripcurve.documents import write_yaml
from tripcurve.durations import format_iso
from tripcurve.errors import BadInput
from tripcurve.lab.rule import BreakerRule

__all__ = ["LAB", "PAGE", "print_tuned", "rule_text", "rule_yaml", "show_tuned", "write_tuned"]

PAGE, LAB = "tune.html", "lab.yaml"
COLOURS = ["#D55E00", "#0072B2", "#009E73", "#8c8c8c"]
SHAPES = ["diamond", "square", "circle", "circle"]
COLUMNS = ("rule", "clients' outage, s", "load kept off, %", "false trips a day")


def rule_text(rule: BreakerRule) -> str:
    """Return a rule in a few words, such as `3 in PT5M, open PT1M`."""
    condition = f"{rule.count}" if rule.count is not None else f"{rule.percentage} %"
    heed = ", or Retry-After" if rule.accept_retry_after else ""
    return f"{condition} in {format_iso(rule.interval)}, open {format_iso(rule.trip_duration)}{heed}"


def rule_yaml(rule: BreakerRule) -> str:
    """Return a rule as YAML for a lab file."""
    content = {"breaker": rule.model_dump(mode="json", exclude_none=True)}
    return yaml.safe_dump(content, sort_keys=False)


def show_tuned(tuned: Tuned, out: Path | None, as_json: bool) -> None:
    """Write the files into `out`, if given, and print the result on stdout. Raises BadInput for a bad folder."""
    files = [] if out is None else write_tuned(tuned, out)
    if as_json:
        sys.stdout.write(json.dumps(to_json(tuned) | {"files": [str(path) for path in files]}) + "\n")
        return
    print_tuned(tuned)
    for path in files:
        sys.stdout.write(f"wrote {path}\n")


def print_tuned(tuned: Tuned) -> None:
    """Print the frontier with the lab's own rule, and the advised rule as YAML."""
    console = Console(width=min(Console().width, 100))
    for line in _paragraphs(tuned):
        console.print(line, highlight=False, markup=False)
    table = TerminalTable(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if index == 0 else "right", no_wrap=True)
    for row in _rows(tuned):
        table.add_row(*row.cells, style="bold" if row.mark == "chosen" else "")
    console.print(table)
    if tuned.advised is not None and tuned.advised.rule is not None:
        console.print(rule_yaml(tuned.advised.rule), highlight=False, markup=False, end="")


def write_tuned(tuned: Tuned, folder: Path) -> list[Path]:
    """Write the page, each incident as a scenario and, if a rule is advised, the lab with it; return their paths.

    The incident `quota` is not written: it needs a limit in the lab. Raises BadInput if the folder cannot be written.
    """
    files = {PAGE: _page(tuned)}
    if tuned.advised is not None:
        files[LAB] = write_yaml(with_rule(tuned.lab, tuned.advised.rule))
    plan = tuned.plan
    for kind in plan.weights:
        if kind != "quota":
            times = {"rate": plan.rate, "during_s": plan.during_s, "after_s": plan.after_s}
            files[f"{kind}.yaml"] = write_yaml(incident(kind, tuned.lab, **times, retries=plan.retries))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise BadInput(f"--out {folder} cannot be written: {error.strerror}") from None
    return [folder / name for name in files]


def _paragraphs(tuned: Tuned) -> list[str]:
    plan, incidents = tuned.plan, ", ".join(f"{name} × {weight:g}" for name, weight in tuned.plan.weights.items())
    without = estimate(tuned.without.outage_s).mean
    said = [
        f"{len(tuned.trials)} rules were tried on lab {tuned.lab.name} in incidents of {plan.during_s:g} s at "
        f"{plan.rate:g} requests a second ({incidents}), {len(plan.seeds)} times each. Without a breaker clients "
        f"lose {without:.1f} s of service.",
        f"A healthy backend was taken to fail {plan.healthy_share:.2%} of its answers. The demands: keep off at least "
        f"{tuned.least_kept_off:.0%} of the sick backend's load, and trip falsely at most {tuned.most_false_trips:g} × "
        f"a day. "
        f"{len(tuned.best)} of the rules are not dominated: no other is better by more than noise and nowhere worse.",
    ]
    if tuned.advised is None:
        said.append("No rule fulfils the demands; the lab's own rule is marked *.")
    elif tuned.advised is tuned.own:
        said.append(
            "The lab's own rule is the one to keep: among those that fulfil the demands it costs clients least."
        )
    elif tuned.advised.rule is not None:
        own = tuned.own.false_trips_a_day
        said.append(
            f"Advised: {rule_text(tuned.advised.rule)}. Of the rules that fulfil the demands it costs clients least: "
            f"{_around(estimate(tuned.advised.outage_s))} s. The lab's own rule, marked *, costs "
            f"{_around(estimate(tuned.own.outage_s))} s and trips falsely {_figures(own.mean)} times a day."
        )
    return said


def _rows(tuned: Tuned) -> list[Row]:
    shown = list(tuned.best)
    if tuned.own not in shown:
        shown.append(tuned.own)
    return [_row(tuned, trial) for trial in shown]


def _row(tuned: Tuned, trial: Trial) -> Row:
    rule = "no breaker" if trial.rule is None else rule_text(trial.rule)
    mark = "chosen" if trial is tuned.advised else "own" if trial is tuned.own else None
    if trial is tuned.own:
        rule += " *"
    cells = (
        rule,
        _around(estimate(trial.outage_s)),
        _around(kept_off(trial, tuned.without), 100),
        _between(trial.false_trips_a_day),
    )
    return Row(cells, mark)


def _around(value: Estimate, scale: float = 1.0) -> str:
    """Return a mean and half its interval: `8.57 ± 0.67`."""
    return f"{_figures(value.mean * scale)} ± {_figures((value.high - value.low) / 2 * scale)}"


def _between(value: Estimate) -> str:
    """Return a mean and its interval, which is not symmetric: `12.9 (11.7–14.3)`."""
    return f"{_figures(value.mean)} ({_figures(value.low)}–{_figures(value.high)})"


def _figures(value: float) -> str:
    digits = max(0, 2 - math.floor(math.log10(max(abs(value), 0.1))))
    return f"{value:,.{min(digits, 2)}f}"


def _page(tuned: Tuned) -> str:
    caption = (
        "Each point is a rule: further left, clients lose less; further up, the sick backend is spared more. "
        "Bars are 95 % intervals; another rule dominates each grey point."
    )
    blocks = []
    if tuned.advised is not None and tuned.advised.rule is not None:
        blocks.append(Block("The advised rule, for the lab file", rule_yaml(tuned.advised.rule)))
    incidents = Table(
        "The incidents",
        ("incident", "effect"),
        [Row((name, KINDS[name])) for name in tuned.plan.weights],
        prose=True,
    )
    tried = Table("All rules that were tried", COLUMNS, [_row(tuned, trial) for trial in tuned.trials])
    return render_page(
        f"Breaker rules for {tuned.lab.name}",
        _paragraphs(tuned),
        figures=[Figure(svg_of(_chart(tuned)), caption)],
        tables=[Table("Rules that no other dominates", COLUMNS, _rows(tuned)), incidents, tried],
        blocks=blocks,
    )


def _chart(tuned: Tuned) -> alt.LayerChart | alt.FacetChart:
    kinds = _kinds(tuned)
    points = pd.DataFrame([_point(tuned, trial, kinds) for trial in tuned.trials])
    # Many rules lie on one another: those that matter most are drawn last.
    points = points.sort_values("kind", key=lambda column: -column.map(kinds.index), kind="stable")
    x = alt.X("outage:Q", title="clients' outage, s").scale(zero=False)
    y = alt.Y("kept:Q", title="load kept off the sick backend, %").scale(zero=False)
    legend = alt.Legend(orient="bottom", columns=2, labelLimit=400, symbolOpacity=1)
    kind = alt.Color("kind:N", title=None, sort=kinds, legend=legend).scale(domain=kinds, range=COLOURS)
    shape = alt.Shape("kind:N", title=None, sort=kinds, legend=legend).scale(domain=kinds, range=SHAPES)
    base = alt.Chart(points)
    across = base.mark_rule(opacity=0.4).encode(x=alt.X("outage_low:Q"), x2="outage_high:Q", y=y, color=kind)
    up = base.mark_rule(opacity=0.4).encode(x=x, y=alt.Y("kept_low:Q"), y2="kept_high:Q", color=kind)
    marks = base.mark_point(filled=True, size=90, opacity=1).encode(x=x, y=y, color=kind, shape=shape)
    return alt.layer(across, up, marks).properties(width=680, height=400)


def _kinds(tuned: Tuned) -> list[str]:
    """Return the legend's entries, in the order of COLOURS. The first two name their rules."""
    advised = "no rule is advised" if tuned.advised is None else f"advised: {_rule_of(tuned.advised)}"
    return [advised, f"the lab's own: {_rule_of(tuned.own)}", "not dominated", "dominated"]


def _rule_of(trial: Trial) -> str:
    return "no breaker" if trial.rule is None else rule_text(trial.rule)


def _point(tuned: Tuned, trial: Trial, kinds: list[str]) -> dict[str, object]:
    outage, kept = estimate(trial.outage_s), kept_off(trial, tuned.without)
    place = 2 if trial in tuned.best else 3
    if trial is tuned.own:
        place = 1
    if trial is tuned.advised:
        place = 0
    return {
        "kind": kinds[place],
        "outage": fmean(trial.outage_s),
        "outage_low": outage.low,
        "outage_high": outage.high,
        "kept": kept.mean * 100,
        "kept_low": kept.low * 100,
        "kept_high": kept.high * 100,
    }
