"""Narrows each trip to the arrivals of the failures that may have caused it.

A breaker trips at the instant at which the gateway gets an answer that completes the rule's condition. So the trip is
not anywhere between the last answer and the first shed, but within the arrival of a failure that may have reached the
gateway in between. If several failures may have, the interval covers the arrivals of all.

The lab's count selects among them only if the run shows that it is right: no other count is possible for all trips. A
trip without a possible cause, or a count that does not fit the trips, contradicts the rule; then the intervals by proof
are kept.

Some gateways open the breaker some time after that answer. Then the proofs alone bound the trip, and the cause is only
where it is most likely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from reports.trips.bounds import count_bounds
from reports.trips.evidence import Evidence
from reports.trips.failures import slides
from reports.trips.instants import NEVER, Interval
from reports.trips.periods import OpenPeriod

__all__ = ["Counts", "Narrowed", "narrow"]

Counts = tuple[int, int]
"""The smallest and the largest count of a rule that is possible for every trip. None is if the first is larger."""


class Narrowed(NamedTuple):
    """Open periods, and which counts are possible; None: not known."""

    periods: list[OpenPeriod]
    counts: Counts | None = None


def narrow(periods: list[OpenPeriod], evidence: Evidence) -> Narrowed:
    """Return the periods with each trip bounded by its possible causes, or unchanged if the rule does not fit."""
    if evidence.rule is None or (evidence.pooled and evidence.retries):
        return Narrowed(periods)  # a failure that the policy retried is in no answer
    hulls = [period.tripped and _hull(period.tripped, evidence) for period in periods]
    if any(hull is None and period.tripped is not None for hull, period in zip(hulls, periods, strict=True)):
        return Narrowed(periods)
    narrowed = [replace(period, tripped=hull) for hull, period in zip(hulls, periods, strict=True)]
    count, counts = evidence.rule.count, None
    if count is not None and evidence.units == 1:
        fewest, most = counts = _possible_counts(narrowed, evidence)
        if not fewest <= count <= most:
            return Narrowed(periods, counts)
        narrowed = _counted(narrowed, evidence, count) if fewest == most else narrowed
    expected = [replace(period, tripped=period.tripped and _expected(period.tripped, evidence)) for period in narrowed]
    if not evidence.profile.at_once:
        expected = [_opened_later(period, proven) for period, proven in zip(expected, periods, strict=True)]
    return Narrowed(expected, counts)


def _opened_later(period: OpenPeriod, proven: OpenPeriod) -> OpenPeriod:
    """Return the period bounded by its proofs alone, with the trip most likely at its cause."""
    if period.tripped is None or proven.tripped is None:
        return proven
    return replace(proven, tripped=replace(proven.tripped, expected_ns=int(period.tripped.estimate_ns)))


def _expected(tripped: Interval, evidence: Evidence) -> Interval:
    """The same interval with the average arrival of its cause, if only one answer can be the cause."""
    return replace(tripped, expected_ns=evidence.causes.expected(tripped))


def _hull(tripped: Interval, evidence: Evidence) -> Interval | None:
    """Return the part of a trip's interval in which possible causes arrived, or None if there are none."""
    early, late = evidence.causes.during(tripped)
    if not len(early):
        return None
    low, high = max(int(early.min()), tripped.low_ns), min(int(late.max()), tripped.high_ns)
    return Interval(low, high, "cause")


def _possible_counts(periods: list[OpenPeriod], evidence: Evidence) -> Counts:
    """Return which counts are possible."""
    fewest, most = 0, NEVER
    if evidence.options.half_open_probes or evidence.options.counter_after_reset != "cleared":
        return fewest, most  # then another number of failures may trip the breaker
    for tripped, began in _with_beginning(periods):
        least, largest = count_bounds(evidence.failures.counted(tripped, began), tripped, by_failure=True)
        fewest, most = max(fewest, least), min(most, largest)
    return fewest, most


def _counted(periods: list[OpenPeriod], evidence: Evidence, count: int) -> list[OpenPeriod]:
    """Bound each trip by the arrival of the failure that completed the count."""
    narrowed: list[OpenPeriod] = []
    for period, began in zip(periods, _beginnings(periods), strict=True):
        if period.tripped is None:
            narrowed.append(period)
            continue
        low, high = period.tripped.low_ns, period.tripped.high_ns
        early = evidence.failures.counted(period.tripped, began)[0]
        low = max(low, int(np.sort(early)[count - 1]))
        surely = evidence.failures.surely_arrived(period.tripped, began)
        if len(surely) >= count and slides(evidence.options):
            high = min(high, int(surely[count - 1]))
        if low > high:
            return periods
        narrowed.append(replace(period, tripped=Interval(low, high, "cause")))
    return narrowed


def _with_beginning(periods: list[OpenPeriod]) -> Iterator[tuple[Interval, Interval | None]]:
    """Yield each observed trip, and when the count that led to it began (None: with the run)."""
    for period, began in zip(periods, _beginnings(periods), strict=True):
        if period.tripped is not None:
            yield period.tripped, began


def _beginnings(periods: list[OpenPeriod]) -> list[Interval | None]:
    return [None, *(period.count_begins for period in periods)][: len(periods)]
