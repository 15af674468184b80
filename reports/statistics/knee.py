"""Finds the knee: the rate at which the typical latency begins to rise.

The knee is the rate at which the median latency reaches RISE times that of the lowest rate. A step proves that the knee
lies above its rate, or below it, only if its whole 95 % interval says so. So the knee lies between two steps, and it is
not named if no step proves one of the two sides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from reports.statistics.capacity_steps import StepFigures

__all__ = ["RISE", "Knee", "find_knee"]

RISE = 1.5
FEWEST_STEPS = 3


class Knee(BaseModel):
    """The knee, requests per second. `low` and `high`: it lies between them with 95 % or more at each end.

    All three are None if there is no knee or it cannot be named; `reason` says why, or how it was found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rate_s: float | None
    low: float | None
    high: float | None
    reason: str


@dataclass(frozen=True)
class _Rise:
    """A step's median latency as a multiple of the lowest step's, with the ends of its interval."""

    rate: float
    ratio: float
    low: float
    high: float


def find_knee(steps: Sequence[StepFigures]) -> Knee:
    """Return the knee of the steps, in any order. Steps without an interval of their median latency are ignored."""
    known = _rises(sorted(steps, key=lambda step: step.rate))
    if len(known) < FEWEST_STEPS:
        return _not_named(
            f"fewer than {FEWEST_STEPS} rates have enough successful requests for an interval of their latency"
        )
    above = [index for index, step in enumerate(known) if step.low > RISE]
    below = [index for index, step in enumerate(known) if step.high < RISE]
    if not above:
        doubt = "" if len(below) == len(known) else ", as far as its intervals tell"
        return _not_named(f"the median latency did not reach {RISE} times that of the lowest rate{doubt}")
    if not below or below[-1] > above[0]:
        why = "at no rate was it surely below" if not below else "it was below that at a higher rate again"
        return _not_named(f"the median latency reached {RISE} times that of the lowest rate, but {why}")
    last, first = known[below[-1]], known[above[0]]
    return Knee(
        rate_s=_crossing(known[below[-1] : above[0] + 1]),
        low=last.rate,
        high=first.rate,
        reason=f"the median latency is {last.ratio:.1f} times that of the lowest rate at {last.rate:,.1f} requests/s "
        f"and {first.ratio:.1f} times at {first.rate:,.1f}",
    )


def _not_named(reason: str) -> Knee:
    return Knee(rate_s=None, low=None, high=None, reason=reason)


def _rises(steps: Sequence[StepFigures]) -> list[_Rise]:
    """Return the steps' latencies as multiples of the first one's. Both intervals widen the ratio's, as errors add."""
    known = [
        (step.rate, step.p50_ms.value, math.log(step.p50_ms.high / step.p50_ms.value))
        for step in steps
        if step.p50_ms is not None and step.p50_ms.high is not None and step.p50_ms.value > 0
    ]
    if not known:
        return []
    (_, base, doubt), *_ = known
    found = []
    for index, (rate, value, own) in enumerate(known):
        wide = math.exp(math.hypot(doubt, own)) if index else 1.0
        found.append(_Rise(rate, value / base, value / base / wide, value / base * wide))
    return found


def _crossing(steps: Sequence[_Rise]) -> float:
    """Return where a line through the first and last step, on logarithmic axes, crosses RISE."""
    first, last = steps[0], steps[-1]
    part = math.log(RISE / first.ratio) / math.log(last.ratio / first.ratio)
    return first.rate * math.exp(part * math.log(last.rate / first.rate))
