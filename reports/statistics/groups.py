"""Compares two groups of runs: by a permutation test of each measure, with an interval and an effect size.

A run is one value of each measure, so only the differences between runs count as noise, and not those within a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from reports.loading.run import Run, load
from reports.statistics.comparison import MORE_IS_BETTER, Limit, differences, values_of_run
from reports.statistics.permutation import LEVEL, Values, cliffs_delta, difference_of, divisions, family_p
from reports.statistics.problems import find_problems
from tripcurve.errors import BadInput
from tripcurve.run.layout import LAB

__all__ = ["GroupComparison", "GroupVerdict", "Member", "compare_groups", "is_group", "paths_of", "read_groups"]

GroupVerdict = Literal[
    "same", "higher", "lower", "possibly higher", "possibly lower", "too few to tell", "only one group has it"
]


@dataclass(frozen=True)
class Member:
    """One run of a group. `values`: of the compared measures; None: not observed. `problem` None: the run counts.

    `unlike`: a clause for each difference in lab, scenario, target or version from the first base run, seeds apart.
    """

    folder: Path
    values: dict[str, float | None]
    problem: str | None
    unlike: list[str]


@dataclass(frozen=True, slots=True)
class GroupComparison:
    """One measure in two groups. `base` and `run`: means over the runs that observed it; None: no run did.

    `low` and `high`: the 95 % interval of run − base; None: too few runs. `p`: of the measure alone; `family_p`:
    corrected for the number of measures. `effect`: Cliff's delta. `limit`, `regressed`, `undecided`: see `Comparison`.
    """

    measure: str
    base: float | None
    run: float | None
    base_n: int
    run_n: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    family_p: float | None = None
    effect: float | None = None
    verdict: GroupVerdict = "too few to tell"
    limit: float | None = None
    regressed: bool | None = None
    undecided: bool = False


def is_group(path: Path) -> bool:
    """Return whether a path is a folder of runs, and no run itself."""
    return not (path / LAB).is_file() and bool(_runs_below(path))


def paths_of(given: Sequence[Path]) -> list[Path]:
    """Return the run directories in the given paths, each once: a run, or the runs directly below a folder."""
    found = [run for path in given for run in (_runs_below(path) if is_group(path) else [path])]
    return list({path.resolve(): path for path in found}.values())


def _runs_below(path: Path) -> list[Path]:
    return sorted(file.parent for file in path.glob(f"*/{LAB}") if not file.parent.is_symlink())


def read_groups(base: Sequence[Path], run: Sequence[Path]) -> tuple[list[Member], list[Member]]:
    """Read the runs of two groups, one after the other.

    Raises BadInput if a run is not readable or if no run of a group counts.
    """
    first = load(base[0])
    groups = [_member(path, first) for path in base], [_member(path, first) for path in run]
    for group in groups:
        if all(member.problem is not None for member in group):
            paths = ", ".join(str(member.folder) for member in group)
            raise BadInput(f"no run in {paths} is a valid measurement; `tripcurve report` says why")
    return groups


def _member(path: Path, first: Run) -> Member:
    run = load(path)
    problems = find_problems(run)
    unlike = differences(first, run, but=("seed",))
    return Member(path, values_of_run(run), problems[0].text if problems else None, unlike)


def compare_groups(base: Sequence[Member], run: Sequence[Member], limits: Sequence[Limit]) -> list[GroupComparison]:
    """Compare every measure that a run of either group observed, in a fixed order."""
    groups = [[member.values for member in group if member.problem is None] for group in (base, run)]
    names = list(groups[0][0])
    corrected = _family(groups, names)
    by_measure = {limit.measure: limit for limit in limits}
    found = [_compared(name, groups, corrected.get(name), len(names), by_measure.get(name)) for name in names]
    return [one for one in found if one.base_n or one.run_n or one.undecided]


def _family(groups: list[list[dict[str, float | None]]], names: list[str]) -> dict[str, float]:
    """Return the corrected p of each measure that every run observed."""
    runs = [values for group in groups for values in group]
    whole = [name for name in names if all(values[name] is not None for values in runs)]
    if not whole:
        return {}
    table = np.array([[values[name] for name in whole] for values in runs], dtype=np.float64)
    corrected = family_p(table, divisions(len(groups[0]), len(groups[1])))
    return dict(zip(whole, corrected.tolist(), strict=True))


def _compared(
    name: str,
    groups: list[list[dict[str, float | None]]],
    corrected: float | None,
    measures: int,
    limit: Limit | None,
) -> GroupComparison:
    base, run = (_observed(name, group) for group in groups)
    means = [float(values.mean()) if len(values) else None for values in (base, run)]
    if means[0] is None or means[1] is None:
        # A measure with a limit fails if the runs no longer have it.
        return GroupComparison(
            measure=name,
            base=means[0],
            run=means[1],
            base_n=len(base),
            run_n=len(run),
            verdict="only one group has it" if len(base) or len(run) else "too few to tell",
            regressed=None if limit is None else bool(len(base)),
            undecided=limit is not None and not len(base),
        )
    test = difference_of(base, run)
    # A measure that some runs lack is corrected by Bonferroni's rule.
    family = min(1.0, test.p * measures) if corrected is None else corrected
    allowed = None if limit is None else limit.allowed(means[0])
    return GroupComparison(
        measure=name,
        base=means[0],
        run=means[1],
        base_n=len(base),
        run_n=len(run),
        difference=test.difference,
        low=test.low,
        high=test.high,
        p=test.p,
        family_p=family,
        effect=cliffs_delta(base, run),
        verdict=_verdict(test.low, test.high, family),
        limit=allowed,
        regressed=None if allowed is None else _regressed(name, test.difference, test.low, test.high, allowed),
        undecided=limit is not None and test.low is None,
    )


def _observed(name: str, group: list[dict[str, float | None]]) -> Values:
    return np.array([value for values in group if (value := values[name]) is not None], dtype=np.float64)


def _verdict(low: float | None, high: float | None, family: float) -> GroupVerdict:
    if low is None or high is None:
        return "too few to tell"
    if low <= 0 <= high:
        return "same"
    if family <= LEVEL:
        return "higher" if low > 0 else "lower"
    return "possibly higher" if low > 0 else "possibly lower"


def _regressed(name: str, difference: float, low: float | None, high: float | None, allowed: float) -> bool:
    """Return whether a measure is worse by more than its limit and by more than noise. It was chosen beforehand."""
    if low is None or high is None:
        return False
    if name in MORE_IS_BETTER:
        return -difference > allowed and high < 0
    return difference > allowed and low > 0
