"""A model's answer time: log-normal with a given median and 95th percentile, plus a time per token."""

from __future__ import annotations

import math
from random import Random

from tripcurve.lab import Latency

__all__ = ["LatencyModel"]

Z_95 = 1.6448536269514722
"""The 95th percentile of the standard normal distribution."""


class LatencyModel:
    """Draws answer times in seconds. With a median of 0 the time to the first token is 0, and nothing is drawn."""

    def __init__(self, latency: Latency) -> None:
        self.per_token_s = latency.per_token_ms / 1000
        self._median_s = latency.median_ms / 1000
        self._sigma = math.log(latency.p95_ms / latency.median_ms) / Z_95 if latency.median_ms > 0 else 0.0

    def draw(self, random: Random) -> float:
        """Return the time to the first token, in seconds."""
        if self._median_s == 0:
            return 0.0
        return self._median_s * math.exp(self._sigma * random.gauss(0.0, 1.0))
