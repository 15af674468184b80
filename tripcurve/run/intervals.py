"""Intervals for the median of repeated measurements: pure functions of their values.

The interval is made of order statistics, which holds for every distribution: an outage over runs is often two or three
values apart by a second, for which an interval of the mean would be wrong. Fewer than six values have no such interval
of 95 %. Then it is the smallest one that contains both their range and Student's t interval (97.5 %) of their mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev

__all__ = ["CONFIDENCE", "FEWEST_RANKED", "Interval", "interval_of"]

CONFIDENCE = 0.95
FEWEST_RANKED = 6
"""The fewest values whose smallest and largest contain the median with CONFIDENCE."""
STUDENT_T = {2: 25.452, 3: 6.205, 4: 4.177, 5: 3.495}
"""The 98.75 % quantile of Student's t distribution, by the number of values: for an interval of 97.5 %.

The interval of 95 % contains the median of few evenly spread values in 91 to 94 of 100 only.
"""


@dataclass(frozen=True, slots=True)
class Interval:
    """The median of `n` values, and the interval that contains the true median with a probability of 95 % or more.

    `median` None: there is no value. `low` and `high` None: there are fewer than two.
    """

    n: int
    median: float | None
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """The larger distance of the two ends from the median, or None if there is no interval."""
        if self.median is None or self.low is None or self.high is None:
            return None
        return max(self.high - self.median, self.median - self.low)


def interval_of(values: Sequence[float]) -> Interval:
    """Return the median of independent values with its interval."""
    ordered, n = sorted(values), len(values)
    if n < 2:
        return Interval(n, ordered[0] if ordered else None, None, None)
    rank = _rank(n)
    if rank:
        return Interval(n, median(ordered), ordered[rank - 1], ordered[n - rank])
    middle, reach = mean(ordered), STUDENT_T[n] * stdev(ordered) / math.sqrt(n)
    return Interval(n, median(ordered), min(ordered[0], middle - reach), max(ordered[-1], middle + reach))


def _rank(n: int) -> int:
    """Return the largest rank r so that the r-th smallest and r-th largest value enclose the median with CONFIDENCE.

    0: even the smallest and the largest do not. The number of values below the median has a binomial distribution.
    """
    below, rank, tail = 0, 0, round(2 / (1 - CONFIDENCE))  # at most one in `tail` may lie outside each end
    while (below := below + math.comb(n, rank)) * tail <= 2**n:
        rank += 1
    return rank
