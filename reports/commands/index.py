"""`tripcurve report FOLDER --index`: a page that lists the runs in a folder, and one that shows how they changed.

The pages link to the runs' own reports by relative paths and need no network. Names and files in the folder may come
from somebody else: names are escaped, links are not followed, and a run that cannot be read is listed as broken.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from reports.commands.runs import HEADLINES
from reports.loading.history import Broken, History, by_lab, survey
from reports.render.drawing import svg_of
from reports.render.index import Changes, Group, measure_chart, render_index, render_trend
from reports.render.words import legible, number
from reports.statistics.repeats import INTERVALS, RepeatsSummary
from tripcurve.errors import BadInput, NotRecorded, reason_of
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import INDEX, INFO, LAB, REPORT, SUMMARY, TREND, has_records
from tripcurve.run.repeats import REPEATS, read_repeats
from tripcurve.run.writing import write_whole

__all__ = ["index_command"]

PROBES = "probes.json"
MOST_CHANGES = 20
"""The most labs and scenarios on the trend page: those with the newest runs."""
MOST_POINTS = 500
"""The most runs in a chart or a table of the trend page: the newest."""


def index_command(folder: Path, as_json: bool) -> int:
    """Write index.html and trend.html into a folder of runs, and return 0.

    Raises BadInput if it is no folder or holds nothing to list.
    """
    runs, broken = _checked(*survey(folder), folder)
    groups, damaged = _groups(folder)
    broken = sorted([*broken, *damaged], key=lambda one: one.folder.name)
    if not (runs or groups or broken):
        raise BadInput(f"{folder} holds no runs; give the folder that contains run directories, such as runs")
    labs = [(name, own) for name, own in by_lab(runs).items() if len(own) > 1]
    labs.sort(key=lambda each: each[1][-1].started, reverse=True)
    changes = [_changes(name, own[-MOST_POINTS:]) for name, own in labs[:MOST_CHANGES]]
    try:
        write_whole(folder / INDEX, render_index(folder.resolve().name, runs, groups, broken, changes))
        write_whole(folder / TREND, render_trend(folder.resolve().name, changes, len(labs) - len(changes)))
    except OSError as error:
        raise NotRecorded(f"cannot write the index into {folder}: {reason_of(error)}") from None
    _print(folder, runs, groups, broken, as_json)
    return 0


def _checked(runs: list[History], broken: list[Broken], folder: Path) -> tuple[list[History], list[Broken]]:
    """Move runs that are links, or whose run.json is damaged, to the broken ones, and add folders without a lab."""
    found, bad = [], [one for one in broken if not one.folder.is_symlink()]
    for run in runs:
        text = None if run.folder.is_symlink() else _fault(run.folder)
        if text is not None:
            bad.append(Broken(run.folder, f"{run.folder.name}: {text}"))
        elif not run.folder.is_symlink():
            found.append(run)
    for path in sorted(folder.iterdir()):
        if path.is_symlink() and path.is_dir():
            bad.append(Broken(path, f"{path.name} is a link, which is not followed"))
        elif path.is_dir() and not (path / LAB).exists() and _was_run(path):
            bad.append(Broken(path, f"{path.name} has no {LAB}, so it is not a whole run directory"))
    return found, bad


def _fault(folder: Path) -> str | None:
    """Return why the rest of a run with a readable summary cannot be trusted, or None if it can."""
    try:
        RunInfo.read(folder)
    except (BadInput, OSError, ValueError, RecursionError) as error:
        return str(error)
    return None


def _was_run(path: Path) -> bool:
    return any((path / name).exists() for name in (INFO, SUMMARY)) or has_records(path)


def _groups(folder: Path) -> tuple[list[Group], list[Broken]]:
    """Return the folders of repeated runs and of searches for the capacity, by name, and those that cannot be read."""
    found, broken = [], []
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
        page = (path / REPORT).is_file()
        if (path / REPEATS).is_file():
            try:
                repeats = read_repeats(path)
            except BadInput as error:
                broken.append(Broken(path, f"{path.name}: {error}"))
                continue
            runs = "1 run" if len(repeats.runs) == 1 else f"{len(repeats.runs)} runs"
            what = f"{repeats.lab}, {repeats.scenario}: {runs}, repeated{_interval(path / INTERVALS)}"
            found.append(Group(path.name, what, page))
        elif (path / PROBES).is_file():
            found.append(Group(path.name, "search for the capacity", page))
    return found, broken


def _interval(path: Path) -> str:
    """Return the first measure of repeated runs with its interval, for the list; empty if it is not known."""
    if not path.is_file():
        return ""
    try:
        one = RepeatsSummary.model_validate_json(path.read_bytes()).measures[0]
    except (OSError, ValueError, IndexError):
        return ""
    if one.median is None or one.low is None or one.high is None:
        return ""
    return f"; {one.measure} {number(one.median)}, 95 % interval {number(one.low)} … {number(one.high)}"


def _changes(name: str, runs: list[History]) -> Changes:
    """Draw each headline measure that two or more of a lab's runs observed."""
    charts = {}
    for measure in HEADLINES:
        values = [value for run in runs if (value := run.measure(measure)) is not None]
        if len(values) > 1:
            charts[measure] = svg_of(measure_chart(values, measure))
    return Changes(name, runs, charts)


def _print(folder: Path, runs: list[History], groups: list[Group], broken: list[Broken], as_json: bool) -> None:
    pages = {"index": str(folder / INDEX), "trend": str(folder / TREND)}
    if as_json:
        listed = {"runs": len(runs), "groups": len(groups), "broken": [one.text for one in broken]}
        json.dump(pages | listed, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    console = Console()
    for one in broken:
        console.print(f"[yellow]note:[/yellow] {escape(legible(one.text))}", highlight=False)
    console.print(f"{len(runs)} runs, {len(groups)} groups of runs, {len(broken)} broken", highlight=False)
    for name, page in pages.items():
        console.print(f"{name}: {escape(legible(page))}", highlight=False, soft_wrap=True)
