"""The search for the highest rate that is carried: doubling, then halving the gap. Pure."""

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
    """The range that the trials leave open: `low` was carried and `high` was not. None: there is no such trial."""

    low: float | None
    high: float | None


def bracket(trials: Sequence[Trial]) -> Bracket:
    """Return the lowest rate that was not carried, and the highest below it that was.

    A rate carried above one that was not is luck, and does not count.
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
        assert low is not None  # noqa: S101  # one of the two is there
        return None if low >= highest else min(low * 2, highest)
    if low is None:
        return None if high <= lowest else max(high / 2, lowest)
    return None if high - low <= tolerance * low else math.sqrt(low * high)
