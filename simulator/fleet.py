"""Simulates many gateway units in virtual time, without rows: when each tripped, and how requests ended.

Units share only the load, so the result does not depend on how they are divided among processes or machines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from simulator.engines import Engine, Local
from simulator.fast.limits import obstacle
from simulator.fast.transitions import Walk
from simulator.network import Network
from simulator.service import answer_times
from simulator.sources import sources_of
from simulator.words import Floats
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

__all__ = ["Fleet", "play_fleet", "play_units"]

_SHARD = 64
"""The number of units that one job simulates."""


@dataclass(frozen=True)
class Fleet:
    """The outcome of all units. `first_trip_s`: by unit, seconds from the run's start, or infinity without a trip."""

    first_trip_s: Floats
    trips: int
    failures: int
    """Answers that the rule counts."""
    shed: float
    """Expected number of sheds, from how long each breaker was open."""
    requests: float
    """Expected number of all requests, from the scenario's rates."""

    def tripped_by(self, share: float) -> float | None:
        """Return the time by which this share of the units had tripped, or None if fewer ever did."""
        place = max(math.ceil(share * len(self.first_trip_s)) - 1, 0)
        found = float(np.sort(self.first_trip_s)[place])
        return found if found < math.inf else None


def play_fleet(lab: Lab, scenario: Scenario, *, seed: int = 0, engine: Engine | None = None) -> Fleet:
    """Simulate every unit of a lab. `engine`: where they are computed; None: on all cores.

    Raises BadInput if the fast method cannot simulate it.
    """
    reason = obstacle(lab, scenario)
    if reason is not None:
        raise BadInput(f"units cannot be simulated independently: {reason}")
    shards = [range(first, min(first + _SHARD, lab.units)) for first in range(0, lab.units, _SHARD)]
    parts = (engine or Local()).map(partial(play_units, lab, scenario, seed), shards)
    return Fleet(
        np.concatenate([part.first_trip_s for part in parts]),
        sum(part.trips for part in parts),
        sum(part.failures for part in parts),
        sum(part.shed for part in parts),
        sum(part.requests for part in parts),
    )


def play_units(lab: Lab, scenario: Scenario, seed: int, units: range) -> Fleet:
    """Simulate some units of a lab, in this process."""
    sources = sources_of(lab, scenario, Network(), seed)
    rule, times = lab.backends[0].breaker, answer_times(lab.backends[0], scenario)
    first, trips, failures, shed = np.full(len(units), np.inf), 0, 0, 0.0
    for place, unit in enumerate(units):
        if rule is None:
            break
        walk = Walk(sources, unit, rule, lab.local, times)
        for trip in walk.trips():
            first[place] = min(first[place], trip.at)
            trips += 1
            shed += sum(source.schedule.due(trip.until) - source.schedule.due(trip.at) for source in sources)
        failures += walk.failures
    requests = sum(source.schedule.total for source in sources) * len(units) / lab.units
    return Fleet(first, trips, failures, shed / lab.units, requests)
