"""`tripcurve curve`: the trip curve of a lab's rule in virtual time, with measured points."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import vl_convert
from pydantic import JsonValue

from simulator.commands.tune_output import rule_text
from simulator.curve_chart import curve_chart
from simulator.engines import Engine, Local
from simulator.fast.limits import refuse_other_rules
from simulator.live_points import LivePoint, measure, points_of_run
from simulator.page import Figure, Row, Table, render_page, svg_of
from simulator.trip_times import CurvePoint, Overload, curve_points, overload_of, rule_of
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab
from tripcurve.lab.rule import BreakerRule
from tripcurve.run.layout import make_run_dir

__all__ = ["Curve", "CurveOptions", "curve_command", "draw_curve", "write_curve"]

SHARES = 24
_LONGEST_LIVE_S = 600.0
_INK = "#1a1a1a"


@dataclass(frozen=True)
class CurveOptions:
    """The options of the command. `rates`: requests per second. `count` None: the lab's own.

    `retry_after`: set the rule's accept_retry_after. `seeds`: simulations for each point. `measure`: the number of
    points to measure on the local cloud. `runs`: recorded runs whose trips are drawn too. `engine`: where the points
    are computed; None: on all cores.
    """

    rates: tuple[float, ...] = (2.0, 20.0, 200.0)
    count: int | None = None
    retry_after: bool = False
    seeds: int = 100
    measure: int = 0
    runs: tuple[Path, ...] = ()
    engine: Engine | None = None


@dataclass(frozen=True)
class Curve:
    """A trip curve and the measured trips."""

    lab: Lab
    rule: BreakerRule
    points: list[CurvePoint]
    live: list[LivePoint]


def curve_command(lab_name: str, options: CurveOptions, out: Path | None, as_json: bool) -> None:
    """Draw the curve, write it into a folder, and print it. Raises BadInput."""
    if options.measure and (options.count is not None or options.retry_after):
        raise BadInput("--measure runs the lab as it is; leave out --count and --retry-after")
    lab = _lab(lab_name, options)
    if out is not None and out.is_file():
        raise BadInput(f"--out {out} is a file; give a folder")
    folder = make_run_dir(out, lab.name, "curve")
    curve = draw_curve(lab, options, lab_name, folder)
    files = write_curve(curve, folder)
    if as_json:
        sys.stdout.write(json.dumps(_content(curve) | {"files": [str(path) for path in files]}) + "\n")
        return
    for line in _paragraphs(curve):
        sys.stdout.write(line + "\n")
    for path in files:
        sys.stdout.write(f"wrote {path}\n")


def draw_curve(lab: Lab, options: CurveOptions, lab_name: str, folder: Path) -> Curve:
    """Return the curve of a lab, with the live points that were asked for, whose runs are below `folder`.

    Raises BadInput for a rule or rate without a curve, and for a run that cannot be read or made.
    """
    points = curve_points(lab, options.rates, SHARES, range(options.seeds), options.engine or Local())
    live = [point for run in options.runs for point in points_of_run(run)]
    if options.measure:
        live += measure(lab_name, lab, _overloads(lab, options, points), folder)
    return Curve(lab, rule_of(lab), points, live)


def _lab(name: str, options: CurveOptions) -> Lab:
    lab = load_lab(name)
    refuse_other_rules(lab)
    rule = rule_of(lab)
    changes: dict[str, object] = {"accept_retry_after": rule.accept_retry_after or options.retry_after}
    if options.count is not None:
        if not 1 <= options.count <= 10_000:
            raise BadInput(f"--count must be 1 to 10,000, not {options.count}")
        changes |= {"count": options.count, "percentage": None}
    backend = lab.backends[0].model_copy(update={"breaker": rule.model_copy(update=changes)})
    return lab.model_copy(update={"backends": (backend,)})


def _overloads(lab: Lab, options: CurveOptions, points: Sequence[CurvePoint]) -> list[tuple[Overload, float]]:
    """Return the overloads to run live, with their seconds: at the middle rate, over shares that trip soon enough."""
    rate = sorted(options.rates)[len(options.rates) // 2]
    soon = [p for p in points if p.rate == rate and p.high is not None and p.high < _LONGEST_LIVE_S]
    if not soon:
        raise BadInput(f"--measure: at {rate:g} requests a second no trip comes within {_LONGEST_LIVE_S:g} s")
    places = [round(i * (len(soon) - 1) / max(options.measure - 1, 1)) for i in range(options.measure)]
    chosen = [soon[place] for place in places]
    rule = rule_of(lab)
    return [(overload_of(rule, rate, one.share), max(2.0, 1.5 * (one.high or 0.0))) for one in chosen]


def write_curve(curve: Curve, folder: Path) -> list[Path]:
    """Write curve.json and, if the rule can trip, curve.svg, curve.png and curve.html; return their paths.

    Raises BadInput if the folder cannot be written.
    """
    files: dict[str, bytes] = {"curve.json": (json.dumps(_content(curve), indent=1) + "\n").encode()}
    if curve.points:
        title = f"Trip curve: {rule_text(curve.rule)}"
        chart = curve_chart(title, curve.points, curve.live)
        files["curve.svg"] = str(svg_of(chart, _INK)).encode()
        files["curve.png"] = vl_convert.svg_to_png(_on_white(str(svg_of(chart, _INK))), scale=1.5)
        page = render_page(
            title, _paragraphs(curve), figures=[Figure(svg_of(chart), _caption(curve))], tables=_tables(curve)
        )
        files["curve.html"] = page.encode()
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise BadInput(f"--out {folder} cannot be written: {error.strerror}") from None
    return [folder / name for name in files]


def _on_white(svg: str) -> str:
    """Return the SVG with a white background, because an image viewer may have a dark one."""
    begin = svg.index(">", svg.index("<svg")) + 1
    return f'{svg[:begin]}<rect width="100%" height="100%" fill="#ffffff"/>{svg[begin:]}'


def _content(curve: Curve) -> dict[str, JsonValue]:
    return {
        "lab": curve.lab.name,
        "rule": curve.rule.model_dump(mode="json", exclude_none=True),
        "points": [asdict(point) for point in curve.points],
        "measured": [asdict(point) for point in curve.live],
    }


def _caption(curve: Curve) -> str:
    said = "The band holds nine in ten seeds, the line is their median."
    if any(point.expected_s is not None for point in curve.points):
        said += " Dashed: the mean by the closed form, where it holds."
    return said + (" Diamonds were measured live." if curve.live else "")


def _paragraphs(curve: Curve) -> list[str]:
    if not curve.points:
        return [f"At these rates the rule ({rule_text(curve.rule)}) cannot trip: its interval holds too few requests."]
    seeds = curve.points[0].seeds
    said = [
        f"Lab {curve.lab.name}, rule {rule_text(curve.rule)}: the time from the onset of an overload to the trip, "
        f"in {seeds} simulated runs for each share of failures."
    ]
    for rate in dict.fromkeys(point.rate for point in curve.points):
        of_rate = [point for point in curve.points if point.rate == rate]
        said.append(
            f"At {rate:g} requests a second: {_said(of_rate[-1])} when every answer fails, {_said(of_rate[0])} "
            f"at {_percent(of_rate[0].share)}."
        )
    return said


def _said(point: CurvePoint) -> str:
    return f"no trip within {point.limit_s:g} s" if point.median is None else f"{_figures(point.median)} s"


def _figures(value: float | None) -> str:
    return "–" if value is None else f"{value:,.{max(0, 2 - math.floor(math.log10(max(value, 1e-4))))}f}"


def _tables(curve: Curve) -> list[Table]:
    rows = [_row(point) for point in curve.points]
    columns = ("requests/s", "failures", "5 % trip by, s", "median, s", "95 % trip by, s", "closed form, s", "tripped")
    tables = [Table("Times to trip", columns, rows)]
    if curve.live:
        measured = [
            Row((f"{p.rate:g}", _percent(p.share), _figures(p.time_s), _figures(p.half_width_s), p.run))
            for p in curve.live
        ]
        tables.append(Table("Measured", ("requests/s", "failures", "time to trip, s", "±, s", "run"), measured))
    return tables


def _row(point: CurvePoint) -> Row:
    times = (_figures(value) for value in (point.low, point.median, point.high, point.expected_s))
    tripped = f"{point.tripped} of {point.seeds}"
    return Row((f"{point.rate:g}", _percent(point.share), *times, tripped))


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
