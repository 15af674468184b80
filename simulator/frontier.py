"""Compares tried rules: finds those that no other dominates, and the one to use."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from simulator.trials import Estimate, Trial, estimate

__all__ = ["advise", "dominates", "frontier", "kept_off"]


def kept_off(trial: Trial, without: Trial) -> Estimate:
    """Return the share of the sick backend's load that a rule kept off. `without`: the trial without a breaker."""
    base = fmean(without.asked)
    if base == 0:
        return Estimate(0.0, 0.0, 0.0)
    return estimate([1 - asked / base for asked in trial.asked])


def dominates(one: Trial, other: Trial) -> bool:
    """Return whether `one` is better than `other` by one criterion, by more than noise, and not worse by any.

    The criteria are the clients' outage, the load on the sick backend, and false trips. Both rules must have been tried
    with the same seeds, because differences are computed seed by seed.
    """
    outage = estimate([a - b for a, b in zip(one.outage_s, other.outage_s, strict=True)])
    asked = estimate([a - b for a, b in zip(one.asked, other.asked, strict=True)])
    trips, others = one.false_trips_a_day, other.false_trips_a_day
    if outage.mean > 0 or asked.mean > 0 or trips.mean > others.mean:
        return False
    return outage.high < 0 or asked.high < 0 or trips.high < others.low


def frontier(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that no other dominates, in order of their outage."""
    best = [trial for trial in trials if not any(dominates(other, trial) for other in trials if other is not trial)]
    return sorted(best, key=lambda trial: fmean(trial.outage_s))


def advise(best: Sequence[Trial], without: Trial, *, least_kept_off: float, most_false_trips: float) -> Trial | None:
    """Return the trial with the least outage among those that meet both demands, or None if none does.

    `least_kept_off`: the share of the sick backend's load. `most_false_trips`: per day; the upper end of the interval
    must not exceed it, unless no false trip occurred at all.
    """
    good = [
        trial
        for trial in best
        if kept_off(trial, without).mean >= least_kept_off
        and (trial.false_trips == 0 or trial.false_trips_a_day.high <= most_false_trips)
    ]
    return min(good, key=lambda trial: fmean(trial.outage_s), default=None)
