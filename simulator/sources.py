"""The open-loop requests of a run, drawn block by block and in any order.

A source is one kind of requests in one phase: its load, or its probes. Its requests are divided into blocks of equal
expected size. The gaps between requests with the phase's fault are drawn, so a method that needs only these requests
does not draw the others.

* Constant arrivals: request `k` is due at the schedule's `k`-th instant, and goes to a random unit.
* Arrivals in bursts and those of a trace are listed, and are otherwise like constant ones.
* Poisson arrivals: each unit has a stream of requests with the fault and one without, and all are independent. A lab of
  more than MANY_UNITS units always has these, because with so many units each one sees random arrivals anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.network import Network
from simulator.schedule import Listed, Schedule, load_schedule, probe_schedule
from simulator.words import QUANTILES, Floats, Words, alike, key_of, quarters, uniform, words
from tripcurve.lab import Lab
from tripcurve.scenario import Bursts, Fault, Scenario
from tripcurve.scenario.arrivals import burst_times
from tripcurve.scenario.trace import Trace

__all__ = ["MANY_UNITS", "Requests", "Source", "sources_of"]

MANY_UNITS = 64
_FAULTY, _MOST = 64, 16_384
_ROOM = 1 << 20
"""The number of ids of one block. A block has at most about _MOST requests, so its last id is never reached."""

Ids = NDArray[np.int64]


class Requests(NamedTuple):
    """Requests in order of their due times: arrays of shape (n,), times in seconds from the run's start."""

    intended: Floats
    start: Floats
    admitted: Floats
    """When the gateway gets the request."""
    back: Floats
    """Seconds from the gateway to the client."""
    quantile: NDArray[np.uint16]
    """Rank of the backend's answer time among QUANTILES."""
    faulty: NDArray[np.bool_]
    unit: NDArray[np.int32]
    user: NDArray[np.int8]


