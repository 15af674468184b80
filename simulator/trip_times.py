"""Simulates times to trip, from the onset of an overload to the trip, with many seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from simulator.engines import Engine, Local
from simulator.expected import expected_trip_s, threshold_share
from simulator.fast.transitions import Walk
from simulator.network import Network
from simulator.service import HOP_S, answer_times
from simulator.sources import sources_of
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.lab.rule import BreakerRule
from tripcurve.scenario import Scenario

__all__ = ["CurvePoint", "Overload", "curve_points", "overload_of", "rule_of", "shares_for"]

_LONGEST_S = 7 * 86_400.0
_NETWORK = Network()
_ABOVE = 1.05
"""The smallest failure share of a curve, as a multiple of the rule's threshold."""


@dataclass(frozen=True)
class Overload:
    """A backend that fails a share of its answers, with a status that the rule counts. `rate`: requests per second."""

    rate: float
    share: float
    status: int


@dataclass(frozen=True)
class CurvePoint:
    """Times to trip at one overload over many seeds, in seconds from its onset. None: too few seeds tripped.

    `low`, `median`, `high`: the 5th, 50th and 95th percentiles; a seed without a trip by `limit_s` counts as infinite.
    `expected_s`: the mean by the closed form plus the mean time to the backend and back to the gateway; None: there is
    no closed form.
    """

    rate: float
    share: float
    low: float | None
    median: float | None
    high: float | None
    tripped: int
    seeds: int
    limit_s: float
    expected_s: float | None


def shares_for(rule: BreakerRule, rate: float, count: int) -> list[float]:
    """Return failure shares from just above the rule's threshold to 1, evenly on a log scale. Empty if it cannot trip.

    A rule with a percentage trips at a share of exactly this percentage.
    """
    lowest = threshold_share(rule, rate) * (1.0 if rule.percentage == 100 else _ABOVE)
    if lowest > 1:
        return []
    return [min(float(share), 1.0) for share in np.geomspace(lowest, 1.0, count)]


def curve_points(
    lab: Lab, rates: Sequence[float], count: int, seeds: Sequence[int], engine: Engine | None = None
) -> list[CurvePoint]:
    """Return the trip curve of a lab's first backend, by rate and share.

    `engine`: where it is computed; None: in this process. Raises BadInput for a rate out of range.
    """
    rule, overloads = rule_of(lab), []
    for rate in dict.fromkeys(rates):
        if not 0 < rate <= 1e6:
            raise BadInput(f"--rate must be more than 0 and at most 1,000,000 requests a second, not {rate:g}")
        overloads += [overload_of(rule, rate, share) for share in shares_for(rule, rate, count)]
    return (engine or Local(1)).map(partial(_point, lab, seeds), overloads)


def rule_of(lab: Lab) -> BreakerRule:
    """Return the rule of the lab's first backend. Raises BadInput if it has none."""
    rule = lab.backends[0].breaker
    if rule is None:
        raise BadInput(f"lab {lab.name}: backend {lab.backends[0].name} has no breaker, so it has no trip curve")
    return rule


def overload_of(rule: BreakerRule, rate: float, share: float) -> Overload:
    """Return an overload with the first status that the rule counts. Raises BadInput if it counts no status."""
    if not rule.status_codes:
        raise BadInput(f"rule {rule.name}: it counts no status, so no answer of a backend trips it")
    return Overload(rate, share, rule.status_codes[0][0])


def _point(lab: Lab, seeds: Sequence[int], overload: Overload) -> CurvePoint:
    rule = rule_of(lab)
    limit_s = _limit_s(rule, overload)
    times = sorted(_trip_times_s(lab, overload, seeds, limit_s))
    low, median, high = (_rank(times, share) for share in (0.05, 0.5, 0.95))
    tripped = sum(time < math.inf for time in times)
    expected = expected_trip_s(rule, overload.rate, overload.share)
    if expected is not None:
        expected += _NETWORK.one_way_s + (_NETWORK.jitter_s + _NETWORK.late_s) / 2 + HOP_S
    return CurvePoint(overload.rate, overload.share, low, median, high, tripped, len(times), limit_s, expected)


def _limit_s(rule: BreakerRule, overload: Overload) -> float:
    """Return how long to wait for a trip, s: 20 intervals plus 20 times what the failures take, up to a week."""
    failures = rule.count or 10
    return min(20 * rule.interval + 20 * failures / (overload.rate * overload.share), _LONGEST_S)


def _rank(times: Sequence[float], share: float) -> float | None:
    found = times[min(int(share * len(times)), len(times) - 1)]
    return found if found < math.inf else None


def _trip_times_s(lab: Lab, overload: Overload, seeds: Sequence[int], limit_s: float) -> list[float]:
    """Return the time to trip of one unit with each seed, s, or infinity if it did not trip by the limit."""
    fault = {"status": overload.status, "share": overload.share}
    phase = {"name": "overload", "for": limit_s, "rate": overload.rate, "simulate": {lab.backends[0].name: fault}}
    scenario = Scenario.model_validate({"name": "curve", "users": {"ChatUser": 1}, "phases": [phase]})
    rule, times = rule_of(lab), answer_times(lab.backends[0], scenario)
    found = []
    for seed in seeds:
        walk = Walk(sources_of(lab, scenario, _NETWORK, seed), 0, rule, lab.local, times)
        found.append(next((trip.at for trip in walk.trips()), math.inf))
    return found
