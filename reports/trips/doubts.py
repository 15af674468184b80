"""Resolves open periods that may be two because the breaker may have tripped again before a request proved a reset.

This happens in two ways. First, the first failures after a reset may trip the breaker while sheds are still on their
way. These sheds may belong to either period, so the reset's interval is widened to cover both cases. Second, failures
of requests admitted before the trip may arrive after the reset, if the backend takes longer than the open time. Then no
request sees the breaker closed, and an instant that the record does not determine is left out. The rule's duration is
used only to decide whether there is a doubt, never as a bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reports.trips.answers import LOST_FOR_S, Answers, failed_answers
from reports.trips.evidence import Evidence
from reports.trips.instants import NEVER, NS, Instants, Interval
from reports.trips.periods import OpenPeriod, Touches
from tripcurve.lab.rule import BreakerRule

__all__ = ["settle", "settle_groups"]


@dataclass(frozen=True)
class _Arrivals:
    """Failures: their starts, latest admissions, and earliest and latest arrivals at the gateway, unix ns, shape (n,).

    `longest`: the most ns that one was under way.
    """

    start: Instants
    admitted_by: Instants
    early: Instants
    late: Instants
    longest: int


def settle(periods: list[OpenPeriod], evidence: Evidence) -> list[OpenPeriod]:
    """Split each period that certainly hid a reset; widen or leave out the resets that are in doubt."""
    rule, options, answers = evidence.rule, evidence.options, evidence.answers
    if rule is None or not periods:
        return periods
    needed = rule.count if rule.count is not None and options.counter_after_reset == "cleared" else 1
    early = _failures_after(answers, rule)
    periods = [_widened(period, evidence.touches, *early, needed) for period in periods]
    if options.late_failures == "extend" or options.half_open_probes:
        return periods
    arrivals = _arrivals(answers, rule)
    settled: list[OpenPeriod] = []
    for period in periods:
        hidden = evidence.pooled and evidence.retries
        hidden = hidden or _late_failures(period, arrivals, evidence.shortest_ns) >= needed
        if hidden and _holds_two(period, evidence.shortest_ns):
            settled += _doubtful(period, evidence.shortest_ns, evidence.longest_ns)
        else:
            settled.append(period)
    return settled


def settle_groups(periods: list[OpenPeriod], evidence: Evidence) -> list[OpenPeriod]:
    """Leave out each reset of several units that may belong to a later group of trips than the period's trip.

    If each unit gets few requests before it trips again, no answers show that all units were closed in between. For a
    pool's member that shares requests with others, trip and reset are left out: it gets requests mostly on units where
    the others are open, so a long series of its answers does not show it closed on all units. Two of its periods are
    one, unless no failure came for so long in between that every unit had reset.
    """
    rule = evidence.rule
    arrivals = None if rule is None else _arrivals(evidence.answers, rule)
    if not evidence.asked_first:
        return [replace(period, tripped=None, reset=None, full=None) for period in _joined(periods, arrivals, evidence)]
    if arrivals is None:
        return periods
    return [
        replace(period, reset=None)
        if _holds_two(period, evidence.shortest_ns) and _may_trip_again(period, arrivals, evidence)
        else period
        for period in periods
    ]


def _joined(periods: list[OpenPeriod], arrivals: _Arrivals | None, evidence: Evidence) -> list[OpenPeriod]:
    """Join the periods between which no instant shows all units closed.

    A unit that is open at some instant was tripped by a failure within the rule's longest duration before it. So a
    time of that length without a failure ends with all units closed.
    """
    if arrivals is None or evidence.retries:
        closed = np.empty((0, 2), dtype=np.int64)
    else:
        order, reset_ns = np.argsort(arrivals.early), evidence.longest_ns + 2 * evidence.doubt_ns
        after = np.concatenate(([0], np.maximum.accumulate(np.minimum(arrivals.late[order], NEVER - reset_ns))))
        closed = np.stack((after + reset_ns, np.append(arrivals.early[order], NEVER)), axis=1)
    joined: list[OpenPeriod] = []
    for period in periods:
        last = joined[-1] if joined else None
        if last is None or np.any(
            np.maximum(closed[:, 0], last.open_by_ns) < np.minimum(closed[:, 1], period.open_at_ns)
        ):
            joined.append(period)
        else:
            joined[-1] = replace(last, open_at_ns=period.open_at_ns, sheds=last.sheds + period.sheds)
    return joined


def _may_trip_again(period: OpenPeriod, arrivals: _Arrivals, evidence: Evidence) -> bool:
    """Return whether a failure came late enough to start a second group, and early enough for that to end by the reset.

    One is enough: a unit that did not trip in the first group may have counted all other failures before.
    """
    if period.tripped is None or (evidence.pooled and evidence.retries):
        return True
    until = period.open_at_ns if period.reset is None else period.reset.high_ns
    low = period.tripped.low_ns + evidence.shortest_ns - evidence.doubt_ns
    high = until - evidence.shortest_ns + evidence.doubt_ns
    return bool(np.any((arrivals.late >= low) & (arrivals.early <= high)))


def _failures_after(answers: Answers, rule: BreakerRule) -> tuple[Instants, Instants]:
    """Return the starts of failures, and the earliest instant at which each can have reached the gateway, unix ns."""
    failed = np.flatnonzero(failed_answers(answers, rule) | (answers.status == 0))
    return answers.start[failed], answers.arrived_from[failed]


def _widened(period: OpenPeriod, touches: Touches, start: Instants, early: Instants, needed: int) -> OpenPeriod:
    """Widen the reset to begin at the last shed that ended before the breaker can have tripped again."""
    if period.reset is None:
        return period
    first, last = np.searchsorted(touches.shed_start, [period.open_by_ns, period.open_at_ns], side="right")
    sheds = slice(max(first - 1, 0), last)
    latest = int(touches.shed_end[sheds].max(initial=period.open_at_ns))
    low, high = np.searchsorted(start, [period.open_by_ns, latest], side="right")
    if high - low < needed:
        return period
    again = np.sort(early[low:high])[needed - 1]
    surely = touches.shed_start[sheds][touches.shed_end[sheds] < again]
    known = max(int(surely.max(initial=0)), period.tripped.low_ns if period.tripped else period.open_by_ns)
    return replace(period, reset=Interval(min(known, period.reset.low_ns), period.reset.high_ns))


def _arrivals(answers: Answers, rule: BreakerRule) -> _Arrivals:
    """Return the failures, and the requests whose client gave up, because their answers may have been failures."""
    failed = failed_answers(answers, rule)
    lost = answers.status == 0
    chosen = np.flatnonzero(failed | lost)
    return _Arrivals(
        start=answers.start[chosen],
        admitted_by=answers.end[chosen] - np.where(lost, 0, answers.waited)[chosen],
        early=answers.arrived_from[chosen],
        late=np.where(lost, NEVER, answers.end)[chosen],
        longest=int((answers.end - answers.start)[chosen].max(initial=0)) + LOST_FOR_S * NS * bool(lost.any()),
    )


def _holds_two(period: OpenPeriod, shortest: int) -> bool:
    """Return whether two open periods of the rule's shortest duration fit into this one."""
    until = period.open_at_ns if period.reset is None else period.reset.high_ns
    return period.tripped is not None and until - period.tripped.low_ns >= 2 * shortest


