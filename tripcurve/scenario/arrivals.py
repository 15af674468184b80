"""The instants at which the requests of an open-loop phase are due."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from tripcurve.scenario import Phase, Ramp

__all__ = ["arrival_times"]


def arrival_times(phase: Phase, rng: random.Random | None = None) -> Iterator[float]:
    """Yield the seconds into the phase at which its requests are due, in order; nothing in closed loop.

    With `rng` None they are evenly spread at the phase's rate, the first at its start; with a generator they are a
    Poisson process of that rate.
    """
    if phase.rate is None:
        return
    first, last = _ends(phase.rate)
    slope = (last - first) / phase.duration_s
    due = 0.0 if rng is None else rng.expovariate(1.0)
    while due < (first + last) / 2 * phase.duration_s:
        yield _instant(due, first, slope)
        due += 1.0 if rng is None else rng.expovariate(1.0)


def _ends(rate: float | Ramp) -> tuple[float, float]:
    return (rate.start, rate.end) if isinstance(rate, Ramp) else (rate, rate)


def _instant(due: float, first: float, slope: float) -> float:
    """Return the seconds after which `due` requests are due at the rate `first + slope * t`.

    This form of the root stays exact for small slopes.
    """
    if due == 0:
        return 0.0
    return 2 * due / (first + math.sqrt(max(first * first + 2 * slope * due, 0.0)))
