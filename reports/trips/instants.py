"""Instants in unix nanoseconds, and intervals that certainly contain one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["NEVER", "NS", "By", "Instants", "Interval"]

Instants = npt.NDArray[np.int64]
By = Literal["cause", "proof"]
"""`cause`: bounded by the failures that may have tripped the breaker. `proof`: by requests that prove its state."""
NS = 1_000_000_000
NEVER = np.iinfo(np.int64).max
"""Later than any instant of a run."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An instant within [low_ns, high_ns], unix ns, and the kind of evidence that bounds it.

    `expected_ns`: where the instant is on average, or None if no part of the interval is more likely than others.
    """

    low_ns: int
    high_ns: int
    by: By = "proof"
    expected_ns: int | None = None

    @property
    def estimate_ns(self) -> float:
        """The expected instant, or the middle of the interval if no part is more likely than others."""
        if self.expected_ns is None:
            return (self.low_ns + self.high_ns) / 2
        return min(max(self.expected_ns, self.low_ns), self.high_ns)
