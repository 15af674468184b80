"""The answers that can have tripped one breaker, and when each can have reached the gateway."""

from __future__ import annotations

import numpy as np

from reports.trips.answers import LOST_FOR_S, Answers, Mask, failed_answers
from reports.trips.instants import NEVER, NS, Instants, Interval
from tripcurve.lab.rule import BreakerRule

__all__ = ["Arrivals", "possible_causes", "unanswered"]


class Arrivals:
    """Answers in the order of their requests' starts, with the interval in which each reached the gateway, unix ns."""

    def __init__(self, start: Instants, early: Instants, late: Instants, longest: int) -> None:
        self._start, self._early, self._late = start, early, late
        self._longest = longest

    def during(self, interval: Interval) -> tuple[Instants, Instants]:
        """Earliest and latest arrivals of those that can have arrived within an interval."""
        reach = [interval.low_ns - self._longest, interval.high_ns]
        first, last = np.searchsorted(self._start, reach, side="right").tolist()
        early, late = self._early[first:last], self._late[first:last]
        may = (late >= interval.low_ns) & (early <= interval.high_ns)
        return early[may], late[may]


def possible_causes(answers: Answers, rule: BreakerRule | None, doubt_ns: int) -> Arrivals:
    """All answers that the rule may count as failures, whatever the options; for a percentage, all answers.

    A breaker that looks at a share can trip on an answer that is no failure: it may complete the least volume, and it
    lets older answers leave the window. `doubt_ns`: the most that a worker's clock may be off.
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
    longest = int((answers.end[chosen] - start).max(initial=0)) + LOST_FOR_S * NS * bool(lost.any())
    return Arrivals(start - doubt_ns, early, late, longest + 2 * doubt_ns)


def unanswered(answers: Answers) -> Mask:
    """Responses that the gateway made up because the backend gave none."""
    made_up: Mask = ~answers.by_backend & (answers.status >= 500) & ~answers.shed
    return made_up
