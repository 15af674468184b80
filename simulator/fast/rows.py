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
from simulator.virtual import EPOCH_NS
from tripcurve.lab import Lab
from tripcurve.run.record import ORIGINS
from tripcurve.scenario import Scenario

__all__ = ["rows_of"]

_BATCH = 32_768
_BACKEND, _GATEWAY, _CLIENT = range(len(ORIGINS))
_SHED = Answer(503, "gateway")


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
        self._times_us = np.trunc(self._times * 1000).astype(np.int32) * 1000
        every = sorted((trip.at, trip.until, unit) for unit, found in enumerate(trips) for trip in found)
        at, until = np.array([t[0] for t in every]), np.array([t[1] for t in every])
        self._trips = _Trips(at, until, np.maximum.accumulate(until), np.array([t[2] for t in every], int))

    def columns(self, source: Source, users: int, requests: Requests) -> Columns:
        """Return the rows of requests of one source. `users`: the index of its first user class."""
        size = len(requests.start)
        waited, backend_us = self._times.take(requests.quantile), self._times_us.take(requests.quantile)
        status = np.full(size, 200, np.int16)
        origin = np.zeros(size, np.int8)
        hint = np.full(size, np.nan, np.float32)
        if source.fault is not None and requests.faulty.any():
            self._fail(source, requests, waited, backend_us, status, origin, hint)
        shed, left_s = self._shed(requests, waited)
        if shed is not None:
            for column, value in ((waited, 0.0), (backend_us, -1), (status, _SHED.status), (origin, _GATEWAY)):
                np.copyto(column, value, where=shed, casting="unsafe")
            np.copyto(hint, np.ceil(left_s), where=shed, casting="unsafe")
        end = requests.admitted + waited
        end += source.network.gateway_s
        end += requests.back
        late = end - requests.start > self._scenario.timeout
        if late.any():
            end[late] = requests.start[late] + self._scenario.timeout
            backend_us[late], status[late], origin[late], hint[late] = -1, 0, _CLIENT, np.nan
        start_ns, end_ns = _ns(requests.start), _ns(end)
        end_ns -= start_ns
        end_ns += 999  # rounded up: the end is a bound
        end_ns //= 1000
        return Columns(
            start_ns + EPOCH_NS,
            _ns(requests.intended) + EPOCH_NS,
            end_ns.astype(np.int32),
            backend_us,
            status,
            origin,
            hint,
            np.full(size, source.phase, np.int16),
            requests.user + np.int8(users) if users else requests.user,
        )

    def _fail(
        self,
        source: Source,
        requests: Requests,
        waited: NDArray[np.float64],
        backend_us: NDArray[np.int32],
        status: NDArray[np.int16],
        origin: NDArray[np.int8],
        hint: NDArray[np.float32],
    ) -> None:
        """Write the answers of the requests that carry their source's fault."""
        fault, faulty = source.fault, requests.faulty
        if fault is None:
            return
        wait_s = fault_wait_s(fault)
        if wait_s is not None:
            np.copyto(waited, wait_s, where=faulty)
            np.copyto(backend_us, math.trunc(wait_s * 1000) * 1000, where=faulty, casting="unsafe")
        found = fault_answer(fault, self._name, 0.0)
        if found is None:
            return
        answer = found[0]
        np.copyto(status, answer.status, where=faulty, casting="unsafe")
        np.copyto(origin, ORIGINS.index(answer.origin), where=faulty, casting="unsafe")
        if answer.backend is None:
            np.copyto(backend_us, -1, where=faulty, casting="unsafe")
        if answer.retry_after_s is not None:
            np.copyto(hint, answer.retry_after_s, where=faulty, casting="unsafe")

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


def _ns(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    scaled = seconds * 1e9
    return np.rint(scaled, out=scaled).astype(np.int64)
