"""Chooses the requests whose order proves a breaker's state, where workers' clocks are in doubt.

Two rows of one worker are in their true order however far its clock is off. So the trips are found on the clock of one
worker, and put on the main process's clock with its whole doubt at the end, where that is sharper than to widen each
row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

__all__ = ["OneClock", "one_clock"]


class OneClock(NamedTuple):
    """`frame`: the rows that prove states. `after_ns`: by how much what they prove is to be widened.

    `doubt_ns`: how far rows of any worker may be off the clock of `frame`.
    """

    frame: pd.DataFrame
    after_ns: int
    doubt_ns: int


def one_clock(frame: pd.DataFrame, steady: Callable[[int], bool]) -> OneClock:
    """Choose one worker's rows, or all. `steady`: whether a worker's rows are in order among themselves."""
    if "clock_doubt_ns" not in frame or frame.empty:
        return OneClock(frame, 0, 0)
    workers = frame.groupby("worker")["clock_doubt_ns"].agg(["max", "size"])
    most = int(workers["max"].max())
    if not most:
        return OneClock(frame, 0, 0)
    span = int(frame["start_ns"].iloc[-1] - frame["start_ns"].iloc[0])
    # With all rows, a state shows only where it lasts for longer than two doubts.
    widths = {int(w): doubt + span / size for w, doubt, size in workers.itertuples() if steady(int(w))}
    best = min(widths, key=lambda worker: widths[worker], default=None)
    if best is None or widths[best] >= 2 * most + span / len(frame):
        return OneClock(frame, 0, most)
    own, after = frame[frame["worker"] == best], int(workers["max"][best])
    others = workers["max"].drop(best)
    return OneClock(own.drop(columns="clock_doubt_ns"), after, int(others.max()) + after if len(others) else 0)
