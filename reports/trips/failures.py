"""The failures that one breaker may have counted, and when each may have reached the gateway.

The client knows only when a request started and ended. Its failure arrived at the gateway after the start plus the
gateway's wait for the backend, and before the end.
"""

from __future__ import annotations

import numpy as np

from reports.trips.answers import LOST_FOR_S, Answers, Mask, failed_answers
from reports.trips.arrivals import unanswered
from reports.trips.instants import NEVER, NS, Instants, Interval
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["Failures", "slides"]

ROUNDING_NS = 1000
"""Instants converted to seconds and back are off by less. A gap that begins at a trip's lower bound is that trip's own.
"""


class Failures:
    """The failures that one breaker may have counted, with the interval in which each reached the gateway.

    They include requests whose client gave up, because their answers may have been failures, and, if the rule counts
    such, requests for which the gateway got no answer. `shortest_ns`: the shortest time that the breaker stays open. A
    gap of that length without a proof that it was closed may hide a trip, after which the count began anew. `doubt_ns`:
    the most that a worker's clock may be off.
    """

    def __init__(
        self, answers: Answers, rule: BreakerRule | None, options: LocalOptions, shortest_ns: int, doubt_ns: int = 0
    ) -> None:
        failed, lost = failed_answers(answers, rule), answers.status == 0
        counted = unanswered(answers) if rule is not None and rule.error_reasons else np.zeros_like(lost)
        chosen = np.flatnonzero(failed | lost | counted)
        self.doubt_ns = doubt_ns
        self._start = answers.start[chosen]
        self._early = np.where(failed, answers.arrived_from, answers.start)[chosen] - doubt_ns
        self._late = np.where(lost[chosen], NEVER, answers.end[chosen] + doubt_ns)
        self._seen = (failed & ~answers.in_doubt)[chosen]
        self._longest = int((answers.end - answers.start)[chosen].max(initial=0)) + LOST_FOR_S * NS * bool(lost.any())
        self._interval_ns = NEVER if rule is None else int(rule.interval * NS)
        self._plain = slides(options)
        self._forgets = options.counter_after_reset == "cleared"
        self._shortest_ns = shortest_ns
        self._quiet_start, self._quiet_end = _quiet(answers, shortest_ns)

    def counted(self, tripped: Interval, began: Interval | None) -> tuple[Instants, Instants, Mask]:
        """Return the failures that may have been in the window at a trip, as three arrays of shape (n,).

        They are the earliest and latest arrivals (unix ns), and whether each was certainly in the window. `began`: when
        the count began anew, which is the reset before; None: with the run.
        """
        early, late, sure = self.between(began, tripped)
        begin = tripped.low_ns - self._interval_ns
        may = late >= begin
        return (
            np.maximum(early, begin)[may],
            late[may],
            (sure & self._plain & (early > tripped.high_ns - self._interval_ns))[may],
        )

    def surely_arrived(self, tripped: Interval, began: Interval | None) -> Instants:
        """Return the latest arrivals, ascending, of failures that were certainly in the window until a trip.

        `began`: see `counted`.
        """
        _, surely_since = self._count_began(tripped, began)
        first, last = self._started(tripped.low_ns - self._interval_ns, tripped.high_ns)
        early, late = self._early[first:last], self._late[first:last]
        sure = self._seen[first:last] & (early > max(surely_since, tripped.high_ns - self._interval_ns))
        return np.sort(late[sure & (late <= tripped.high_ns)])

    def between(self, began: Interval | None, until: Interval) -> tuple[Instants, Instants, Mask]:
        """Return the same as `counted` for all failures that may have arrived between `began` and `until`."""
        since, surely_since = self._count_began(until, began)
        first, last = self._started(since, until.high_ns)
        early, late = self._early[first:last], self._late[first:last]
        may = (late >= since) & (early <= until.high_ns)
        sure = (early > surely_since) & (late <= until.low_ns) & self._seen[first:last]
        return np.maximum(early[may], since), late[may], sure[may]

    def late(self, tripped: Interval) -> tuple[int, int]:
        """Return the least and the most failures that arrived after a trip, of requests admitted before it."""
        first, last = self._started(tripped.low_ns, tripped.high_ns)
        start, early, late = self._start[first:last], self._early[first:last], self._late[first:last]
        surely = (early > tripped.high_ns) & (start < tripped.low_ns) & (late < NEVER)
        return int(np.sum(surely)), int(np.sum(late > tripped.low_ns))

    def _started(self, low: int, high: int) -> tuple[int, int]:
        """Return the range of failures that may have arrived between two instants, with every clock doubt."""
        reach = [low - self._longest - self.doubt_ns, high + self.doubt_ns]
        first, last = np.searchsorted(self._start, reach, side="right").tolist()
        return first, last

    def _count_began(self, until: Interval, began: Interval | None) -> tuple[int, int]:
        """Return when the count began at the earliest, and from when on it certainly ran, unix ns.

        A gap hides a trip only if the breaker could open and reset in it before `until`.
        """
        if not self._forgets:
            return 0, 0
        latest = min(until.low_ns - ROUNDING_NS, until.high_ns - self._shortest_ns + 1)
        quiet = int(np.searchsorted(self._quiet_start, latest))
        hidden = int(self._quiet_end[:quiet].max(initial=0))
        return (0, hidden) if began is None else (began.low_ns, max(began.high_ns, hidden))


def slides(options: LocalOptions) -> bool:
    """Return whether every failure of the last interval counts."""
    return options.breaker_window == "sliding" and not options.success_clears


def _quiet(answers: Answers, shortest_ns: int) -> tuple[Instants, Instants]:
    """Return starts and ends of the gaps between a backend's answers in which the breaker may have been open unseen."""
    closed = answers.by_backend & ~answers.in_doubt
    start = answers.start[closed]
    by = (answers.end - answers.waited)[closed]
    unseen = answers.unseen[closed][:-1]
    long_enough = np.flatnonzero(np.where(unseen > 0, unseen, by[1:] - start[:-1]) >= shortest_ns)
    return start[:-1][long_enough], by[1:][long_enough]
