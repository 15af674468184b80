"""Estimates the figures of one step of load, each with the interval that contains its true value with 95 %.

Requests of one step depend on one another, because a queue makes neighbours slow together. So rates and typical
latencies are estimated from batches of consecutive requests, which depend on one another much less (the method of batch
means).
"""

from __future__ import annotations

import math

import numpy as np
from pydantic import BaseModel, ConfigDict

from reports.loading.traffic import Floats
from reports.statistics.shares import wilson

__all__ = ["FEWEST_BATCHES", "Estimate", "estimate_of_batches", "estimate_of_quantile", "estimate_of_share"]

Z = 1.959964
FEWEST_BATCHES = 4
"""With fewer batches an interval is too uncertain itself to be given."""


class Estimate(BaseModel):
    """A value and the ends of its 95 % interval. An end is None where the data are too few for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    low: float | None = None
    high: float | None = None


def estimate_of_batches(value: float, batches: Floats, *, ratio: bool = False) -> Estimate:
    """Return a value with Student's interval around it, from the same figure of each batch, shape (n,).

    `ratio`: batches are compared by their ratios, as latencies are. Batches that are NaN are left out.
    """
    known = batches[np.isfinite(batches) & ((batches > 0) | (not ratio))]
    if len(known) < FEWEST_BATCHES or (ratio and value <= 0):
        return Estimate(value=value)
    scaled = np.log(known) if ratio else known
    half = _student(len(known) - 1) * float(scaled.std(ddof=1)) / math.sqrt(len(known))
    if ratio:
        return Estimate(value=value, low=value * math.exp(-half), high=value * math.exp(half))
    return Estimate(value=value, low=max(0.0, value - half), high=value + half)


def estimate_of_share(part: int, whole: int) -> Estimate:
    """Return a share of at least one request with its interval (Wilson's score)."""
    low, high = wilson(part, whole)
    share = part / whole
    return Estimate(value=share, low=max(0.0, min(share, low)), high=min(1.0, max(share, high)))


def estimate_of_quantile(values: Floats, share: float) -> Estimate:
    """Return a quantile of at least one value, with the order statistics that enclose the true one with 95 %.

    An end is None where even the sample's last value is not far enough out.
    """
    ranked, n = np.sort(values), len(values)
    spread = Z * math.sqrt(n * share * (1 - share))
    low, high = math.floor(n * share - spread) - 1, math.ceil(n * share + spread)
    return Estimate(
        value=float(ranked[math.ceil(share * (n - 1))]),
        low=float(ranked[low]) if low >= 0 else None,
        high=float(ranked[high]) if high < n else None,
    )


def _student(freedom: int) -> float:
    """Return the 97.5 % point of Student's t, to 1 % from 3 degrees of freedom on (Cornish and Fisher)."""
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / freedom + second / freedom**2 + third / freedom**3
