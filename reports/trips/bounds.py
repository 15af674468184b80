"""How far from the truth each measure can be: the least and the most that the run's touches allow.

The trip and the reset are intervals, and so is a failure's arrival at the gateway: after its start and the gateway's
wait for the backend, before its end. The bounds here take each at its worst. Definitions: docs/measures.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reports.trips.measures import LOST_FOR_S, NS, Answers, Trip, failed_answers
from reports.trips.trip import Instants, Interval, OpenPeriod
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["NEVER", "Failures", "bound_trips", "slides"]

Mask = npt.NDArray[np.bool_]
NEVER = np.iinfo(np.int64).max
ROUNDING_NS = 1000
"""Of an instant that was kept as seconds: the stretch that begins at a trip's own lower bound is the trip."""


class Failures:
    """The failures that one breaker may have counted, by start, unix ns: when each can have reached it.

    Requests whose client gave up are among them, for their answers may have failed, and so are those the gateway
    could not get answered, where the rule counts such. `shortest_ns`: the least that the breaker stays open; a
    stretch as long without a touch may hide a trip, after which the count began anew.
    """

    def __init__(
        self, answers: Answers, rule: BreakerRule | None, options: LocalOptions, shortest_ns: int, doubt_ns: int = 0
    ) -> None:
        failed, lost = failed_answers(answers, rule), answers.status == 0
        unanswered = _unanswered(answers) if rule is not None and rule.error_reasons else np.zeros_like(lost)
        chosen = np.flatnonzero(failed | lost | unanswered)
        self.doubt_ns = doubt_ns
        self._start = answers.start[chosen]
        self._early = answers.start[chosen] + np.where(failed, answers.waited, 0)[chosen] - doubt_ns
        self._late = np.where(lost[chosen], NEVER, answers.end[chosen] + doubt_ns)
        self._seen = failed[chosen]
        self._longest = int((answers.end - answers.start)[chosen].max(initial=0)) + LOST_FOR_S * NS * bool(lost.any())
        self._interval_ns = NEVER if rule is None else int(rule.interval * NS)
        self._plain = slides(options)
        self._forgets = options.counter_after_reset == "cleared"
        self._quiet_start, self._quiet_end = _quiet(answers, shortest_ns)

    def counted(self, tripped: Interval, began: Interval | None) -> tuple[Instants, Instants, Mask]:
        """Failures that may have been in the window at a trip: earliest and latest arrivals, and which surely were.

        `began`: when the count began anew, at the reset before; None: with the run.
        """
        early, late, sure = self.between(began, tripped)
        begin = tripped.low_ns - self._interval_ns
        may = late >= begin
        return (
            np.maximum(early, begin)[may],
            late[may],
            (sure & self._plain & (early > tripped.high_ns - self._interval_ns))[may],
        )

    def between(self, began: Interval | None, until: Interval) -> tuple[Instants, Instants, Mask]:
        """Failures that may have arrived while the count ran, however long ago, and which surely did."""
        since, surely_since = self._count_began(until.low_ns, began)
        first, last = np.searchsorted(self._start, [since - self._longest, until.high_ns], side="right")
        early, late = self._early[first:last], self._late[first:last]
        may = (late >= since) & (early <= until.high_ns)
        sure = (early > surely_since) & (late <= until.low_ns) & self._seen[first:last]
        return np.maximum(early[may], since), late[may], sure[may]

    def late(self, tripped: Interval) -> tuple[int, int]:
        """The least and the most failures that arrived after a trip, of requests admitted before it."""
        first, last = np.searchsorted(self._start, [tripped.low_ns - self._longest, tripped.high_ns], side="right")
        start, early, late = self._start[first:last], self._early[first:last], self._late[first:last]
        surely = (early > tripped.high_ns) & (start < tripped.low_ns) & (late < NEVER)
        return int(np.sum(surely)), int(np.sum(late > tripped.low_ns))

    def _count_began(self, low: int, began: Interval | None) -> tuple[int, int]:
        """When the count began at the earliest, and since when it surely ran."""
        if not self._forgets:
            return 0, 0
        quiet = int(np.searchsorted(self._quiet_start, low - ROUNDING_NS))
        hidden = int(self._quiet_end[:quiet].max(initial=0))
        return (0, hidden) if began is None else (began.low_ns, max(began.high_ns, hidden))


def slides(options: LocalOptions) -> bool:
    """Whether every failure of the last interval counts."""
    return options.breaker_window == "sliding" and not options.success_clears


