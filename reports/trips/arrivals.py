"""The answers that may have tripped one breaker, and when each may have reached the gateway."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reports.trips.answers import LOST_FOR_S, Answers, Mask, failed_answers
from reports.trips.instants import NEVER, NS, Instants, Interval
from tripcurve.lab.rule import BreakerRule

__all__ = ["Arrivals", "possible_causes", "unanswered"]


class Arrivals:
    """Answers in order of their requests' starts, with the interval in which each reached the gateway, unix ns.

    `average`: when it did on average, NEVER if not known. `longest`: the most ns from a start until its answer arrived.
    """

    def __init__(self, start: Instants, early: Instants, late: Instants, average: Instants, longest: int) -> None:
        self._start, self._early, self._late, self._average = start, early, late, average
        self._longest = longest

    def during(self, interval: Interval) -> tuple[Instants, Instants]:
        """Return the earliest and latest arrivals, unix ns, of the answers that may have arrived within an interval."""
        may = self._within(interval)
        return self._early[may], self._late[may]

    def expected(self, interval: Interval) -> int | None:
        """Return when the one answer that arrived within an interval did so on average, unix ns.

        None if several may have arrived in it, or if the client gave up waiting for the one.
        """
        average = self._average[self._within(interval)]
        if len(average) > 1:
            average = average[(average >= interval.low_ns) & (average <= interval.high_ns)]
        return int(average[0]) if len(average) == 1 and average[0] < NEVER else None

    def _within(self, interval: Interval) -> npt.NDArray[np.intp]:
        """Return the indexes of the answers that may have arrived within an interval."""
        reach = [interval.low_ns - self._longest, interval.high_ns]
        first, last = np.searchsorted(self._start, reach, side="right").tolist()
        early, late = self._early[first:last], self._late[first:last]
        found: npt.NDArray[np.intp] = first + np.flatnonzero((late >= interval.low_ns) & (early <= interval.high_ns))
        return found


def possible_causes(answers: Answers, rule: BreakerRule | None, doubt_ns: int) -> Arrivals:
    """Return the answers that may have tripped the breaker: possible failures, or for a percentage all answers.

    A rule with a percentage can trip on an answer that is not a failure: it may complete the least volume, or older
    answers may leave the window. `doubt_ns`: the most that a worker's clock may be off. `rule` None: unknown, treated
    like a percentage.
    """
    lost = answers.status == 0
    if rule is None or rule.count is None:
        may = answers.by_backend | lost | unanswered(answers)
    else:
        broken = answers.by_backend & ~answers.whole
        may = failed_answers(answers, rule) | lost | broken | unanswered(answers)
    chosen = np.flatnonzero(may)
    start, lost = answers.start[chosen], lost[chosen]
    early = np.where(answers.by_backend[chosen], answers.arrived_from[chosen], start) - doubt_ns
    late = np.where(lost, NEVER, answers.end[chosen] + doubt_ns)
    average = np.where(lost, NEVER, answers.arrived_on_average[chosen])
    longest = int((answers.end[chosen] - start).max(initial=0)) + LOST_FOR_S * NS * bool(lost.any())
    return Arrivals(start - doubt_ns, early, late, average, longest + 2 * doubt_ns)


def unanswered(answers: Answers) -> Mask:
    """Return which responses the gateway produced because it got none from the backend, shape (n,)."""
    made_up: Mask = ~answers.by_backend & (answers.status >= 500) & ~answers.shed
    return made_up
