"""The rows of a simulated run as record batches, from its requests and its trips."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator.fast.columns import Columns, Words, joined, to_batch
from simulator.fast.transitions import Trip
from simulator.service import Answer, answer_times, fault_answer, fault_wait_s
from simulator.sources import Requests, Source
from simulator.virtual import EPOCH_NS, ROUND_UP_US
from simulator.words import alike
from tripcurve.lab import Lab
from tripcurve.run.record import ORIGINS
from tripcurve.scenario import Scenario

__all__ = ["rows_of"]

_BATCH = 32_768
_SHED, _GIVEN_UP = Answer(503, "gateway"), Answer(0, "client")


class _Answered(NamedTuple):
    """How requests ended, as columns; of stride 0 as long as all ended alike, so that they cost nothing."""

    status: NDArray[np.int16]
    origin: NDArray[np.int8]
    hint: NDArray[np.float32]

    @classmethod
    def alike(cls, size: int) -> _Answered:
        """Return the columns of requests of which each was answered with 200 by the backend."""
        return cls(alike(200, "int16", size), alike(0, "int8", size), alike(math.nan, "float32", size))

    def marked(self, where: NDArray[np.bool_], answer: Answer) -> _Answered:
        """Return columns in which some requests have this answer."""
        found = self
        if not self.status.flags.writeable:
            found = _Answered(self.status.copy(), self.origin.copy(), self.hint.copy())
        np.copyto(found.status, answer.status, where=where, casting="unsafe")
        np.copyto(found.origin, ORIGINS.index(answer.origin), where=where, casting="unsafe")
        hint = np.nan if answer.retry_after_s is None else answer.retry_after_s
        np.copyto(found.hint, hint, where=where, casting="unsafe")
        return found


class _Trips(NamedTuple):
    """The trips of all units in order of time, as arrays of shape (trips,), in seconds from the run's start."""

    at: NDArray[np.float64]
    until: NDArray[np.float64]
    latest: NDArray[np.float64]
    """The latest deadline of this trip and those before it."""
    unit: NDArray[np.int64]


def rows_of(
    lab: Lab, scenario: Scenario, sources: Sequence[Source], trips: Sequence[Sequence[Trip]]
) -> Iterator[pa.RecordBatch]:
    """Yield all rows of a run in order of start, in constant memory. `trips`: by unit."""
    maker = _Maker(lab, scenario, trips)
    words = Words.of(lab, scenario, sources)
    places = [0] * len(sources)
    held: Columns | None = None
    while True:
        begins = [_begin(source, place) for source, place in zip(sources, places, strict=True)]
        if not begins or min(begins) == math.inf:
            break
        number = begins.index(min(begins))
        source, first = sources[number], places[number]
        last = min(first + max(int(_BATCH / source.block), 1), source.blocks)
        places[number] = last
        found = maker.columns(source, words.base[number], source.requests(first, last))
        begins[number] = _begin(source, last)
        ready, held = joined(held, found, EPOCH_NS + math.floor(min(min(begins) * 1e9, 2.0**62)))
        if len(ready.start_ns):
            yield to_batch(ready, words)
    if held is not None and len(held.start_ns):
        yield to_batch(held, words)


def _begin(source: Source, block: int) -> float:
    """Return a time before which no request of this block or a later one starts."""
    return source.schedule.instant(block * source.block) if block < source.blocks else math.inf


class _Maker:
    """Turns requests into columns: decides which were shed, which failed, and when each answer came."""

    def __init__(self, lab: Lab, scenario: Scenario, trips: Sequence[Sequence[Trip]]) -> None:
        self._scenario = scenario
        self._name, self._several = lab.backends[0].name, len(trips) > 1
        self._times = answer_times(lab.backends[0], scenario)
        every = sorted((trip.at, trip.until, unit) for unit, found in enumerate(trips) for trip in found)
        at, until = np.array([t[0] for t in every]), np.array([t[1] for t in every])
        self._trips = _Trips(at, until, np.maximum.accumulate(until), np.array([t[2] for t in every], int))

    def columns(self, source: Source, users: int, requests: Requests) -> Columns:
        """Return the rows of requests of one source. `users`: the index of its first user class."""
        size, fault, faulty = len(requests.start), source.fault, requests.faulty
        waited, answered = self._times.take(requests.quantile), _Answered.alike(size)
        if fault is not None and faulty.any():
            wait_s, failed = fault_wait_s(fault), fault_answer(fault, self._name, 0.0)
            if wait_s is not None:
                np.copyto(waited, wait_s, where=faulty)
            if failed is not None:
                answered = answered.marked(faulty, failed[0])
        scaled = waited * 1000
        backend_us = scaled.astype(np.int32)
        backend_us *= 1000
        shed, left_s = self._shed(requests, waited)
        if shed is not None:
            np.copyto(waited, 0.0, where=shed)
            answered = answered.marked(shed, _SHED)
            np.copyto(answered.hint, np.ceil(left_s), where=shed, casting="unsafe")
        end = np.add(requests.admitted, waited, out=waited)
        end += source.network.gateway_s
        end += requests.back
        took = np.subtract(end, requests.start, out=scaled)
        if took.max(initial=0.0) > self._scenario.timeout:
            late = took > self._scenario.timeout
            took[late] = requests.start[late] + self._scenario.timeout - requests.start[late]
            answered = answered.marked(late, _GIVEN_UP)
        took *= 1e6
        took += ROUND_UP_US
        return Columns(
            _unix_ns(requests.start),
            _unix_ns(requests.intended),
            took.astype(np.int32),
            backend_us,
            *answered,
            alike(source.phase, "int16", size),
            requests.user + np.int8(users) if users else requests.user,
        )

    def _shed(
        self, requests: Requests, waited: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_] | None, NDArray[np.float64]]:
        """Return which requests were shed, or None if none were, and how long the breaker was still open, s.

        A request that arrives at the instant of a trip and is answered at once tripped the breaker, so it is not shed.
        """
        admitted, trips = requests.admitted, self._trips
        nothing = np.empty(0)
        if not len(trips.at) or not len(admitted):
            return None, nothing
        first = int(np.searchsorted(trips.latest, admitted.min(), "right"))
        last = int(np.searchsorted(trips.at, admitted.max(), "right"))
        if first >= last:
            return None, nothing
        until = np.zeros(len(admitted))
        answered = admitted + waited
        for trip in range(first, last):
            inside = (answered > trips.at[trip]) & (admitted >= trips.at[trip])
            inside &= admitted < trips.until[trip]
            if self._several:
                inside &= requests.unit == trips.unit[trip]
            np.copyto(until, trips.until[trip], where=inside)
        shed = until > 0
        return (shed, until - admitted) if shed.any() else (None, nothing)


def _unix_ns(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    scaled = seconds * 1e9
    found = np.rint(scaled, out=scaled).astype(np.int64)
    found += EPOCH_NS
    return found