def _unanswered(answers: Answers) -> Mask:
    """What the gateway itself made up where a backend gave no response: a failure, if the rule names such reasons."""
    made_up: Mask = ~answers.by_backend & (answers.status >= 500) & (answers.status != 503)
    return made_up


def _quiet(answers: Answers, shortest_ns: int) -> tuple[Instants, Instants]:
    """The stretches between two answers of the backend in which the breaker may have been open unseen."""
    start = answers.start[answers.by_backend]
    by = (answers.end - answers.waited)[answers.by_backend]
    unseen = answers.unseen[answers.by_backend][:-1]
    long_enough = np.flatnonzero(np.where(unseen > 0, unseen, by[1:] - start[:-1]) >= shortest_ns)
    return start[:-1][long_enough], by[1:][long_enough]


def bound_trips(
    trips: list[Trip], periods: list[OpenPeriod], answers: Answers, failures: Failures, rule: BreakerRule | None
) -> None:
    """Set each trip's bounds, and bring its estimates within them. Null where the first failure was surely not seen."""
    for index, (trip, period) in enumerate(zip(trips, periods, strict=True)):
        if period.tripped is not None:
            _bound_count(trip, period.tripped, _count_began(periods[index - 1]) if index else None, failures, rule)
        if trip.tripped_s is not None and trip.reset_s is not None and trip.open_s is not None:
            width = trip.tripped_s.half_width + trip.reset_s.half_width
            trip.bounds["open_s"] = (max(0.0, trip.open_s - width), trip.open_s + width)
        if period.reset is not None and trip.recovery_latency_s is not None:
            later = periods[index + 1].tripped if index + 1 < len(periods) else None
            trip.bounds["recovery_latency_s"] = _recovery_bounds(period.reset, answers, later, failures.doubt_ns)


def _count_began(earlier: OpenPeriod) -> Interval:
    """When the count began after a period: at its reset, or at some time since it was last open."""
    return Interval(earlier.open_at_ns, NEVER) if earlier.reset is None else earlier.reset


def _bound_count(
    trip: Trip, tripped: Interval, began: Interval | None, failures: Failures, rule: BreakerRule | None
) -> None:
    early, late, sure = failures.counted(tripped, began)
    fewest, most = int(np.sum(sure)), len(early)
    trip.failures_bounds = (fewest, most)
    if trip.failures_to_trip is not None:
        trip.failures_to_trip = min(max(trip.failures_to_trip, fewest), most)
    if rule is not None and rule.count is not None and len(early) < rule.count:
        trip.time_to_trip_s = None
    if trip.time_to_trip_s is not None:
        least = max(0, tripped.low_ns - int(late[sure].min())) if sure.any() else 0
        most = max(0, tripped.high_ns - int(early.min()))
        trip.bounds["time_to_trip_s"] = (least / NS, most / NS)
        trip.time_to_trip_s = min(max(trip.time_to_trip_s, least / NS), most / NS)
    if trip.overshoot is not None:
        fewest, most = failures.late(tripped)
        trip.bounds["overshoot"] = (fewest, most)
        trip.overshoot = min(max(trip.overshoot, fewest), most)


def _recovery_bounds(reset: Interval, answers: Answers, later: Interval | None, doubt_ns: int) -> tuple[float, float]:
    """From each instant at which it can have reset to the first 2xx of a request admitted from then on.

    One sent after the instant surely was; one that may still have been on its way to the gateway can be sooner.
    """
    until = len(answers.start) if later is None else int(np.searchsorted(answers.start, later.high_ns))
    began = int(np.searchsorted(answers.start, reset.low_ns))
    flight = int((answers.end - answers.start)[began:until].max(initial=0))
    early = int(np.searchsorted(answers.start, reset.low_ns - flight))
    part = slice(early, until)
    good = answers.by_backend[part] & (answers.status[part] >= 200) & (answers.status[part] < 300)
    start, end = answers.start[part][good], answers.end[part][good]
    admitted_by = end - answers.waited[part][good]
    least = int(end[admitted_by >= reset.low_ns].min()) - reset.high_ns
    sent = start >= reset.low_ns
    soonest = np.minimum.accumulate(end[sent][::-1])[::-1]
    since = np.concatenate(([reset.low_ns], start[sent][:-1]))
    most = int((soonest - since)[since <= reset.high_ns].max())
    return max(0, least - doubt_ns) / NS, (most + doubt_ns) / NS
