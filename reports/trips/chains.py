"""Orders proofs of a state whose instants are known as intervals only.

Each touch proves one of two states, closed or open, at some instant within its interval. A chain is a series of touches
with alternating states, each completely after the one before. The length of the longest chain is the number of phases
that certainly happened. Its earliest and latest forms bound each change between two phases: change i happened before
the end of touch i + 1 of the earliest chain, and after the start of touch i of the latest chain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.trips.instants import NEVER, Instants

__all__ = ["CLOSED", "OPEN", "Phases", "Proofs", "longest_chain"]

CLOSED, OPEN = 0, 1


class Proofs:
    """Touches that prove one state, each at an instant within [low, high], unix ns, shape (n,). Sorted by `low`."""

    def __init__(self, low: Instants, high: Instants) -> None:
        self.low, self.high = low, high
        self._soonest_end = np.minimum.accumulate(high[::-1])[::-1]
        order = np.argsort(high, kind="stable")
        self._sorted_high = high[order]
        self._latest_start = np.maximum.accumulate(low[order])

    def first_end_after(self, instant: int) -> int | None:
        """Return the earliest end among touches that began after an instant, or None if there are none."""
        index = int(np.searchsorted(self.low, instant, side="right"))
        return int(self._soonest_end[index]) if index < len(self.low) else None

    def last_start_before(self, instant: int) -> int | None:
        """Return the latest start among touches that ended before an instant, or None if there are none."""
        index = int(np.searchsorted(self._sorted_high, instant, side="left"))
        return int(self._latest_start[index - 1]) if index else None


@dataclass(frozen=True)
class Phases:
    """The phases that certainly happened. Phase i began by `known_by[i]` and still lasted at `known_at[i]`, unix ns."""

    first_state: int
    known_by: list[int]
    known_at: list[int]

    def state(self, index: int) -> int:
        """Return the state of the touches in the phase at `index`."""
        return (self.first_state + index) % 2


def longest_chain(closed: Proofs, opened: Proofs) -> Phases:
    """Find the phases of one breaker. Of two equally long chains, prefer the one that begins closed, as breakers do."""
    proofs = (closed, opened)
    closed_first, open_first = (_earliest(proofs, state) for state in (CLOSED, OPEN))
    # A shed proves an open phase even if its order to the answers is uncertain.
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
    """Return the starts of the latest chain of `phases` touches, in order. Its last touch proves `state`."""
    starts: list[int] = []
    start = proofs[state].last_start_before(NEVER)
    while start is not None and len(starts) < phases:
        starts.append(start)
        state = 1 - state
        start = proofs[state].last_start_before(start)
    return starts[::-1]
