"""Measures outages as clients felt them: from the first failure to the first full second of service."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.statistics.tally import Tally
from reports.trips.answers import counted_statuses
from reports.trips.instants import NEVER, NS, Instants, Interval
from reports.trips.periods import OpenPeriod
from tripcurve.lab import Lab

__all__ = ["RESTORED_SHARE", "felt_failures", "outage_s", "whole_seconds"]

RESTORED_SHARE = 0.99
"""Service is whole in a second in which at least this share of the requests got a 2xx."""


def felt_failures(frame: pd.DataFrame, lab: Lab) -> Instants:
    """Starts, unix ns, of requests that failed by some backend's rule, or were shed."""
    status = frame["status"].to_numpy()
    counted = np.logical_or.reduce([counted_statuses(status, backend.breaker) for backend in lab.backends])
    failed = (frame["origin"] == "backend").to_numpy() & counted
    shed = frame["shed"].to_numpy()
    starts: Instants = frame["start_ns"].to_numpy()[failed | shed]
    return starts


def whole_seconds(tally: Tally) -> Instants:
    """Starts, unix ns, of the run's full seconds in which at least 99 % of all requests succeeded.

    A second without a request shows no service, and the run's last is not full.
    """
    sent, fine = tally.service_of(None)[:-1].T
    return np.flatnonzero((sent > 0) & (fine >= RESTORED_SHARE * sent)) * NS + tally.start_ns


def outage_s(period: OpenPeriod, later: Interval | None, felt: Instants, whole: Instants) -> float | None:
    """How long the outage with this open period lasted, from the first failure since service was last whole.

    One outage may hold several trips; it is stated with the last of them. 0 means that no client saw a failure. None
    means that the trip was not seen to begin, or that service was not whole before the next one, at `later`.
    """
    if period.tripped is None:
        return None
    began = _began(period, felt, whole)
    until = NEVER if later is None else later.low_ns
    return 0.0 if began is None else _lasted(began, period, whole, until)


def _began(period: OpenPeriod, felt: Instants, whole: Instants) -> int | None:
    """The first failure since the last whole second before the trip, or None if none came until the reset."""
    known = 0 if period.tripped is None else int(np.searchsorted(whole, period.tripped.low_ns - NS, side="right"))
    since = int(whole[known - 1]) + NS if known else np.iinfo(np.int64).min
    index = int(np.searchsorted(felt, since))
    return int(felt[index]) if index < len(felt) and felt[index] <= period.open_at_ns else None


def _lasted(began: int, period: OpenPeriod, whole: Instants, until: int) -> float | None:
    """Time to the first whole second after the beginning, and after the trip if that refused any request."""
    since = began if period.tripped is None or not period.sheds else max(began, period.tripped.low_ns)
    index = int(np.searchsorted(whole, since))
    if index == len(whole) or whole[index] + NS > until:
        return None
    return (int(whole[index]) - began) / NS
