"""Chooses the requests from which trips are found if workers' clocks are in doubt.

Rows of one worker are in their true order however far its clock is off. So the trips are found in the rows of one
worker, and their intervals are then widened once by its clock's doubt, if that gives shorter intervals than widening
every row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

__all__ = ["OneClock", "one_clock"]


class OneClock(NamedTuple):
    """The chosen rows. `frame`: the rows that prove states. `after_ns`: how much to widen the periods found in them.

    `doubt_ns`: how far the rows of any worker may be off the clock of `frame`.
    """

    frame: pd.DataFrame
    after_ns: int
    doubt_ns: int


def one_clock(frame: pd.DataFrame, steady: Callable[[int], bool]) -> OneClock:
    """Choose one worker's rows, or all. `steady`: returns whether a worker's rows are in their true order."""
    if "clock_doubt_ns" not in frame or frame.empty:
        return OneClock(frame, 0, 0)
    workers = frame.groupby("worker")["clock_doubt_ns"].agg(["max", "size"])
    most = int(workers["max"].max())
    if not most:
        return OneClock(frame, 0, 0)
    span = int(frame["start_ns"].iloc[-1] - frame["start_ns"].iloc[0])
    # In all rows, a state can be seen only if it lasts for longer than twice the doubt.
    widths = {int(w): doubt + span / size for w, doubt, size in workers.itertuples() if steady(int(w))}
    best = min(widths, key=lambda worker: widths[worker], default=None)
    if best is None or widths[best] >= 2 * most + span / len(frame):
        return OneClock(frame, 0, most)
    own, after = frame[frame["worker"] == best], int(workers["max"][best])
    others = workers["max"].drop(best)
    return OneClock(own.drop(columns="clock_doubt_ns"), after, int(others.max()) + after if len(others) else 0)
