"""Plants run directories whose trips are known, by breakers that share no code with the product.

A rule of so many failures (or so large a share of the answers) within an interval, a sliding window that is empty
after a reset; a breaker for each member on each unit.
"""

from __future__ import annotations

import heapq
import json
import random
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["OtherClock", "Plan", "Planted", "groups", "plant"]

ZERO_NS = 1_700_000_000_000_000_000


class Planted(NamedTuple):
    """A true trip, seconds from the run's start."""

    tripped: float
    reset: float
    backend: str
    unit: int


@dataclass(frozen=True)
class OtherClock:
    """The last worker's clock, its rows written uncorrected.

    It is `ahead` s off at the start, `ppm` fast, and set forward by `step` s at `step_at`. The main process knows it to
    within `half_width` s: at the start, or once a second (`sampled`).
    """

    ahead: float = 0.003
    ppm: float = 0
    step: float = 0
    step_at: float = 0
    half_width: float = 0.05
    sampled: bool = False

    def reads(self, at: float) -> float:
        """What it reads at a true instant, s."""
        return at + self.ahead + at * self.ppm * 1e-6 + (self.step if at >= self.step_at else 0)

    def written(self, length: float, rng: random.Random) -> dict[str, Any]:
        """What run.json has of it."""
        instants = [float(second) for second in range(int(length) + 2)] if self.sampled else [0.0]
        samples = [
            [
                ZERO_NS + round(self.reads(at) * 1e9),
                round((self.reads(at) - at + rng.uniform(-1, 1) * self.half_width) * 1e9),
                round(self.half_width * 1e9),
            ]
            for at in instants
        ]
        first = {"offset_ns": samples[0][1], "half_width_ns": samples[0][2], "corrected": False, "shared": False}
        return first | ({"samples": samples} if self.sampled else {})


@dataclass(frozen=True)
class Plan:
    """What to plant; times in seconds. Answers of the first `faulty` members fail from `fault_from` to `fault_until`,
    and a share `failing` of all others.

    `percentage`: the rule looks at shares, from `least` answers on, and not at `count`. `stated_count` and
    `stated_open_s`: what the lab file says instead of the truth. `marked`: answers name their backend; where they do
    not, every response is recorded as the gateway's. `priorities`: of a pool's members; None: one backend, no pool.
    `shed_status`: how the gateway answers while open. `policy`: the policy of the lab. `header_late`: the gateway
    reports its wait up to so much too long. `opens_late`: the breaker opens so much after the failure that
    trips it. `network`: the longest way to the gateway, or back. `workers`: requests go round them; `clock`: the last
    one's. `events`: the gateway keeps a record.
    """

    rate: float = 45
    poisson: bool = False
    backend_s: float = 0.02
    failing: float = 0.0
    status: int = 429
    marked: bool = True
    count: int = 3
    percentage: int | None = None
    least: int = 10
    interval_s: float = 20
    open_s: float = 4
    stated_count: int | None = None
    stated_open_s: float | None = None
    fault_from: float = 2
    fault_until: float = 10
    faulty: int = 1
    length: float = 20
    seed: int = 0
    units: int = 1
    priorities: tuple[int, ...] | None = None
    shed_status: int = 503
    policy: str | None = None
    header_late: float = 0
    opens_late: float = 0
    network: float = 4e-4
    workers: int = 1
    clock: OtherClock | None = None
    events: bool = False
    stated_units: int | str | None = None
    connections: int | None = None

    def arrivals(self, rng: random.Random) -> list[float]:
        """When requests are sent."""
        sent, now = [], 0.0
        while (now := now + (rng.expovariate(self.rate) if self.poisson else 1 / self.rate)) < self.length:
            sent.append(now)
        return sent

    @property
    def members(self) -> list[str]:
        return [f"m{index + 1}" for index in range(len(self.priorities or (1,)))]

    def fails(self, member: int, at: float, rng: random.Random) -> bool:
        return (member < self.faulty and self.fault_from <= at < self.fault_until) or rng.random() < self.failing


