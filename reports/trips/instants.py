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
    """An instant within [low_ns, high_ns], unix ns, and the kind of evidence that bounds it."""

    low_ns: int
    high_ns: int
    by: By = "proof"

    @property
    def estimate_ns(self) -> float:
        """The middle of the interval."""
        return (self.low_ns + self.high_ns) / 2

    @property
    def half_width_ns(self) -> float:
        """Half the length of the interval, which is the most that the estimate can be off."""
        return (self.high_ns - self.low_ns) / 2
