"""The search for the highest rate that a gateway carries: it doubles the rate, then bisects. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Bracket", "Trial", "bracket", "next_rate"]


class Trial(NamedTuple):
    """A rate that was tried, in requests per second, and whether it was carried."""

    rate: float
    carried: bool


class Bracket(NamedTuple):
    """The range that contains the limit: `low` was carried, `high` was not. None means no such trial yet."""

    low: float | None
    high: float | None


def bracket(trials: Sequence[Trial]) -> Bracket:
    """Return the lowest rate that was not carried, and the highest carried rate below it.

    Rates carried above a rate that was not carried are ignored as luck.
    """
    high = min((trial.rate for trial in trials if not trial.carried), default=None)
    carried = [trial.rate for trial in trials if trial.carried and (high is None or trial.rate < high)]
    return Bracket(max(carried, default=None), high)


def next_rate(
    trials: Sequence[Trial], *, start: float, highest: float, lowest: float = 1.0, tolerance: float = 0.1
) -> float | None:
    """Return the next rate to try; None once the range is within `tolerance` (a fraction) or outside the bounds.

    Raises ValueError for bounds that are not 0 < lowest ≤ start ≤ highest.
    """
    if not 0 < lowest <= start <= highest:
        raise ValueError(f"bounds must be 0 < {lowest} (lowest) ≤ {start} (start) ≤ {highest} (highest)")
    low, high = bracket(trials)
    if low is None and high is None:
        return start
    if high is None:
        assert low is not None  # noqa: S101  # for the type checker: there is at least one trial, so low or high is set
        return None if low >= highest else min(low * 2, highest)
    if low is None:
        return None if high <= lowest else max(high / 2, lowest)
    return None if high - low <= tolerance * low else math.sqrt(low * high)