class _Breaker:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._window: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self.open_from = self.open_until = 0.0

    def is_open(self, now: float) -> bool:
        return self.open_from <= now < self.open_until

    def gets(self, now: float, failed: bool) -> bool:
        """Take an answer; return whether it tripped the breaker."""
        plan = self._plan
        if now < self.open_until:  # open, or about to be
            return False
        while self._window and self._window[0][0] <= now - plan.interval_s:
            self._failures -= self._window.popleft()[1]
        self._window.append((now, failed))
        self._failures += failed
        if plan.percentage is None:
            trips = failed and self._failures >= plan.count
        else:
            trips = len(self._window) >= plan.least and self._failures * 100 >= plan.percentage * len(self._window)
        if trips:
            self.open_from = now + plan.opens_late
            self.open_until, self._failures = self.open_from + plan.open_s, 0
            self._window.clear()
        return trips


class _Row(NamedTuple):
    """One request; times in true seconds. `member` None: the gateway refused it. `waited`: as the gateway reports."""

    sent: float
    home: float
    waited: float | None
    status: int
    member: int | None


def plant(folder: Path, plan: Plan) -> list[Planted]:
    """Write a run directory; return each true trip, in order."""
    rng = random.Random(plan.seed)  # a simulation, no secret
    rows, trips = _happened(plan, rng)
    folder.mkdir(parents=True)
    _write_rows(folder, plan, rows)
    _write_documents(folder, plan, rng)
    if plan.events:
        _write_events(folder, trips)
    return trips


def groups(trips: list[Planted]) -> list[Planted]:
    """The stretches in which some unit was open, by backend."""
    found: list[Planted] = []
    for trip in sorted(trips, key=lambda one: (one.backend, one.tripped)):
        if found and found[-1].backend == trip.backend and trip.tripped <= found[-1].reset:
            found[-1] = found[-1]._replace(reset=max(found[-1].reset, trip.reset))
        else:
            found.append(trip)
    return found


def _happened(plan: Plan, rng: random.Random) -> tuple[list[_Row], list[Planted]]:
    breakers = [[_Breaker(plan) for _ in plan.members] for _ in range(plan.units)]
    ranks = plan.priorities or (1,)
    trips: list[Planted] = []
    rows: list[_Row] = []
    homes = [rng.randrange(plan.units) for _ in range(plan.connections or 0)]

    def way() -> float:
        return rng.uniform(plan.network / 4, plan.network)

    agenda: list[tuple[float, int, float, float, int, int, bool]] = [
        (sent + way(), index, sent, -1.0, 0, 0, False) for index, sent in enumerate(plan.arrivals(rng))
    ]
    heapq.heapify(agenda)
    while agenda:
        now, index, sent, admitted, unit, member, failed = heapq.heappop(agenda)
        if admitted < 0:
            unit = homes[index % len(homes)] if homes else rng.randrange(plan.units)
            closed = [one for one, breaker in enumerate(breakers[unit]) if not breaker.is_open(now)]
            if not closed:
                rows.append(_Row(sent, now + way(), None, plan.shed_status, None))
                continue
            best = [one for one in closed if ranks[one] == min(ranks[other] for other in closed)]
            member = best[index % len(best)]
            arrives = now + plan.backend_s * rng.uniform(0.5, 1.5)
            heapq.heappush(agenda, (arrives, index, sent, now, unit, member, plan.fails(member, now, rng)))
        else:
            held = rng.uniform(0, plan.header_late)
            rows.append(_Row(sent, now + held + way(), now - admitted + held, plan.status if failed else 200, member))
            breaker = breakers[unit][member]
            if breaker.gets(now, failed):
                trips.append(Planted(breaker.open_from, breaker.open_until, plan.members[member], unit))
    return rows, trips


