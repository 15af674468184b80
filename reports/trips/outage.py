"""What clients felt: from the first failure they saw to the first full second of service, whoever gave it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.statistics.tally import Tally
from reports.trips.measures import NS, RESTORED_SHARE, Trip, counted_statuses
from reports.trips.trip import Instants, OpenPeriod
from tripcurve.lab import Lab

__all__ = ["felt_failures", "measure_outages", "whole_seconds"]


def felt_failures(frame: pd.DataFrame, lab: Lab) -> Instants:
    """Starts, unix ns, of requests that came to a failure by some backend's rule, or were shed."""
    status = frame["status"].to_numpy()
    counted = np.logical_or.reduce([counted_statuses(status, backend.breaker) for backend in lab.backends])
    failed = (frame["origin"] == "backend").to_numpy() & counted
    shed = ((frame["origin"] == "gateway") & (frame["status"] == 503)).to_numpy()
    starts: Instants = frame["start_ns"].to_numpy()[failed | shed]
    return starts


def whole_seconds(tally: Tally) -> Instants:
    """Starts, unix ns, of the run's full seconds in which at least 99 % of all requests succeeded.

    A second without a request shows no service, and the run's last is not full.
    """
    sent, fine = tally.service_of(None)[:-1].T
    return np.flatnonzero((sent > 0) & (fine >= RESTORED_SHARE * sent)) * NS + tally.start_ns


def measure_outages(trips: list[Trip], periods: list[OpenPeriod], felt: Instants, whole: Instants) -> None:
    """Set each trip's outage, from the first failure since service was last whole for a second.

    One outage may hold several trips; it is stated with the trip after which it ended. 0: no client saw a failure.
    None: the trip was not seen to begin, or service was not whole before the next one.
    """
    for index, (trip, period) in enumerate(zip(trips, periods, strict=True)):
        if period.tripped is None:
            continue
        later = periods[index + 1].tripped if index + 1 < len(periods) else None
        began = _began(period, felt, whole)
        until = np.iinfo(np.int64).max if later is None else later.low_ns
        trip.outage_s = 0.0 if began is None else _lasted(began, period, whole, until)


def _began(period: OpenPeriod, felt: Instants, whole: Instants) -> int | None:
    """The first failure since the last whole second before the trip; None: none until the breaker was last open."""
    known = 0 if period.tripped is None else int(np.searchsorted(whole, period.tripped.low_ns - NS, side="right"))
    since = int(whole[known - 1]) + NS if known else np.iinfo(np.int64).min
    index = int(np.searchsorted(felt, since))
    return int(felt[index]) if index < len(felt) and felt[index] <= period.open_at_ns else None


def _lasted(began: int, period: OpenPeriod, whole: Instants, until: int) -> float | None:
    """To the first whole second after it began, and after the trip where that refused anybody."""
    since = began if period.tripped is None or not period.sheds else max(began, period.tripped.low_ns)
    index = int(np.searchsorted(whole, since))
    if index == len(whole) or whole[index] + NS > until:
        return None
    return (int(whole[index]) - began) / NS
