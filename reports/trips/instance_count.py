"""Infers from a run how many breakers each backend has: one in every instance of the gateway.

How many instances run for a unit is documented nowhere, instances share no breaker state [D-BE], and no answer says
which of them sent it. But while a fault lasts, a share k/n of the requests is shed once k of n breakers are open, and
all are open only after n times the rule's count of failures. `hypotheses` computes how likely the run is for each
number. This module chooses the requests, and judges how certain the most likely number is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from reports.trips.answers import Answers, failed_answers
from reports.trips.arrivals import unanswered
from reports.trips.evidence import Evidence
from reports.trips.failures import slides
from reports.trips.hypotheses import Course, Fit, Floats, Hypotheses, Indexes
from reports.trips.instants import NS, Instants
from reports.trips.measures import heeded_s
from reports.trips.periods import find_open_periods
from tripcurve.lab import MOST_UNITS
from tripcurve.lab.rule import BreakerRule

__all__ = ["InstanceCount", "contradicts_one", "infer_instance_count"]

CERTAIN = 0.999
LIKELY = 0.5
POSSIBLE = 0.001
MOST_REQUESTS = 2000
"""The most requests of one backend that are played."""
MOST_COUNT = 50
MOST_MISFITS, MISFIT_SHARE = 2, 0.02
"""With more outcomes than these that no breaker under the rule gives, the rule is probably not the gateway's."""
MOST_DEVIATION = 5.0
"""The same if the number of sheds is so many standard deviations from the expected one."""
MOST_DOUBT_NS = 5_000_000
ONE_OTHERWISE = "one breaker with another rule than the lab's may have answered alike"
TIMER_NS, TIMER_FACTOR = 100_000_000, 1.05
"""By how much the open periods of one breaker may differ, because gateways use timers."""


@dataclass(frozen=True)
class InstanceCount:
    """The number of instances of the gateway, each with a breaker of its own, as far as the run shows it.

    `stated`: the lab's number of units; None: unknown. `estimate`: the most likely number; None: cannot be inferred.
    `probability`: that of the most likely number; None: nothing shows it. `candidates`: each possible number with its
    probability. `certain`: the estimate is beyond doubt, if the rule is the lab's. `reason`: why it is not certain;
    None: it is.
    """

    stated: int | None
    estimate: int | None = None
    probability: float | None = None
    candidates: dict[int, float] = field(default_factory=dict)
    certain: bool = False
    reason: str | None = None

    @property
    def assumed(self) -> int:
        """The number to analyse the run with. One that is too large only makes intervals wider than necessary."""
        if self.certain and self.estimate is not None:
            return self.estimate
        if self.stated is not None:
            return self.stated
        return max(self.candidates, default=MOST_UNITS)


def contradicts_one(evidence: Evidence) -> bool:
    """Return whether a breaker was seen closed sooner after it opened than the rule lets a single one close."""
    if _unsuitable(evidence) is not None:
        return False
    least_ns = evidence.shortest_ns - 2 * evidence.doubt_ns
    return any(
        period.tripped is not None
        and period.reset is not None
        and period.reset.high_ns - period.tripped.low_ns < least_ns
        for period in find_open_periods(evidence.touches)
    )


def _open_for_different_times(evidence: Evidence) -> bool:
    """Return whether the open periods cannot be those of one breaker, whatever its count and its open time."""
    periods = find_open_periods(evidence.touches)
    least = max((period.open_at_ns - period.open_by_ns for period in periods), default=0)
    most = [one.reset.high_ns - one.tripped.low_ns for one in periods if one.tripped and one.reset]
    return bool(most) and least > min(most) * TIMER_FACTOR + TIMER_NS


def infer_instance_count(evidence: Iterable[Evidence], stated: int | None) -> InstanceCount:
    """Infer the number of instances from the evidence about a run's backends. `stated`: the lab's; None: unknown."""
    total = Fit(np.zeros(MOST_UNITS), np.zeros(MOST_UNITS), np.zeros(MOST_UNITS))
    played, several = 0, False
    reason = "no backend has a breaker"
    for one in evidence:
        unsuitable = _unsuitable(one)
        course = None if unsuitable is not None else _course(one)
        if course is None:
            reason = unsuitable or "no request was shed"
            continue
        fit = Hypotheses(MOST_UNITS, course).play()
        total = Fit(
            total.log_likelihood + fit.log_likelihood,
            total.misfits + fit.misfits,
            np.maximum(total.deviation, fit.deviation),
        )
        played += len(course.admitted)
        several |= _open_for_different_times(one)
    if not played:
        return InstanceCount(stated, reason=reason)
    found = _judged(stated, total, played)
    if found.certain and found.estimate != 1 and not several:
        return replace(found, certain=False, reason=ONE_OTHERWISE)
    return found


