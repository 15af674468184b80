"""A run of the fast method: first its transitions, then its rows as they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from simulator.fast.counts import Counts, count
from simulator.fast.limits import obstacle
from simulator.fast.rows import rows_of
from simulator.fast.transitions import Trip, Walk
from simulator.network import Network
from simulator.service import answer_times
from simulator.sources import Source, sources_of
from simulator.virtual import VirtualEvent
from tripcurve.breaker import Closed, Opened
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario
from tripcurve.scenario.trace import Trace

__all__ = ["FastRun", "run_fast"]


@dataclass(frozen=True)
class FastRun:
    """A simulated run whose transitions are known. `trips`: by unit, in order of time."""

    lab: Lab
    scenario: Scenario
    sources: list[Source]
    trips: list[list[Trip]]
    failures: int
    """Answers that the rule counts as failures."""

    def counts(self) -> Counts:
        """Return the numbers of requests by outcome, without drawing the requests."""
        return count(self.sources, self.trips, self.failures)

    def events(self) -> list[VirtualEvent]:
        """Return the breakers' events in order of time, without resets after the scenario's end."""
        rule = self.lab.backends[0].breaker
        if rule is None:
            return []
        found = []
        for unit, trips in enumerate(self.trips):
            for trip in trips:
                opened = Opened(trip.at, trip.at, trip.until, trip.open_s, trip.failures)
                found.append(VirtualEvent(unit, self.lab.backends[0].name, rule.name, opened))
                if trip.until <= self.scenario.duration_s:
                    closed = Closed(trip.until, trip.until, trip.until, trip.until - trip.at)
                    found.append(VirtualEvent(unit, self.lab.backends[0].name, rule.name, closed))
        return sorted(found, key=lambda entry: entry.event.at)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows as record batches, by start."""
        return rows_of(self.lab, self.scenario, self.sources, self.trips)


def run_fast(
    lab: Lab, scenario: Scenario, *, seed: int = 0, network: Network | None = None, trace: Trace | None = None
) -> FastRun:
    """Find the transitions of a resolved scenario on a lab, which equal those of the reference method.

    `network` None: the default one. `trace`: as in `run_virtual`. Raises BadInput, with the reason, if the fast method
    cannot simulate it.
    """
    reason = obstacle(lab, scenario)
    if reason is not None:
        raise BadInput(f"the fast method cannot simulate this: {reason}")
    sources = sources_of(lab, scenario, network or Network(), seed, trace)
    rule, times = lab.backends[0].breaker, answer_times(lab.backends[0], scenario)
    if rule is None:
        return FastRun(lab, scenario, sources, [[] for _ in range(lab.units)], 0)
    walks = [Walk(sources, unit, rule, lab.local, times) for unit in range(lab.units)]
    trips = [list(walk.trips()) for walk in walks]
    return FastRun(lab, scenario, sources, trips, sum(walk.failures for walk in walks))
