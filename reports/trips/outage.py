"""Measures outages as clients saw them: from the first failure to the first full second of service."""

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
"""Service is whole in a second if at least this share of its requests got a 2xx."""


def felt_failures(frame: pd.DataFrame, lab: Lab) -> Instants:
    """Return the starts, unix ns, of the traffic's requests that failed by some backend's rule or were shed."""
    status = frame["status"].to_numpy()
    counted = np.logical_or.reduce([counted_statuses(status, backend.breaker) for backend in lab.backends])
    failed = (frame["origin"] == "backend").to_numpy() & counted
    shed = frame["shed"].to_numpy()
    starts: Instants = frame["start_ns"].to_numpy()[(failed | shed) & ~frame["dense"].to_numpy()]
    return starts


def whole_seconds(tally: Tally) -> Instants:
    """Return the starts, unix ns, of the run's full seconds in which 99 % or more of all requests succeeded.

    A second without requests does not show service, and the run's last second is not full.
    """
    sent, fine = tally.service_of(None)[:-1].T
    return np.flatnonzero((sent > 0) & (fine >= RESTORED_SHARE * sent)) * NS + tally.start_ns


def outage_s(period: OpenPeriod, later: Interval | None, felt: Instants, whole: Instants) -> float | None:
    """Return the seconds that the outage with this open period lasted, from the first failure since service was whole.

    An outage may contain several trips; it is reported with the last of them. 0: no client saw a failure. None: the
    trip was not observed, or service was not whole before the next trip, `later`.
    """
    if period.tripped is None:
        return None
    began = _began(period, felt, whole)
    until = NEVER if later is None else later.low_ns
    return 0.0 if began is None else _lasted(began, period, whole, until)


def _began(period: OpenPeriod, felt: Instants, whole: Instants) -> int | None:
    """Return the first failure since the last whole second before the trip, or None if none came in the open period."""
    known = 0 if period.tripped is None else int(np.searchsorted(whole, period.tripped.low_ns - NS, side="right"))
    since = int(whole[known - 1]) + NS if known else np.iinfo(np.int64).min
    index = int(np.searchsorted(felt, since))
    return int(felt[index]) if index < len(felt) and felt[index] <= period.open_at_ns else None


def _lasted(began: int, period: OpenPeriod, whole: Instants, until: int) -> float | None:
    """Return the seconds from `began` to the first whole second, which is after the trip if a request was shed."""
    since = began if period.tripped is None or not period.sheds else max(began, period.tripped.low_ns)
    index = int(np.searchsorted(whole, since))
    if index == len(whole) or whole[index] + NS > until:
        return None
    return (int(whole[index]) - began) / NS
