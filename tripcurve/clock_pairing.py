"""One instant read on two clocks, so that instants of one can be labelled with the other's time."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["pair_clocks"]

ATTEMPTS = 50


def pair_clocks(
    wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
) -> tuple[int, int]:
    """Return an instant as unix ns and as monotonic ns.

    A process that loses the processor between two readings would pair times that are milliseconds apart. So the wall
    clock is read between two readings of the other, many times, and the closest of these pairs is kept: it is off by at
    most half the time between its two readings, which is less than a microsecond on a machine that is not stopped.
    """
    best: tuple[int, int, int] | None = None
    for _ in range(ATTEMPTS):
        before = monotonic()
        unix_ns = wall()
        after = monotonic()
        if best is None or after - before < best[0]:
            best = (after - before, unix_ns, (before + after) // 2)
    assert best is not None  # noqa: S101  # there is at least one attempt
    return best[1], best[2]
