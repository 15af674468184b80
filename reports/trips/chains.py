"""Orders proofs of a state whose instants are known only as intervals.

Each touch proves one of two states, closed or open, at some instant within its interval. A chain is a
series of touches, each wholly after the one before, whose states alternate: the longest one is the
number of phases that surely happened. Its earliest and its latest form bound every change between two
phases: the i-th change was over by the end of the earliest chain's next link, and was still to
come at the start of the latest chain's own link.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.trips.instants import NEVER, Instants

__all__ = ["CLOSED", "OPEN", "Phases", "Proofs", "longest_chain"]

CLOSED, OPEN = 0, 1


class Proofs:
    """Touches that prove one state: each holds at an instant within [low, high], unix ns. Sorted by `low`."""

    def __init__(self, low: Instants, high: Instants) -> None:
        self.low, self.high = low, high
        self._soonest_end = np.minimum.accumulate(high[::-1])[::-1]
        order = np.argsort(high, kind="stable")
        self._sorted_high = high[order]
        self._latest_start = np.maximum.accumulate(low[order])

    def first_end_after(self, instant: int) -> int | None:
        """The soonest end among touches that began after an instant, or None if there are none."""
        index = int(np.searchsorted(self.low, instant, side="right"))
        return int(self._soonest_end[index]) if index < len(self.low) else None

    def last_start_before(self, instant: int) -> int | None:
        """The latest start among touches that ended before an instant, or None if there are none."""
        index = int(np.searchsorted(self._sorted_high, instant, side="left"))
        return int(self._latest_start[index - 1]) if index else None


@dataclass(frozen=True)
class Phases:
    """Phases that surely happened. Phase i proved its state by `known_by[i]` and still at `known_at[i]`, unix ns."""

    first_state: int
    known_by: list[int]
    known_at: list[int]

    def state(self, index: int) -> int:
        return (self.first_state + index) % 2


def longest_chain(closed: Proofs, opened: Proofs) -> Phases:
    """Find the phases of one breaker. Of two chains equally long, choose the one that begins closed, as breakers do."""
    proofs = (closed, opened)
    closed_first, open_first = (_earliest(proofs, state) for state in (CLOSED, OPEN))
    # One shed with nothing certain around it still proves an open phase.
    begins_open = len(open_first) > len(closed_first) or (len(open_first) == len(closed_first) == 1)
    first, known_by = (OPEN, open_first) if begins_open else (CLOSED, closed_first)
    return Phases(first, known_by, _latest(proofs, (first + len(known_by) - 1) % 2, len(known_by)))


def _earliest(proofs: tuple[Proofs, Proofs], state: int) -> list[int]:
    ends: list[int] = []
    end = proofs[state].first_end_after(np.iinfo(np.int64).min)
    while end is not None:
        ends.append(end)
        state = 1 - state
        end = proofs[state].first_end_after(end)
    return ends


def _latest(proofs: tuple[Proofs, Proofs], state: int, phases: int) -> list[int]:
    """Starts of the latest chain with that many links, in order. Its last link proves `state`."""
    starts: list[int] = []
    start = proofs[state].last_start_before(NEVER)
    while start is not None and len(starts) < phases:
        starts.append(start)
        state = 1 - state
        start = proofs[state].last_start_before(start)
    return starts[::-1]
