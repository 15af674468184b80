"""The measures of one trip, as docs/measures.md defines them, in seconds from the run's start."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from reports.trips.trip import Interval, OpenPeriod
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["Answers", "Measured", "Trip", "counted_statuses", "failed_answers", "failures_before", "measure_trips"]

Indexes = npt.NDArray[np.intp]

NS = 1_000_000_000
RESTORED_SHARE = 0.99
LOST_FOR_S = 60
"""What a client gave up on may still fail this much later."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and how far from the truth it can be."""

    estimate: float
    half_width: float


@dataclass(slots=True)
class Trip:
    """One trip. None: not observed, or not defined for this trip."""

    backend: str | None
    unit: int | None
    tripped_s: Measured | None
    reset_s: Measured | None
    time_to_trip_s: float | None = None
    failures_to_trip: int | None = None
    failures_bounds: tuple[int, int] | None = None
    first_shed_s: float | None = None
    full_shed_s: Measured | None = None
    partial_shed_share: float | None = None
    overshoot: int | None = None
    open_s: float | None = None
    open_error_s: float | None = None
    recovery_latency_s: float | None = None
    restored_s: float | None = None
    outage_s: float | None = None
    throttled: int = 0
    shed: int = 0
    retrip: bool = False
    truth: dict[str, float | None] | None = None
    error_s: dict[str, float | None] | None = None
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Of a measure's name: the least and the most that the truth can be."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Answers:
    """What clients got, as arrays in start order: unix ns, status (0: nothing), and the answering side.

    `waited`: ns that the gateway waited for the backend, 0 where it does not tell. `whole`: it did not break off.
    `alike`: how many requests each stands for; `unseen`: where more than itself, ns, the longest from the start of one
    till the next was admitted.
    """

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    status: npt.NDArray[np.int16]
    by_backend: npt.NDArray[np.bool_]
    retry_after_s: npt.NDArray[np.float32]
    waited: npt.NDArray[np.int64]
    whole: npt.NDArray[np.bool_]
    alike: npt.NDArray[np.int64]
    unseen: npt.NDArray[np.int64]


def measure_trips(
    periods: list[OpenPeriod],
    before: list[Indexes],
    answers: Answers,
    rule: BreakerRule | None,
    backend: str | None,
    zero_ns: int,
    options: LocalOptions,
    service: npt.NDArray[np.int64],
) -> list[Trip]:
    """Measures of each open period of one breaker. `before`: as `failures_before` finds them.

    `answers`: every request that this breaker could refuse. `service`: requests and 2xx of each second of the run.
    """
    trips: list[Trip] = []
    for index, period in enumerate(periods):
        trip = Trip(backend, None, _seconds(period.tripped, zero_ns), _seconds(period.reset, zero_ns))
        trip.shed = period.sheds
        earlier = periods[index - 1].reset if index else None
        trip.retrip = earlier is not None and not _recovered(answers, earlier, period.tripped)
        _count(trip, before[index], answers, period, rule)
        _open_time(trip, before[index], answers, rule, options)
        later = periods[index + 1].tripped if index + 1 < len(periods) else None
        _recovery(trip, period, answers, later)
        _restored(trip, answers, later, service, zero_ns)
        trips.append(trip)
    return trips


def failed_answers(answers: Answers, rule: BreakerRule | None) -> npt.NDArray[np.bool_]:
    """Backend answers that the rule counts."""
    return counted_statuses(answers.status, rule) & answers.by_backend


def counted_statuses(status: npt.NDArray[np.int16], rule: BreakerRule | None) -> npt.NDArray[np.bool_]:
    """Which statuses the rule counts; without a known rule, 429 and 5xx."""
    ranges = rule.status_codes if rule is not None and rule.status_codes else ((429, 429), (500, 599))
    counted = np.zeros(len(status), dtype=bool)
    for low, high in ranges:
        counted |= (status >= low) & (status <= high)
    return counted


def _seconds(interval: Interval | None, zero_ns: int) -> Measured | None:
    if interval is None:
        return None
    return Measured((interval.estimate_ns - zero_ns) / NS, interval.half_width_ns / NS)


def _recovered(answers: Answers, reset: Interval, tripped: Interval | None) -> bool:
    """Whether a 2xx came between a reset and the next trip."""
    until = answers.start[-1] if tripped is None else tripped.high_ns
    low, high = np.searchsorted(answers.start, [reset.low_ns, until])
    return bool(np.any(_good(answers)[low:high]))