def _judged(stated: int | None, fit: Fit, played: int) -> InstanceCount:
    """Choose the most likely number. Before the run, each is as likely as any other."""
    shares = np.exp(fit.log_likelihood - fit.log_likelihood.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    probability = float(shares[best])
    reason = None
    if fit.misfits[best] > MOST_MISFITS + MISFIT_SHARE * played or fit.deviation[best] > MOST_DEVIATION:
        reason = "sheds and answers fit the lab's rule with no number of breakers"
    elif best + 1 == MOST_UNITS:
        reason = f"{MOST_UNITS} is the largest number considered"
    elif probability < CERTAIN:
        reason = "too few requests came while some breakers were open and others were not"
    return InstanceCount(
        stated=stated,
        estimate=best + 1 if probability >= LIKELY else None,
        probability=probability,
        candidates={index + 1: float(share) for index, share in enumerate(shares) if share >= POSSIBLE},
        certain=reason is None,
        reason=reason,
    )


def _unsuitable(evidence: Evidence) -> str | None:
    """Return why a backend's requests do not show the number, or None if they may."""
    rule, options = evidence.rule, evidence.options
    if rule is None or rule.count is None or rule.count > MOST_COUNT:
        return f"only a rule that counts up to {MOST_COUNT} failures shows it"
    if not evidence.asked_first or (evidence.pooled and evidence.retries):
        return "the members of a pool share the requests"
    counts_otherwise = options.counter_after_reset != "cleared" or options.late_failures != "ignored"
    if counts_otherwise or options.half_open_probes or not slides(options):
        return "the lab's `local` options let the breaker count in another way"
    if evidence.doubt_ns > MOST_DOUBT_NS:
        return "the workers' clocks are not known closely enough"
    return None


def _course(evidence: Evidence) -> Course | None:
    """Return the requests to play, or None if none was shed.

    Answers are left out while no breaker can be open, because then a gateway of any number of instances gives them.
    """
    answers, touches, rule = evidence.answers, evidence.touches.of_traffic, evidence.rule
    sheds, there = touches.shed_start, answers.network // 2
    if rule is None or rule.count is None or not len(sheds):
        return None
    failures = _failures(answers, rule, int(sheds[0]), int(sheds[-1]))
    arrived = answers.arrived_on_average[failures]
    closed = touches.answer_start[touches.answer_start <= sheds[-1]]
    # No breaker is open unless some failure completed a count within the open time before.
    earlier = arrived[: max(len(arrived) - rule.count + 1, 0)]
    completed = arrived[rule.count - 1 :][arrived[rule.count - 1 :] - earlier <= rule.interval * NS]
    last = np.concatenate(([0], completed))[np.searchsorted(completed, closed, side="right")]
    closed = closed[closed - last <= evidence.longest_ns]
    admitted = np.concatenate((closed, sheds)) + there
    order = np.argsort(admitted, kind="stable")[:MOST_REQUESTS]
    played = arrived <= admitted[order][-1]

    def seconds(instants: Instants) -> Floats:
        since: Floats = (instants - sheds[0]) / NS
        return since

    return Course(
        admitted=seconds(admitted[order]),
        shed=order >= len(closed),
        failed=seconds(arrived[played]),
        sent=seconds(answers.start[failures][played] + there),
        open_s=_open_s(answers.retry_after_s[failures][played].tolist(), rule, evidence),
        count=rule.count,
        interval_s=rule.interval,
    )


def _failures(answers: Answers, rule: BreakerRule, first_shed: int, last_shed: int) -> Indexes:
    """Return the failures that a breaker may have counted from the first shed on, in the order of their arrival."""
    failed = failed_answers(answers, rule) & ~answers.in_doubt
    if rule.error_reasons:
        failed |= unanswered(answers)
    arrived = answers.arrived_on_average
    chosen = np.flatnonzero(failed & (arrived > first_shed - rule.interval * NS) & (arrived <= last_shed))
    return np.asarray(chosen[np.argsort(arrived[chosen], kind="stable")], dtype=np.intp)


def _open_s(retry_after_s: list[float], rule: BreakerRule, evidence: Evidence) -> Floats:
    """Return how long each failure would keep a breaker open, s. NaN: the answer had no Retry-After."""
    if not rule.accept_retry_after:
        return np.full(len(retry_after_s), rule.trip_duration)
    return np.array([heeded_s(value, rule, evidence.options) for value in retry_after_s], dtype=np.float64)