def _write_rows(folder: Path, plan: Plan, rows: list[_Row]) -> None:
    ordered = sorted((_started(plan, index, row), row) for index, row in enumerate(sorted(rows)))
    starts = [ZERO_NS + round(at * 1e9) for (at, _), _ in ordered]
    whole, rows = len(rows), [row for _, row in ordered]
    silent = [row.waited is None or not plan.marked for row in rows]
    waits = [None if row.waited is None or not plan.marked else int(row.waited * 1e6) for row in rows]
    names = [None if row.member is None or not plan.marked else plan.members[row.member] for row in rows]
    columns = {
        "start_ns": pa.array(starts, pa.int64()),
        "intended_ns": pa.array(starts, pa.int64()),
        "latency_us": pa.array([int((row.home - row.sent) * 1e6) + 1 for row in rows], pa.int32()),
        "first_byte_us": pa.nulls(whole, pa.int32()),
        "backend_us": pa.array(waits, pa.int32()),
        "status": pa.array([row.status for row in rows], pa.int16()),
        "origin": pa.array(["gateway" if one else "backend" for one in silent]).dictionary_encode(),
        "backend": pa.array(names, pa.string()).dictionary_encode(),
        "retry_after_s": pa.nulls(whole, pa.float32()),
        "prompt_tokens": pa.nulls(whole, pa.int32()),
        "completion_tokens": pa.nulls(whole, pa.int32()),
        "error": pa.nulls(whole, pa.string()).dictionary_encode(),
        "phase": pa.array(["all"] * whole).dictionary_encode(),
        "user": pa.array(["ChatUser"] * whole).dictionary_encode(),
        "worker": pa.array([worker for (_, worker), _ in ordered], pa.int16()),
    }
    pq.write_table(pa.table(columns), folder / "requests.parquet")


def _started(plan: Plan, index: int, row: _Row) -> tuple[float, int]:
    """When a request started by its worker's clock, and which worker's it is."""
    worker = index % plan.workers
    own = plan.clock is not None and worker == plan.workers - 1
    return (plan.clock.reads(row.sent) if own and plan.clock is not None else row.sent), worker


def _write_documents(folder: Path, plan: Plan, rng: random.Random) -> None:
    rule: dict[str, Any] = {
        "interval": plan.interval_s,
        "trip_duration": plan.open_s if plan.stated_open_s is None else plan.stated_open_s,
        "status_codes": [plan.status],
    }
    if plan.percentage is None:
        rule["count"] = plan.count if plan.stated_count is None else plan.stated_count
    else:
        rule["percentage"] = plan.percentage
    backends: list[dict[str, Any]] = [{"name": name, "breaker": rule} for name in plan.members]
    for backend, priority in zip(backends, plan.priorities or (), strict=False):
        backend["priority"] = priority
    units = plan.units if plan.stated_units is None else plan.stated_units
    lab: dict[str, Any] = {"name": "planted", "gateway": {"name": "g", "units": units}, "backends": backends}
    if plan.percentage is not None:
        lab["local"] = {"percentage_min_volume": plan.least}
    if plan.policy is not None:
        (folder / "policy.xml").write_text(plan.policy)
        lab["api"] = {"policy": str(folder / "policy.xml")}
    (folder / "lab.yaml").write_text(json.dumps(lab))
    phases = [{"name": "all", "for": plan.length, "rate": plan.rate}]
    scenario = {"name": "planted", "users": {"ChatUser": 1}, "phases": phases}
    (folder / "scenario.yaml").write_text(json.dumps(scenario))
    info: dict[str, Any] = {"start_ns": ZERO_NS, "end_ns": ZERO_NS + round(plan.length * 1e9), "target": "url"}
    if plan.clock is not None:
        clocks = [{}] * (plan.workers - 1) + [{"clock": plan.clock.written(plan.length, rng)}]
        info["workers"] = [{"worker": index} | clock for index, clock in enumerate(clocks)]
    (folder / "run.json").write_text(json.dumps(info))


def _write_events(folder: Path, trips: list[Planted]) -> None:
    lines = []
    for trip in trips:
        for kind, at in (("Opened", trip.tripped), ("Closed", trip.reset)):
            data = {
                "backendName": trip.backend,
                "circuitBreaker": {"rules": {"breaker": {"tripDuration": "00:00:04"}}},
                "local": {"unit": trip.unit, "at_ns": ZERO_NS + round(at * 1e9)},
            }
            event = {"eventType": f"Microsoft.ApiManagement.CircuitBreaker.{kind}", "eventTime": "", "data": data}
            lines.append((at, json.dumps(event)))
    (folder / "gateway-events.jsonl").write_text("".join(f"{line}\n" for _, line in sorted(lines)))
