"""Compares rules that were tried: which of them no other dominates, and which one to take."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from simulator.trials import Estimate, Trial, estimate

__all__ = ["advise", "dominates", "frontier", "kept_off"]


def kept_off(trial: Trial, without: Trial) -> Estimate:
    """Return the share of the sick backend's load that a rule kept away. `without`: the same incidents, no breaker."""
    base = fmean(without.asked)
    if base == 0:
        return Estimate(0.0, 0.0, 0.0)
    return estimate([1 - asked / base for asked in trial.asked])


def dominates(one: Trial, other: Trial) -> bool:
    """Return whether `one` is better than `other` in some respect, by more than noise, and not worse in any.

    The respects are the clients' outage, the load on the sick backend and false trips. Both were tried with the same
    seeds, so their differences are compared seed by seed.
    """
    outage = estimate([a - b for a, b in zip(one.outage_s, other.outage_s, strict=True)])
    asked = estimate([a - b for a, b in zip(one.asked, other.asked, strict=True)])
    trips, others = one.false_trips_a_day, other.false_trips_a_day
    if outage.mean > 0 or asked.mean > 0 or trips.mean > others.mean:
        return False
    return outage.high < 0 or asked.high < 0 or trips.high < others.low


def frontier(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that no other dominates, by their outage."""
    best = [trial for trial in trials if not any(dominates(other, trial) for other in trials if other is not trial)]
    return sorted(best, key=lambda trial: fmean(trial.outage_s))


def advise(best: Sequence[Trial], without: Trial, *, least_kept_off: float, most_false_trips: float) -> Trial | None:
    """Return the trial with the least outage of those that keep enough load off and seldom trip falsely.

    `least_kept_off`: share of the sick backend's load; `most_false_trips`: a day, and it is the interval's upper end
    that must not exceed it unless no trip was seen at all. None if no trial does.
    """
    good = [
        trial
        for trial in best
        if kept_off(trial, without).mean >= least_kept_off
        and (trial.false_trips == 0 or trial.false_trips_a_day.high <= most_false_trips)
    ]
    return min(good, key=lambda trial: fmean(trial.outage_s), default=None)