def _late_failures(period: OpenPeriod, arrivals: _Arrivals, shortest: int) -> int:
    """Return how many failures admitted before the trip may have arrived after a reset."""
    if period.tripped is None:
        return 0
    until = period.open_at_ns if period.reset is None else period.reset.high_ns
    low, high = np.searchsorted(arrivals.start, [period.tripped.low_ns - arrivals.longest, period.open_at_ns])
    part = slice(low, high)
    able = (
        (arrivals.admitted_by[part] <= period.open_at_ns)
        & (arrivals.late[part] >= period.tripped.low_ns + shortest)
        & (arrivals.early[part] <= until)
    )
    return int(np.sum(able))


def _doubtful(period: OpenPeriod, shortest: int, longest: int) -> list[OpenPeriod]:
    """Return two periods if it was open for longer than the rule allows, else one with an unknown reset."""
    assert period.tripped is not None  # noqa: S101  # for the type checker: the caller checked it
    if period.open_at_ns - period.tripped.high_ns <= longest:
        return [replace(period, reset=None)]
    first = replace(period, reset=None, open_at_ns=period.open_by_ns, sheds=period.sheds // 2)
    second = replace(period, tripped=None, open_by_ns=period.open_at_ns, sheds=period.sheds - period.sheds // 2)
    return [first, second]