def _good(answers: Answers) -> npt.NDArray[np.bool_]:
    return (answers.status >= 200) & (answers.status < 300) & answers.whole


def failures_before(periods: list[OpenPeriod], answers: Answers, rule: BreakerRule | None) -> list[Indexes]:
    """For each period, indexes of failures admitted before its trip, within its counting window, in order of their end.

    Counters are empty after a reset, so the window begins there at the earliest.
    """
    failed = failed_answers(answers, rule)
    earlier = [None, *periods]
    return [_failures_before(answers, failed, *pair, rule) for pair in zip(periods, earlier, strict=False)]


def _failures_before(
    answers: Answers,
    failed: npt.NDArray[np.bool_],
    period: OpenPeriod,
    earlier: OpenPeriod | None,
    rule: BreakerRule | None,
) -> Indexes:
    if period.tripped is None:
        return np.empty(0, dtype=np.intp)
    since = 0
    if earlier is not None:
        since = earlier.open_at_ns if earlier.reset is None else earlier.reset.low_ns
    low, high = np.searchsorted(answers.start, [since, period.tripped.high_ns])
    found = low + np.flatnonzero(failed[low:high])
    if rule is not None:
        found = found[answers.end[found] > period.tripped.estimate_ns - rule.interval * NS]
    order = np.argsort(answers.end[found], kind="stable")
    return np.asarray(found[order], dtype=np.intp)


def _count(trip: Trip, before: Indexes, answers: Answers, period: OpenPeriod, rule: BreakerRule | None) -> None:
    if period.tripped is None or not len(before):
        return
    trip.throttled = int(np.sum(answers.status[before] == 429))
    trip.failures_to_trip = int(np.sum(answers.end[before] <= period.tripped.high_ns))
    trip.time_to_trip_s = (period.tripped.estimate_ns - int(answers.end[before[0]])) / NS
    if rule is not None and rule.count is not None:
        trip.overshoot = max(0, len(before) - rule.count)


def _open_time(
    trip: Trip,
    before: Indexes,
    answers: Answers,
    rule: BreakerRule | None,
    options: LocalOptions,
) -> None:
    if trip.tripped_s is None or trip.reset_s is None:
        return
    trip.open_s = trip.reset_s.estimate - trip.tripped_s.estimate
    if rule is None:
        return
    configured = rule.trip_duration
    if rule.accept_retry_after and len(before):
        tripping = before[min(rule.count or len(before), len(before)) - 1]
        configured = _heeded(float(answers.retry_after_s[tripping]), rule, options)
    trip.open_error_s = trip.open_s - configured


def _heeded(told_s: float, rule: BreakerRule, options: LocalOptions) -> float:
    """How long a Retry-After makes the breaker stay open, under the options in force. Not a number: none was told."""
    if np.isnan(told_s):
        return rule.trip_duration
    told_s = told_s if options.retry_after_cap is None else min(told_s, options.retry_after_cap)
    return told_s if options.retry_after_shorter == "replaces" else max(told_s, rule.trip_duration)


def _recovery(trip: Trip, period: OpenPeriod, answers: Answers, later: Interval | None) -> None:
    """First 2xx before the next trip."""
    if period.reset is None:
        return
    low = np.searchsorted(answers.start, period.reset.low_ns)
    high = len(answers.start) if later is None else np.searchsorted(answers.start, later.high_ns)
    served = answers.end[low:high][(_good(answers) & answers.by_backend)[low:high]]
    # Where other units, or a doubtful reset, let answers through before.
    served = served[served >= period.reset.estimate_ns]
    trip.recovery_latency_s = (int(served.min()) - period.reset.estimate_ns) / NS if len(served) else None


def _restored(
    trip: Trip, answers: Answers, later: Interval | None, service: npt.NDArray[np.int64], zero_ns: int
) -> None:
    """First full second of service, before the next trip and the last request's second."""
    if trip.reset_s is None:
        return
    high = len(answers.start) if later is None else int(np.searchsorted(answers.start, later.high_ns))
    first, last = int(np.ceil(trip.reset_s.estimate)), int((answers.start[high - 1] - zero_ns) // NS)
    sent, good = service[max(first, 0) : max(last, 0)].T
    whole = np.flatnonzero((sent > 0) & (good >= RESTORED_SHARE * sent))
    if len(whole):
        trip.restored_s = max(first, 0) + int(whole[0]) - trip.reset_s.estimate
