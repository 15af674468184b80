"""Measures each trip of one breaker as docs/measures.md defines it, in seconds from the run's start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reports.trips.answers import failed_answers
from reports.trips.bounds import Counted, count_bounds, open_bounds, recovery_bounds, wait_bounds
from reports.trips.evidence import Evidence
from reports.trips.instants import NS, Instants, Interval
from reports.trips.outage import RESTORED_SHARE, outage_s
from reports.trips.periods import OpenPeriod
from reports.trips.trip import Measured, Trip
from reports.trips.units import mixed_bounds, mixed_share
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["Service", "heeded_s", "measure_trips"]

Indexes = npt.NDArray[np.intp]
Bounds = dict[str, tuple[float, float]]


class Service(NamedTuple):
    """The service to clients of the whole lab, in ascending unix ns.

    `felt`: the starts of requests that failed or were shed. `whole`: the starts of seconds in which service was whole.
    """

    felt: Instants
    whole: Instants


def measure_trips(periods: list[OpenPeriod], evidence: Evidence, service: Service) -> list[Trip]:
    """Measure each open period of one breaker, or of one group of units."""
    return [
        _Measurement(evidence, period, earlier, later).trip(service)
        for period, earlier, later in zip(periods, [None, *periods], [*periods[1:], None], strict=False)
    ]


class _Count(NamedTuple):
    """The measures of the failures before one trip."""

    throttled: int = 0
    failures_to_trip: int | None = None
    failures_bounds: tuple[int, int] | None = None
    time_to_trip_s: float | None = None
    overshoot: int | None = None


class _Measurement:
    """Measures one open period, given its neighbours and the backend's evidence."""

    def __init__(
        self, evidence: Evidence, period: OpenPeriod, earlier: OpenPeriod | None, later: OpenPeriod | None
    ) -> None:
        self._evidence, self._answers, self._rule = evidence, evidence.answers, evidence.rule
        self._period, self._earlier = period, earlier
        self._next_trip = None if later is None else later.tripped
        self._tripped, self._reset = _seconds(period.tripped, evidence), _seconds(period.reset, evidence)
        self._before = self._failures_before()
        self._bounds: Bounds = {}

    def trip(self, service: Service) -> Trip:
        """Return the trip with all its measures."""
        period, evidence = self._period, self._evidence
        count, open_s = self._count(), self._open_s()
        recovery_s = self._recovery_s()
        full, share = self._units()
        single = evidence.units == 1
        return Trip(
            backend=evidence.backend,
            unit=0 if single else None,
            tripped_s=self._tripped,
            reset_s=self._reset,
            time_to_trip_s=count.time_to_trip_s,
            failures_to_trip=count.failures_to_trip,
            failures_bounds=count.failures_bounds,
            first_shed_s=None if single else (period.open_by_ns - evidence.zero_ns) / NS,
            full_shed_s=full,
            partial_shed_share=share,
            overshoot=count.overshoot,
            open_s=open_s,
            open_error_s=self._open_error_s(open_s),
            recovery_latency_s=recovery_s,
            restored_s=self._restored_s(),
            outage_s=outage_s(period, self._next_trip, service.felt, service.whole),
            throttled=count.throttled,
            shed=period.sheds,
            retrip=self._is_retrip(),
            bounds=self._bounds,
        )

    def _failures_before(self) -> Indexes:
        """Return the indexes of failures sent before the trip and in its counting window, in order of their end.

        The count is empty after a reset, so the window begins there at the earliest.
        """
        tripped, answers, earlier = self._period.tripped, self._answers, self._earlier
        if tripped is None:
            return np.empty(0, dtype=np.intp)
        since = 0
        if earlier is not None:
            since = earlier.open_at_ns if earlier.reset is None else earlier.reset.low_ns
        low, high = np.searchsorted(answers.start, [since, tripped.high_ns])
        found = low + np.flatnonzero(failed_answers(answers, self._rule)[low:high])
        if self._rule is not None:
            found = found[answers.end[found] > tripped.estimate_ns - self._rule.interval * NS]
        order = np.argsort(answers.end[found], kind="stable")
        return np.asarray(found[order], dtype=np.intp)

    def _count(self) -> _Count:
        """Measure the failures before the trip, with each estimate within its bounds."""
        tripped, before, rule = self._period.tripped, self._before, self._rule
        if tripped is None:
            return _Count()
        began = None if self._earlier is None else self._earlier.count_begins
        counted = self._evidence.failures.counted(tripped, began)
        fewest, most = failures_bounds = count_bounds(
            counted, tripped, by_failure=tripped.by == "cause" and rule is not None and rule.count is not None
        )
        if not len(before):
            return _Count(failures_bounds=failures_bounds)
        ended = int(np.sum(self._answers.end[before] <= tripped.high_ns))
        return _Count(
            throttled=int(np.sum(self._answers.traffic[before] & (self._answers.status[before] == 429))),
            failures_to_trip=min(max(ended, fewest), most),
            failures_bounds=failures_bounds,
            time_to_trip_s=self._time_to_trip_s(tripped, counted),
            overshoot=self._overshoot(tripped, rule),
        )

    def _time_to_trip_s(self, tripped: Interval, counted: Counted) -> float | None:
        """Return the seconds from the first failure to the trip, or None if fewer than the rule's count were seen."""
        rule = self._rule
        if rule is not None and rule.count is not None and len(counted[0]) < rule.count:
            return None
        least, most = self._bounds["time_to_trip_s"] = wait_bounds(tripped, counted)
        return min(max((tripped.estimate_ns - int(self._answers.end[self._before[0]])) / NS, least), most)

    def _overshoot(self, tripped: Interval, rule: BreakerRule | None) -> int | None:
        """Return the failures beyond the rule's count; None for a percentage, and for units that count separately."""
        if rule is None or rule.count is None or self._evidence.units > 1:
            return None
        fewest, most = self._bounds["overshoot"] = self._evidence.failures.late(tripped)
        return min(max(0, len(self._before) - rule.count, fewest), most)

    def _open_s(self) -> float | None:
        if self._tripped is None or self._reset is None:
            return None
        open_s = self._reset.estimate - self._tripped.estimate
        self._bounds["open_s"] = open_bounds(self._tripped, self._reset)
        return open_s

    def _open_error_s(self, open_s: float | None) -> float | None:
        """Return the open time minus the configured time, or None for several units, since the rule applies to each."""
        rule, before = self._rule, self._before
        if open_s is None or rule is None or self._evidence.units > 1:
            return None
        configured = rule.trip_duration
        if rule.accept_retry_after and len(before):
            tripping = before[min(rule.count or len(before), len(before)) - 1]
            configured = heeded_s(float(self._answers.retry_after_s[tripping]), rule, self._evidence.options)
        return open_s - configured

    def _recovery_s(self) -> float | None:
        """Return the seconds from the reset to the traffic's first 2xx before the next trip; None: none came."""
        reset, answers, later = self._period.reset, self._answers, self._next_trip
        if reset is None:
            return None
        low = np.searchsorted(answers.start, reset.low_ns)
        high = len(answers.start) if later is None else np.searchsorted(answers.start, later.high_ns)
        served = answers.end[low:high][(answers.good & answers.by_backend & answers.traffic)[low:high]]
        # With several units or a doubtful reset, answers may have come through before.
        served = served[served >= reset.estimate_ns]
        if not len(served):
            return None
        self._bounds["recovery_latency_s"] = recovery_bounds(reset, answers, later, self._evidence.doubt_ns)
        return float((int(served.min()) - reset.estimate_ns) / NS)

    def _restored_s(self) -> float | None:
        """Return the seconds from the reset to the first full second of service before the next trip, or None.

        The second of the last request is not full, so it does not count.
        """
        if self._reset is None:
            return None
        start, later = self._answers.start, self._next_trip
        high = len(start) if later is None else int(np.searchsorted(start, later.high_ns))
        first = max(int(np.ceil(self._reset.estimate)), 0)
        last = int((start[high - 1] - self._evidence.zero_ns) // NS)
        sent, good = self._evidence.service[first : max(last, 0)].T
        whole = np.flatnonzero((sent > 0) & (good >= RESTORED_SHARE * sent))
        return first + int(whole[0]) - self._reset.estimate if len(whole) else None

    def _is_retrip(self) -> bool:
        """Return whether no 2xx came between the previous reset and this trip."""
        if self._earlier is None or self._earlier.reset is None:
            return False
        tripped, answers = self._period.tripped, self._answers
        until = answers.start[-1] if tripped is None else tripped.high_ns
        low, high = np.searchsorted(answers.start, [self._earlier.reset.low_ns, until])
        return not bool(np.any(answers.good[low:high]))

    def _units(self) -> tuple[Measured | None, float | None]:
        """Return when all units were open, and the share of sheds among the requests from the first shed until then."""
        period, touches = self._period, self._evidence.touches
        if self._evidence.units == 1 or period.full is None:
            return None, None
        share = mixed_share(touches, period.open_by_ns, period.full.estimate_ns)
        if share is not None:
            self._bounds["partial_shed_share"] = mixed_bounds(touches, period.open_by_ns, period.full)
        return _seconds(period.full, self._evidence), share


def _seconds(interval: Interval | None, evidence: Evidence) -> Measured | None:
    if interval is None:
        return None
    zero_ns = evidence.zero_ns
    estimate, low, high = ((at - zero_ns) / NS for at in (interval.estimate_ns, interval.low_ns, interval.high_ns))
    return Measured(estimate, low, high, interval.by)


def heeded_s(retry_after_s: float, rule: BreakerRule, options: LocalOptions) -> float:
    """Return how long a Retry-After keeps the breaker open under these options, in seconds. NaN: there was none."""
    if np.isnan(retry_after_s):
        return rule.trip_duration
    wait_s = retry_after_s if options.retry_after_cap is None else min(retry_after_s, options.retry_after_cap)
    return wait_s if options.retry_after_shorter == "replaces" else max(wait_s, rule.trip_duration)
