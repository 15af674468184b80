"""`tripcurve compare BASE RUN`: two runs, or two groups of runs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.loading.run import load
from reports.render.words import legible
from reports.statistics.comparison import Comparison, compare, differences, parse_limit
from reports.statistics.groups import GroupComparison, Member, compare_groups, paths_of, read_groups
from tripcurve.errors import BadInput

__all__ = ["compare_command", "compare_groups_command"]


def compare_command(
    base: Path, run: Path, limits: list[str], as_json: bool, *, anyway: bool = False, allow_undecided: bool = False
) -> int:
    """Print the comparison and return the exit code.

    It is 1 if a measure is worse than its limit and than noise allow, or if a limit cannot be judged and
    `allow_undecided` is not set; else 0. Raises BadInput if a folder has no readable run, if a limit is not valid, or
    if the runs have different labs, scenarios, targets or versions and `anyway` is not set.
    """
    parsed = [parse_limit(text) for text in limits]
    runs = load(base), load(run)
    unlike = differences(*runs)
    if unlike and not anyway:
        raise BadInput(
            f"{base} and {run} are not runs of the same thing: {'; '.join(unlike)}. Compare them with --anyway"
        )
    found = compare(*runs, parsed)
    regressed = any(one.regressed for one in found)
    undecided = [one.measure for one in found if one.undecided]
    failed = regressed or bool(undecided and not allow_undecided)
    if as_json:
        content = {
            "base": str(base),
            "run": str(run),
            "differences": unlike,
            "regressed": regressed,
            "undecided": undecided,
        }
        json.dump(content | {"measures": [asdict(one) for one in found]}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _print(found, unlike, Console())
        if undecided:
            print(f"limits that cannot be judged: {', '.join(undecided)}" + ("" if allow_undecided else " (FAILED)"))
    return 1 if failed else 0


def _print(found: list[Comparison], unlike: list[str], console: Console) -> None:
    for clause in unlike:
        console.print(f"[yellow]note:[/yellow] the runs differ: {escape(legible(clause))}", highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("measure", no_wrap=True)
    for heading in ("base", "run", "run − base, 95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for one in found:
        spread = "–" if one.low is None else f"{one.low:+.3g} … {one.high:+.3g}"
        verdict = one.verdict if not one.regressed else f"[bold red]{one.verdict}: REGRESSED[/bold red]"
        table.add_row(one.measure, _number(one.base), _number(one.run), spread, verdict)
    console.print(table)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3f}"


def compare_groups_command(
    base: list[Path], run: list[Path], limits: list[str], as_json: bool, *, anyway: bool, allow_undecided: bool
) -> int:
    """Print the comparison of two groups of runs and return the exit code, as `compare_command` does.

    `base` and `run`: run directories and folders of them. Raises BadInput as `compare_command` does, and if a group has
    no run that counts or both have the same run.
    """
    parsed = [parse_limit(text) for text in limits]
    sides = paths_of(base), paths_of(run)
    twice = {path.resolve() for path in sides[0]} & {path.resolve() for path in sides[1]}
    if twice:
        raise BadInput(f"{sorted(twice)[0]} is in both groups; a run can be on one side only")
    groups = read_groups(*sides)
    unlike = sorted({clause for group in groups for member in group for clause in member.unlike})
    if unlike and not anyway:
        raise BadInput(f"the runs are not all of the same thing: {'; '.join(unlike)}. Compare them with --anyway")
    found = compare_groups(*groups, parsed)
    regressed = any(one.regressed for one in found)
    undecided = [one.measure for one in found if one.undecided]
    if as_json:
        content = {
            "base": [str(member.folder) for member in groups[0]],
            "run": [str(member.folder) for member in groups[1]],
            "excluded": {str(one.folder): one.problem for group in groups for one in group if one.problem},
            "differences": unlike,
            "regressed": regressed,
            "undecided": undecided,
        }
        json.dump(content | {"measures": [asdict(one) for one in found]}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _print_groups(found, groups, unlike, Console())
        if undecided:
            print(f"limits that cannot be judged: {', '.join(undecided)}" + ("" if allow_undecided else " (FAILED)"))
    return 1 if regressed or (undecided and not allow_undecided) else 0


def _print_groups(
    found: list[GroupComparison], groups: tuple[list[Member], list[Member]], unlike: list[str], console: Console
) -> None:
    for clause in unlike:
        console.print(f"[yellow]note:[/yellow] the runs differ: {escape(legible(clause))}", highlight=False)
    for member in (each for group in groups for each in group if each.problem is not None):
        text = f"{member.folder} does not count: {member.problem}"
        console.print(f"[yellow]note:[/yellow] {escape(legible(text))}", highlight=False)
    counted = [sum(member.problem is None for member in group) for group in groups]
    console.print(f"{counted[0]} base runs, {counted[1]} runs; means over the runs", highlight=False)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("measure", no_wrap=True)
    for heading in ("base", "run", "run − base, 95 %", "effect"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for one in found:
        spread = "–" if one.low is None else f"{one.low:+.3g} … {one.high:+.3g}"
        effect = "–" if one.effect is None else f"{one.effect:+.2f}"
        verdict = one.verdict if not one.regressed else f"[bold red]{one.verdict}: REGRESSED[/bold red]"
        table.add_row(one.measure, _number(one.base), _number(one.run), spread, effect, verdict)
    console.print(table)
    console.print(
        "95 %: shifts that a permutation test does not reject. Effect: how much more often a run is above a base run "
        "than below it, −1 to 1. A verdict is corrected for the number of measures; `possibly` holds only for a "
        "measure that you chose before.",
        highlight=False,
    )
