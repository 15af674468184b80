"""Open periods that may be two: a breaker can reset and trip again without any request seeing it closed.

That takes failures of requests admitted before the trip that arrive after the reset: a backend
slower than the breaker. Where the record allows it, the instants that it does not settle are
left out rather than stated wrong. The rule's own duration serves to ask the question only;
no bound comes from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from reports.measures import Answers, failed_answers
from reports.trips import OpenPeriod
from tripcurve.local_options import LocalOptions
from tripcurve.rule import BreakerRule

__all__ = ["settle"]

NS = 1_000_000_000
# A timer's slack: what is that much longer than the rule allows cannot be one period.
SLACK = 1.02


@dataclass(frozen=True)
class _Arrivals:
    """Failures by when they were admitted at the latest, and when they can have reached the gateway, unix ns."""

    admitted_by: npt.NDArray[np.int64]
    early: npt.NDArray[np.int64]
    late: npt.NDArray[np.int64]


def settle(
    periods: list[OpenPeriod], answers: Answers, rule: BreakerRule | None, options: LocalOptions
) -> list[OpenPeriod]:
    """The periods, with those that surely hid a reset made two, and doubtful resets left out."""
    if rule is None or not periods or options.late_failures == "extend" or options.half_open_probes:
        return periods
    arrivals = _arrivals(answers, rule)
    shortest, longest = _durations_ns(answers, rule)
    needed = rule.count if rule.count is not None and options.counter_after_reset == "cleared" else 1
    settled: list[OpenPeriod] = []
    for period in periods:
        if _may_hide_a_reset(period, arrivals, shortest, needed):
            settled += _doubtful(period, shortest, longest)
        else:
            settled.append(period)
    return settled


def _arrivals(answers: Answers, rule: BreakerRule) -> _Arrivals:
    """Failures, and requests whose client gave up: their answers may have been failures."""
    failed = failed_answers(answers, rule)
    lost = answers.status == 0
    chosen = np.flatnonzero(failed | lost)
    never = np.iinfo(np.int64).max
    return _Arrivals(
        admitted_by=answers.end[chosen] - np.where(lost, 0, answers.waited)[chosen],
        early=(answers.start + answers.waited)[chosen],
        late=np.where(lost, never, answers.end)[chosen],
    )


def _durations_ns(answers: Answers, rule: BreakerRule) -> tuple[int, int]:
    """The shortest and longest that this rule can have stayed open, given what the backend told."""
    lengths = [rule.trip_duration]
    if rule.accept_retry_after:
        told = answers.retry_after_s[failed_answers(answers, rule)]
        told = told[~np.isnan(told)]
        lengths += [float(told.min()), float(told.max())] if len(told) else []
    return int(min(lengths) / SLACK * NS), int(max(lengths) * SLACK * NS)


def _may_hide_a_reset(period: OpenPeriod, arrivals: _Arrivals, shortest: int, needed: int) -> bool:
    if period.tripped is None:
        return False
    until = period.open_at_ns if period.reset is None else period.reset.high_ns
    able = (
        (arrivals.admitted_by <= period.open_at_ns)
        & (arrivals.late >= period.tripped.low_ns + shortest)
        & (arrivals.early <= until)
    )
    return int(np.sum(able)) >= needed


def _doubtful(period: OpenPeriod, shortest: int, longest: int) -> list[OpenPeriod]:
    """Surely two where it was open for longer than the rule allows; else one whose reset is not known."""
    assert period.tripped is not None  # noqa: S101  # asked before, for the type checker
    if period.open_at_ns - period.tripped.high_ns <= longest:
        return [replace(period, reset=None)]
    first = replace(period, reset=None, open_at_ns=period.open_by_ns, sheds=period.sheds // 2)
    second = replace(period, tripped=None, open_by_ns=period.open_at_ns, sheds=period.sheds - period.sheds // 2)
    return [first, second]