@dataclass(frozen=True)
class Source:
    """One kind of requests in one phase. `share`: the part with `fault`; 0 without. `number`: its index in the run."""

    phase: int
    schedule: Schedule
    fault: Fault | None
    share: float
    units: int
    poisson: bool
    users: tuple[tuple[str, float], ...]
    network: Network
    seed: int
    number: int

    @property
    def weight(self) -> float:
        """The part of the schedule's requests that one stream of the source has."""
        return 1 / self.units if self.poisson else 1.0

    @cached_property
    def block(self) -> float:
        """The length of a block in due requests; a whole number for constant arrivals."""
        faulty = _FAULTY / (self.share * self.weight) if self.share else math.inf
        length = min(faulty, _MOST / self.weight, self.schedule.total)
        return length if self.poisson else float(math.ceil(length))

    @cached_property
    def blocks(self) -> int:
        """The number of blocks."""
        return math.ceil(self.schedule.total / self.block)

    @cached_property
    def _slowest_s(self) -> float:
        return self.network.late_s + self.network.one_way_s + self.network.jitter_s

    def earliest(self, block: int) -> float:
        """Return a time before which the gateway gets no request of this block."""
        return self.schedule.instant(block * self.block) + self.network.one_way_s

    def latest(self, block: int) -> float:
        """Return a time after which the gateway gets no request of this block."""
        return self.schedule.instant(min((block + 1) * self.block, self.schedule.total)) + self._slowest_s

    def first_after(self, instant: float) -> int:
        """Return a block such that the gateway got all requests of the earlier blocks before `instant`."""
        return max(int(self.schedule.due(instant - self._slowest_s) / self.block) - 1, 0)

    def admitted_by(self, instant: float, *, inclusive: bool) -> int:
        """Return how many requests with constant arrivals the gateway got before an instant or, `inclusive`, by it."""
        first = int(self.schedule.due(instant - self._slowest_s))
        last = min(math.ceil(self.schedule.due(instant)) + 1, self.size)
        ids = np.arange(max(first - 1, 0), max(last, 0))
        admitted = self._drawn(
            ids, self._key(), ids.astype(float), np.ones(len(ids), bool), self._unit_of(ids)
        ).admitted
        return max(first - 1, 0) + int(((admitted <= instant) if inclusive else (admitted < instant)).sum())

    def faulty(self, unit: int, first: int, last: int) -> Requests:
        """Return the requests of one unit with the fault, in the blocks from `first` to before `last`."""
        if self.poisson:
            return self._stream(unit, True, first, last)
        ids = self._faulty_ids(first, last)
        if self.units > 1:
            ids = ids[self._unit_of(ids) == unit]
        return self._drawn(ids, self._key(), ids.astype(float), np.ones(len(ids), bool), self._unit_of(ids))

    def requests(self, first: int, last: int, unit: int | None = None) -> Requests:
        """Return the requests in the blocks from `first` to before `last`. `unit` None: of all units."""
        if self.poisson:
            units = range(self.units) if unit is None else (unit,)
            return _merged([self._stream(u, f, first, last) for u in units for f in (True, False)])
        begin = first * int(self.block)
        ids = np.arange(begin, max(min(last * int(self.block), self.size), begin))
        faulty = alike(self.share == 1, "bool", len(ids))
        if 0 < self.share < 1:
            faulty = np.zeros(len(ids), bool)
            faulty[self._faulty_ids(first, last) - begin] = True
        if unit is not None and self.units > 1:
            mine = self._unit_of(ids) == unit
            ids, faulty = ids[mine], faulty[mine]
        return self._drawn(ids, self._key(), ids.astype(float), faulty, self._unit_of(ids))

    @cached_property
    def size(self) -> int:
        """The number of requests with constant arrivals."""
        return math.ceil(self.schedule.total)

    def _key(self, *stream: int) -> np.uint64:
        return key_of(self.seed, self.number, *stream)

    def _faulty_ids(self, first: int, last: int) -> Ids:
        """Return the ids of the requests with the fault, for constant arrivals: geometric gaps in each block."""
        length = int(self.block)
        if self.share == 0:
            return np.empty(0, np.int64)
        if self.share == 1:
            return np.arange(first * length, max(min(last * length, self.size), first * length))
        drawn = self._block_words(self._key(1), first, last, self.share * length)
        gaps = np.minimum(np.floor(np.log(uniform(drawn)) / math.log1p(-self.share)), length) + 1
        places = np.cumsum(gaps, axis=1) - 1
        ids = places.astype(np.int64) + np.arange(first, last)[:, None] * length
        return ids[(places < length) & (ids < self.size)]

    def _stream(self, unit: int, faulty: bool, first: int, last: int) -> Requests:
        """Return the requests of a stream of Poisson arrivals: exponential gaps in each block."""
        share = (self.share if faulty else 1 - self.share) * self.weight
        if share == 0:
            return _merged([])
        drawn = self._block_words(self._key(2, unit, faulty), first, last, share * self.block)
        places = np.cumsum(np.log(uniform(drawn)) / -share, axis=1)
        due = places + np.arange(first, last)[:, None] * self.block
        kept = (places < self.block) & (due < self.schedule.total)
        ids = _ids(first, last, places.shape[1])[kept]
        units = np.full(len(ids), unit, np.int32)
        return self._drawn(ids, self._key(3, unit, faulty), due[kept], np.full(len(ids), faulty), units)

    def _block_words(self, key: np.uint64, first: int, last: int, expected: float) -> Words:
        """Return a row of words for each block, long enough for eight standard deviations above its expected number."""
        return words(key, _ids(first, last, math.ceil(expected + 8 * math.sqrt(expected)) + 8))

    def _unit_of(self, ids: Ids) -> NDArray[np.int32]:
        if self.units == 1:
            return alike(0, "int32", len(ids))
        drawn = words(self._key(4), ids) >> np.uint64(32)
        return (drawn * np.uint64(self.units) >> np.uint64(32)).astype(np.int32)

    def _drawn(
        self, ids: Ids, key: np.uint64, due: Floats, faulty: NDArray[np.bool_], unit: NDArray[np.int32]
    ) -> Requests:
        network, intended = self.network, self.schedule.instants(due)
        late, out, back, quantile = quarters(words(key, ids)).T
        start = late * (network.late_s / QUANTILES)
        start += intended
        admitted = out * (network.jitter_s / QUANTILES)
        admitted += network.one_way_s
        admitted += start
        back_s = back * (network.jitter_s / QUANTILES)
        back_s += network.one_way_s
        return Requests(intended, start, admitted, back_s, quantile, faulty, unit, self._user_of(key, ids))

    def _user_of(self, key: np.uint64, ids: Ids) -> NDArray[np.int8]:
        if len(self.users) == 1:
            return alike(0, "int8", len(ids))
        edges = np.cumsum([weight for _, weight in self.users])
        drawn = uniform(words(key ^ np.uint64(1), ids)) * edges[-1]
        users: NDArray[np.int8] = np.searchsorted(edges, drawn, "right").astype(np.int8)
        return users


