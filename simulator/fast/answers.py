"""The answers that one unit's breaker gets, drawn block by block in order of time."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.service import fault_answer, fault_wait_s
from simulator.sources import Requests, Source
from simulator.words import Floats
from tripcurve.breaker import Breaker, Opened, Outcome
from tripcurve.breaker.failure import FailureTest
from tripcurve.lab import BreakerRule, LocalOptions
from tripcurve.scenario import Fault

__all__ = ["Answers", "Feed", "Judged", "judged", "merged"]

_MOST_BLOCKS = 64


class Answers(NamedTuple):
    """Answers of the backend in order of arrival: arrays of shape (n,), times in seconds from the run's start."""

    arrived: NDArray[Any]
    admitted: NDArray[Any]
    failed: NDArray[Any]
    open_s: NDArray[Any]
    """How long a trip by this answer lasts, s. A success can trip a percentage rule by completing the least volume."""


class Judged(NamedTuple):
    """The rule's judgement of a faulty answer. `failed` None: the window ignores it. `open_s`: length of a trip."""

    failed: bool | None
    open_s: float


@lru_cache(maxsize=1024)
def judged(fault: Fault, rule: BreakerRule, options: LocalOptions) -> Judged:
    """Judge the answer to a request with a fault. The trip duration is that of the core's own breaker."""
    found = fault_answer(fault, "", 0.0)
    outcome = Outcome(200) if found is None else found[1]
    failed = FailureTest(rule, options).judge(outcome)
    if not failed:
        return Judged(failed, max(rule.trip_duration, 0.0))
    single = Breaker(rule.model_copy(update={"count": 1, "percentage": None}), options)
    ticket, _ = single.admit(0.0)
    events = () if ticket is None else single.record(ticket, 0.0, outcome)
    return Judged(True, next((event.trip_duration_s for event in events if isinstance(event, Opened)), 0.0))


@dataclass
class _Cursor:
    """A position in a source: the next block to draw. `wait_s` None: a faulty answer takes the backend's time."""

    source: Source
    judged: Judged
    wait_s: float | None
    block: int = 0
    blocks: int = 1
    """How many blocks to draw at once."""

    def due(self) -> float:
        """Return a time before which no answer of the next block arrives, or infinity at the end."""
        if self.block >= self.source.blocks:
            return math.inf
        return self.source.earliest(self.block)


class Feed:
    """The answers that one unit's breaker may count, in order of time.

    `everything`: include successes; otherwise only failures. `times`: the backend's answer times by rank, s.
    """

    def __init__(
        self,
        sources: list[Source],
        unit: int,
        rule: BreakerRule,
        options: LocalOptions,
        times: Floats,
        *,
        everything: bool = False,
    ) -> None:
        self._unit, self._times, self._everything = unit, times, everything
        self._open_s = max(rule.trip_duration, 0.0)
        self._agenda: list[tuple[float, int, _Cursor]] = []
        for number, source in enumerate(sources):
            if source.fault is None:
                if everything:
                    self._push(number, _Cursor(source, Judged(False, self._open_s), None))
                continue
            fault_judged = judged(source.fault, rule, options)
            if everything or fault_judged.failed:
                self._push(number, _Cursor(source, fault_judged, fault_wait_s(source.fault)))

    @property
    def horizon(self) -> float:
        """All answers that arrive before this time are drawn, and all requests of answers not yet drawn are later."""
        return self._agenda[0][0] if self._agenda else math.inf

    def draw(self) -> Answers:
        """Draw the next blocks of the source with the earliest one, and return their answers."""
        _, number, cursor = heapq.heappop(self._agenda)
        last = min(cursor.block + cursor.blocks, cursor.source.blocks)
        found = self._answers(cursor, last)
        cursor.block, cursor.blocks = last, min(cursor.blocks * 2, _MOST_BLOCKS)
        self._push(number, cursor)
        return found

    def skip(self, until: float) -> None:
        """Skip the blocks whose requests are all admitted before `until`, and continue with small steps."""
        agenda, self._agenda = self._agenda, []
        for _, number, cursor in agenda:
            cursor.block = max(cursor.block, min(cursor.source.first_after(until), cursor.source.blocks))
            while cursor.block < cursor.source.blocks and cursor.source.latest(cursor.block) < until:
                cursor.block += 1
            cursor.blocks = 1
            self._push(number, cursor)

    def _push(self, number: int, cursor: _Cursor) -> None:
        due = cursor.due()
        if due < math.inf:
            heapq.heappush(self._agenda, (due, number, cursor))

    def _answers(self, cursor: _Cursor, last: int) -> Answers:
        if not self._everything:
            return self._of(cursor, cursor.source.faulty(self._unit, cursor.block, last))
        return self._of(cursor, cursor.source.requests(cursor.block, last, self._unit))

    def _of(self, cursor: _Cursor, requests: Requests) -> Answers:
        waited: Floats | float = 0.0
        if cursor.wait_s is None or self._everything:
            waited = self._times.take(requests.quantile)
        if cursor.wait_s is not None:
            waited = np.where(requests.faulty, cursor.wait_s, waited) if self._everything else cursor.wait_s
        failed = requests.faulty & bool(cursor.judged.failed)
        open_s = np.where(failed, cursor.judged.open_s, self._open_s)
        found = Answers(requests.admitted + waited, requests.admitted, failed, open_s)
        if cursor.judged.failed is None:
            found = Answers(*(column[~requests.faulty] for column in found))
        return found


def merged(first: Answers, second: Answers) -> Answers:
    """Merge two sets of answers in order of arrival, and of admission for equal arrivals."""
    columns = [np.concatenate(pair) for pair in zip(first, second, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    return Answers(*(column[order] for column in columns))
