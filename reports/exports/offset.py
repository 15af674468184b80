"""Estimates how far Azure's clock is ahead of the run's, from what both recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.exports.gateway_log import GatewayLog
from reports.loading.run import Run
from reports.trips.trip import Trip
from tripcurve.breaker.events import BreakerEvent
from tripcurve.errors import BadInput

__all__ = ["AzureOffset", "offset_by_requests", "offset_by_trips"]

Numbers = npt.NDArray[np.int64]
FARTHEST_NS = 60_000_000_000
"""Clocks that are farther apart than this are not reconciled; both sides are supposed to keep time."""
FARTHEST_TRIP_NS = 5_000_000_000
"""By trips alone: a larger offset could pair an event with the trip before or after it."""


@dataclass(frozen=True, slots=True)
class AzureOffset:
    """Azure's unix time minus the run's, ns, and how far that may be off. `by`: what it was estimated from."""

    offset_ns: int
    half_width_ns: int
    by: str


def offset_by_requests(run: Run, log: GatewayLog) -> tuple[AzureOffset, npt.NDArray[np.bool_]]:
    """Return the offset, and which of the log's requests are the run's.

    The gateway began with each request after its client sent it and before its client had the answer. So the i-th
    start that the gateway logged lies between the i-th sending and the i-th ending, each in its own order, whichever
    request it belongs to. Statuses are compared one by one, and only those with as many requests on both sides.
    Raises BadInput if no status has, or if no offset fits all.
    """
    rows = run.requests
    near = (log.start_ns > run.start_ns - FARTHEST_NS) & (log.start_ns < run.tally.end_ns + FARTHEST_NS)
    low, high, pairs, counts = -FARTHEST_NS, FARTHEST_NS, 0, []
    for status in np.unique(log.status[near]):
        logged = np.sort(log.start_ns[near & (log.status == status)])
        own = rows[rows["status"] == status]
        if len(own) != len(logged):
            counts.append(f"{len(logged):,} with status {status}, the run {len(own):,}")
            continue
        start = own["start_ns"].to_numpy()
        end = start + own["latency_us"].to_numpy().astype(np.int64) * 1000
        low = max(low, int((logged - np.sort(end)).max()))
        high = min(high, int((logged - np.sort(start)).min()))
        pairs += len(logged)
    if not pairs:
        found = "; ".join(counts) or "none in the time of the run"
        raise BadInput(f"the export does not match the run; its requests: {found}. Export the time of this run only")
    offset = _between(low - log.precision_ns, high + log.precision_ns)
    if offset is None:
        raise BadInput(f"no offset between Azure's clock and the run's fits all {pairs:,} requests; is it another run?")
    return AzureOffset(*offset, f"{pairs:,} requests"), near


def offset_by_trips(run: Run, trips: list[Trip], events: list[BreakerEvent], precision_ns: int) -> AzureOffset:
    """Return the offset at which the most openings that Azure reported lie within a measured trip of their backend.

    This uses the run's own trips: it shows that their distances agree with Azure's, not that their instants do.
    Raises BadInput if fewer than half of the openings can lie within a trip.
    """
    opened = [event for event in events if event.kind == "opened"]
    edges: list[tuple[int, int, int]] = []
    for number, event in enumerate(opened):
        for trip in trips:
            if trip.backend != event.backend or trip.tripped_s is None:
                continue
            least = event.at_ns - run.start_ns - round(trip.tripped_s.high * 1e9) - precision_ns
            most = event.at_ns - run.start_ns - round(trip.tripped_s.low * 1e9) + precision_ns
            if least < FARTHEST_TRIP_NS and most > -FARTHEST_TRIP_NS:
                edges += [(least, 0, number), (most, 1, number)]
    low, high, fitting = _deepest(edges)
    if not fitting or 2 * fitting < len(opened):
        shown = f"{fitting} of {len(opened)}" if opened else "none"
        raise BadInput(
            f"Azure's clock and the run's cannot be reconciled: {shown} openings fit a trip of the run within "
            f"{FARTHEST_TRIP_NS / 1e9:.0f} s; is the export of another run?"
        )
    offset = _between(low, high)
    assert offset is not None  # noqa: S101  # the edges of one stretch are in order
    return AzureOffset(*offset, f"{fitting} of {len(opened)} trips of the run itself")


def _deepest(edges: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Return the stretch that the most intervals cover, and their number. An edge: where, 0 begin or 1 end, whose."""
    best, depth = (0, 0, 0), 0
    ordered = sorted(edges)
    for place, (at, ends, _) in enumerate(ordered):
        depth += -1 if ends else 1
        if depth > best[2]:
            best = (at, ordered[place + 1][0], depth)
    return best


def _between(low: int, high: int) -> tuple[int, int] | None:
    """Return the middle of an interval and half its length; None if it is empty."""
    return None if low > high else ((low + high) // 2, -((low - high) // 2))