def sources_of(lab: Lab, scenario: Scenario, network: Network, seed: int, trace: Trace | None = None) -> list[Source]:
    """Return the open-loop sources of a run by phase, with the load of each phase before its probes.

    The fault is that of the lab's first backend. With a pool each backend has its own, so `Source.faulty` is not used.
    `trace`: the requests to send instead of the phases' loads; None: the scenario replays no trace.
    """
    many, poisson = lab.units > MANY_UNITS, scenario.arrivals == "poisson"
    classes = tuple((name, float(n)) for name, n in scenario.users.items() if n and name != "ProbeUser")
    found: list[Source] = []
    begin = 0.0
    for index, (phase, load) in enumerate(zip(scenario.phases, _loads(scenario, seed, trace), strict=True)):
        fault = phase.simulate.get(lab.backends[0].name, phase.simulate.get("default"))
        end = begin + phase.duration_s
        origins = (
            (load, classes or (("ChatUser", 1.0),), poisson),
            (probe_schedule(scenario, begin, end), (("ProbeUser", 1.0),), False),
        )
        for schedule, users, random in origins:
            if schedule is not None:
                share = 0.0 if fault is None else fault.share
                source = Source(
                    index,
                    schedule,
                    fault,
                    share,
                    lab.units,
                    random or (many and not isinstance(schedule, Listed)),
                    users,
                    network,
                    seed,
                    len(found),
                )
                found.append(source)
        begin = end
    return found


def _loads(scenario: Scenario, seed: int, trace: Trace | None) -> list[Schedule | None]:
    """Return the schedule of each phase's load; None for a phase without arrivals."""
    begins = np.cumsum([0.0, *(phase.duration_s for phase in scenario.phases)])[:-1]
    if trace is None and not isinstance(scenario.arrivals, Bursts):
        return [load_schedule(phase, begin) for phase, begin in zip(scenario.phases, begins.tolist(), strict=True)]
    times = np.fromiter(burst_times(scenario, seed), np.float64) if trace is None else trace.due_ns / 1e9
    times = times[times < scenario.duration_s]
    return [Listed(part) if len(part) else None for part in np.split(times, np.searchsorted(times, begins[1:]))]


def _ids(first: int, last: int, width: int) -> Ids:
    return (np.arange(first, last, dtype=np.int64)[:, None] * _ROOM) + np.arange(width, dtype=np.int64)


def _merged(parts: list[Requests]) -> Requests:
    """Merge several requests in order of their due times."""
    if not parts:
        empty = np.empty(0)
        return Requests(
            empty, empty, empty, empty, empty.astype(np.uint16), empty.astype(bool), empty.astype(np.int32),
            empty.astype(np.int8),
        )  # fmt: skip
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Requests(*(column[order] for column in columns))
