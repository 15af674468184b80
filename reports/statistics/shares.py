"""The uncertainty of a share that was counted."""

from __future__ import annotations

import math

__all__ = ["wilson"]


def wilson(count: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of the share `count` of `n` (Wilson's score). `n` is at least 1."""
    share = count / n
    middle = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max((middle - spread) / (1 + z * z / n), 0.0), min((middle + spread) / (1 + z * z / n), 1.0)
