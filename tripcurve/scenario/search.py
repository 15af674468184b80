"""The search for the highest rate that a gateway carries: it doubles the rate, then bisects. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tripcurve.errors import BadInput
from tripcurve.scenario.model import Phase, Scenario

__all__ = ["Bounds", "Bracket", "Trial", "at_rate", "bracket", "next_probe", "next_rate"]

LONGEST_ANSWER_S = 2.0
"""A scenario gets enough users that every arrival finds a free one as long as answers take no longer than this."""


@dataclass(frozen=True)
class Bounds:
    """Where and how to search. `start` and `highest`: requests per second. `probe_s`: how long each rate is held.

    `success`: the share of 2xx that a carried rate needs. `tolerance`: stop when the search range is within this
    fraction of the rate (0.1 = 10 %).
    """

    start: float = 25.0
    highest: float = 2000.0
    probe_s: float = 20.0
    success: float = 0.99
    tolerance: float = 0.1

    def check(self) -> None:
        """Raise BadInput, which names the option, if the bounds make no sense."""
        if not 1 <= self.start <= self.highest:
            raise BadInput(
                f"--start {self.start:g} and --to {self.highest:g}: write 1 ≤ start ≤ to, requests per second"
            )
        if not 1 <= self.probe_s <= 3600:
            raise BadInput(f"--probe {self.probe_s:g}: hold each rate between 1 s and 3600 s")
        if not 0.01 <= self.tolerance <= 1:
            raise BadInput(f"--tolerance {self.tolerance:g}: a share between 0.01 and 1, such as 0.1")


class Trial(NamedTuple):
    """A rate that was tried, in requests per second, and whether it was carried."""

    rate: float
    carried: bool


class Bracket(NamedTuple):
    """The range that contains the limit: `low` was carried, `high` was not. None means no such trial yet."""

    low: float | None
    high: float | None


def bracket(trials: Sequence[Trial]) -> Bracket:
    """Return the lowest rate that was not carried, and the highest carried rate below it.

    Rates carried above a rate that was not carried are ignored as luck.
    """
    high = min((trial.rate for trial in trials if not trial.carried), default=None)
    carried = [trial.rate for trial in trials if trial.carried and (high is None or trial.rate < high)]
    return Bracket(max(carried, default=None), high)


def next_rate(
    trials: Sequence[Trial], *, start: float, highest: float, lowest: float = 1.0, tolerance: float = 0.1
) -> float | None:
    """Return the next rate to try; None once the range is within `tolerance` (a fraction) or outside the bounds.

    Raises ValueError for bounds that are not 0 < lowest ≤ start ≤ highest.
    """
    if not 0 < lowest <= start <= highest:
        raise ValueError(f"bounds must be 0 < {lowest} (lowest) ≤ {start} (start) ≤ {highest} (highest)")
    low, high = bracket(trials)
    if low is None and high is None:
        return start
    if high is None:
        assert low is not None  # noqa: S101  # for the type checker: there is at least one trial, so low or high is set
        return None if low >= highest else min(low * 2, highest)
    if low is None:
        return None if high <= lowest else max(high / 2, lowest)
    return None if high - low <= tolerance * low else math.sqrt(low * high)


def next_probe(trials: Sequence[Trial], bounds: Bounds) -> float | None:
    """Return `next_rate` within the bounds; from 20 requests per second on as a whole number that was not tried yet."""
    rate = next_rate(trials, start=bounds.start, highest=bounds.highest, tolerance=bounds.tolerance)
    if rate is None or rate < 20:
        return rate
    whole = float(round(rate))  # reads better, unless so close to a rate that was tried that it would be tried again
    return rate if any(trial.rate == whole for trial in trials) else whole


def at_rate(base: Scenario, rate: float, hold_s: float) -> Scenario:
    """Return the scenario with a single phase at this rate, without faults or probe users, and with enough users."""
    phase = Phase.model_validate({"name": f"rate-{rate:.0f}", "for": hold_s, "rate": rate})
    given = {name: count for name, count in base.users.items() if name != "ProbeUser" and count}
    grow = max(1.0, rate * LONGEST_ANSWER_S / max(sum(given.values()), 1))
    users = {name: math.ceil(count * grow) for name, count in given.items()} or {"ChatUser": math.ceil(grow)}
    return base.model_copy(update={"phases": (phase,), "users": users, "trip_duration": None, "trace": None})
