"""Permutation tests of two groups of runs: whether they differ by more than luck.

If the two groups were alike, every division of all runs into groups of these sizes would be equally likely. The test
counts the divisions whose difference of means is at least the observed one. It is exact for any distribution. Its
interval contains every shift of the second group that the test would not reject.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

__all__ = ["LEVEL", "Difference", "cliffs_delta", "difference_of", "divisions", "family_p"]

LEVEL = 0.05
MOST_DIVISIONS = 20_000
MOST_CELLS = 20_000_000
SEED = 20251

Values = npt.NDArray[np.float64]
Members = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two groups' means, second − first. `p`: of the two-sided test.

    `low` and `high`: the 95 % interval of the difference; None: the groups are too small for any result below LEVEL.
    """

    difference: float
    p: float
    low: float | None
    high: float | None


def divisions(n: int, m: int) -> Members:
    """Return who is in the second group, a row for each division of n + m runs, shape (divisions, n + m).

    The first row is the observed division: the last m runs. All divisions if there are at most MOST_DIVISIONS, else
    that many, drawn at random with a fixed seed.
    """
    total = n + m
    observed = np.arange(total) >= n
    if comb(total, m) <= MOST_DIVISIONS:
        members = np.zeros((comb(total, m), total), bool)
        for row, chosen in enumerate(combinations(range(total - 1, -1, -1), m)):
            members[row, list(chosen)] = True
        return members
    rows = min(MOST_DIVISIONS, MOST_CELLS // total)
    drawn = np.random.default_rng(SEED).permuted(np.tile(observed, (rows, 1)), axis=1)
    return np.concatenate([observed[None, :], drawn])


def difference_of(base: Values, run: Values, members: Members | None = None) -> Difference:
    """Test two groups of at least one value each. `members`: `divisions` of their sizes, if they were made before."""
    n, m = len(base), len(run)
    members = divisions(n, m) if members is None else members
    pooled = np.concatenate([base, run])
    differences = _differences(pooled, members)
    observed = float(run.mean() - base.mean())
    # Shifting the second group by δ changes the observed difference by δ and another division's by less, so each
    # other division becomes as extreme as the observed one at a shift of its own.
    kept = members[:, n:].sum(axis=1)
    other = kept < m
    gain = (m - kept[other]) * (1 / m + 1 / n)
    shifts = np.sort(_exact(observed - differences[other], pooled) / gain)
    total = len(members)
    above, below = 1 + int((shifts <= 0).sum()), 1 + int((shifts >= 0).sum())
    alike = total - len(shifts) - 1  # drawn again by chance, as extreme as the observed one
    p = min(1.0, 2 * (min(above, below) + alike) / total)
    rank = int(LEVEL / 2 * total) - alike
    low, high = (float(shifts[rank - 1]), float(shifts[-rank])) if rank >= 1 else (None, None)
    return Difference(observed, p, low, high)


def _differences(values: Values, members: Members) -> Values:
    """Return each division's difference of means, second − first, shape (divisions,)."""
    m = int(members[0].sum())
    n = members.shape[1] - m
    inside = members @ values
    found: Values = inside / m - (values.sum() - inside) / n
    return found


def _exact(differences: Values, values: Values) -> Values:
    """Return differences with rounding errors made 0, so that ties count as ties."""
    return np.where(np.abs(differences) <= 1e-12 * np.abs(values).max(initial=0.0), 0.0, differences)


def family_p(table: Values, members: Members) -> Values:
    """Return the p value of each measure, corrected for the number of measures ([WESTFALL93]: the largest statistic).

    `table`: a row for each run and a column for each measure, the first group's runs first. A corrected p of 5 % means
    that groups that are alike show any such difference, in any of the measures, in 5 of 100 comparisons.
    """
    spread = table.std(axis=0)
    scaled = np.divide(table - table.mean(axis=0), spread, out=np.zeros_like(table), where=spread > 0)
    sizes = np.abs(np.column_stack([_differences(column, members) for column in scaled.T]))
    largest = sizes.max(axis=1)
    return np.array([float((largest >= size - 1e-9).mean()) for size in sizes[0]])


def cliffs_delta(base: Values, run: Values) -> float:
    """Return the effect size: how much more often a value of `run` is above one of `base` than below it, −1 to 1."""
    return float(np.sign(run[:, None] - base[None, :]).mean())
