"""Computes the counts of a simulated run without drawing its requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simulator.fast.transitions import Trip
from simulator.sources import Source

__all__ = ["Counts", "count"]


class Counts(NamedTuple):
    """The requests of a run by outcome. `exact` False: `requests` and `shed` are expected values, rounded."""

    requests: int
    shed: int
    failures: int
    """Answers that the breaker's rule counts."""
    exact: bool

    @property
    def others(self) -> int:
        """Answers that are neither a shed nor a failure."""
        return self.requests - self.shed - self.failures


def count(sources: Sequence[Source], trips: Sequence[Sequence[Trip]], failures: int) -> Counts:
    """Count the requests of a run. The numbers are exact for constant arrivals on one unit."""
    exact = len(trips) == 1 and not any(source.poisson for source in sources)
    if exact:
        requests = sum(source.size for source in sources)
        shed = sum(_shed(source, trip) for source in sources for trip in trips[0])
        return Counts(requests, shed, failures, True)
    expected = sum(source.schedule.total for source in sources)
    passed = sum(
        source.schedule.due(t.until) - source.schedule.due(t.at) for source in sources for u in trips for t in u
    )
    return Counts(round(expected), round(passed / len(trips)), failures, False)


def _shed(source: Source, trip: Trip) -> int:
    """Count the requests that the open breaker shed: admitted after the trip and before the deadline."""
    if source.schedule.due(trip.until) <= 0 or source.latest(source.blocks - 1) < trip.at:
        return 0
    return source.admitted_by(trip.until, inclusive=False) - source.admitted_by(trip.at, inclusive=True)
