"""Traces of requests for properties of breakers, and ways to play them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tripcurve.breaker import Closed, Opened, Outcome, Ticket
from tripcurve.breaker.machine import Machine

# Quarters are exact in binary, so instants that should coincide do.
instants = st.integers(0, 400).map(lambda quarters: quarters / 4)
lengths = st.integers(1, 60).map(lambda quarters: quarters / 4)


@dataclass(frozen=True)
class Request:
    """A request of a trace: when it starts, when it is answered, and how."""

    start: float
    end: float
    status: int
    retry_after_s: float | None


requests = st.builds(
    lambda start, took, status, hint: Request(start, start + took, status, hint),
    instants,
    st.one_of(st.just(0.0), lengths),
    st.sampled_from([200, 429, 429, 500]),
    st.one_of(st.none(), lengths),
)
traces = st.lists(requests, max_size=60)


def steps(trace: list[Request]) -> list[tuple[float, int, int]]:
    """Starts and ends in order of time; ends before starts of the same instant."""
    found = [(request.end, 0, index) for index, request in enumerate(trace) if request.end > request.start]
    return sorted(found + [(request.start, 1, index) for index, request in enumerate(trace)])


def play(b: Machine, trace: list[Request], looks: list[float]) -> tuple[list[Opened | Closed], list[int]]:
    """Run a trace, with further calls of `advance` at `looks`. Events, and indexes of shed requests."""
    events: list[Opened | Closed] = []
    shed: list[int] = []
    tickets: dict[int, Ticket] = {}
    pending = sorted(looks)
    for now, is_start, index in steps(trace):
        while pending and pending[0] <= now:
            events += b.advance(pending.pop(0))
        request = trace[index]
        if is_start:
            ticket, seen = b.admit(now)
            events += seen
            if ticket is None:
                shed.append(index)
                continue
            tickets[index] = ticket
        if index in tickets and (not is_start or request.end == request.start):
            outcome = Outcome(request.status, None, request.retry_after_s)
            events += b.record(tickets.pop(index), now, outcome)
    return [*events, *b.advance(10_000.0)], shed


def told(events: list[Opened | Closed]) -> list[tuple[Any, ...]]:
    """Events without the instant they were noticed, which is the shell's doing."""
    return [(type(event).__name__, event.at, event.trip_duration_s) for event in events]
