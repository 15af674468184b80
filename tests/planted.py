"""Plants run directories whose trips are known, by a breaker that shares no code with the product.

One unit, a rule of so many failures within an interval, a sliding window that is empty after a reset.
"""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["Plan", "plant"]

ZERO_NS = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class Plan:
    """What to plant; times in seconds. All answers fail with `status` from `fault_from` to `fault_until`.

    `stated_count` and `stated_open_s`: what the lab file says instead of the truth.
    `marked`: answers name their backend. Where they do not, every response is recorded as the gateway's.
    """

    rate: float = 45
    poisson: bool = False
    backend_s: float = 0.02
    failing: float = 0.0
    status: int = 429
    marked: bool = True
    count: int = 3
    interval_s: float = 20
    open_s: float = 4
    stated_count: int | None = None
    stated_open_s: float | None = None
    fault_from: float = 2
    fault_until: float = 10
    length: float = 20
    seed: int = 0

    def arrivals(self, rng: random.Random) -> list[float]:
        """When requests are sent."""
        sent, now = [], 0.0
        while (now := now + (rng.expovariate(self.rate) if self.poisson else 1 / self.rate)) < self.length:
            sent.append(now)
        return sent


def plant(folder: Path, plan: Plan) -> list[tuple[float, float]]:
    """Write a run directory; return each true trip and its reset, seconds from the run's start."""
    rng = random.Random(plan.seed)  # a simulation, no secret
    agenda = [(sent + rng.uniform(1e-4, 4e-4), 0, sent, 0.0, 200) for sent in plan.arrivals(rng)]
    heapq.heapify(agenda)
    rows: list[tuple[float, float, float | None, int]] = []
    trips: list[tuple[float, float]] = []
    window: list[float] = []
    open_until = 0.0
    while agenda:
        now, kind, sent, admitted, status = heapq.heappop(agenda)
        home = now + rng.uniform(1e-4, 4e-4)
        if kind == 0 and now < open_until:
            rows.append((sent, home, None, 503))
        elif kind == 0:
            fails = plan.fault_from <= now < plan.fault_until or rng.random() < plan.failing
            arrives = now + plan.backend_s * rng.uniform(0.5, 1.5)
            heapq.heappush(agenda, (arrives, 1, sent, now, plan.status if fails else 200))
        else:
            rows.append((sent, home, now - admitted, status))
            if status == plan.status and now >= open_until:
                window = [at for at in window if at > max(now - plan.interval_s, open_until)] + [now]
                if len(window) >= plan.count:
                    open_until = now + plan.open_s
                    trips.append((now, open_until))
    _write(folder, plan, sorted(rows))
    return trips


def _write(folder: Path, plan: Plan, rows: list[tuple[float, float, float | None, int]]) -> None:
    folder.mkdir(parents=True)
    starts = [ZERO_NS + round(sent * 1e9) for sent, *_ in rows]
    whole, silent = len(rows), [waited is None or not plan.marked for _, _, waited, _ in rows]
    waits = [None if waited is None or not plan.marked else int(waited * 1e6) for _, _, waited, _ in rows]
    columns = {
        "start_ns": pa.array(starts, pa.int64()),
        "intended_ns": pa.array(starts, pa.int64()),
        "latency_us": pa.array([int((end - sent) * 1e6) + 1 for sent, end, *_ in rows], pa.int32()),
        "first_byte_us": pa.nulls(whole, pa.int32()),
        "backend_us": pa.array(waits, pa.int32()),
        "status": pa.array([status for *_, status in rows], pa.int16()),
        "origin": pa.array(["gateway" if one else "backend" for one in silent]).dictionary_encode(),
        "backend": pa.array([None if one else "m1" for one in silent], pa.string()).dictionary_encode(),
        "retry_after_s": pa.nulls(whole, pa.float32()),
        "prompt_tokens": pa.nulls(whole, pa.int32()),
        "completion_tokens": pa.nulls(whole, pa.int32()),
        "error": pa.nulls(whole, pa.string()).dictionary_encode(),
        "phase": pa.array(["all"] * whole).dictionary_encode(),
        "user": pa.array(["ChatUser"] * whole).dictionary_encode(),
        "worker": pa.array([0] * whole, pa.int16()),
    }
    pq.write_table(pa.table(columns), folder / "requests.parquet")
    rule = {
        "count": plan.count if plan.stated_count is None else plan.stated_count,
        "interval": plan.interval_s,
        "trip_duration": plan.open_s if plan.stated_open_s is None else plan.stated_open_s,
        "status_codes": [plan.status],
    }
    lab = {"name": "planted", "gateway": {"name": "g"}, "backends": [{"name": "m1", "breaker": rule}]}
    (folder / "lab.yaml").write_text(json.dumps(lab))
    phases = [{"name": "all", "for": plan.length, "rate": plan.rate}]
    scenario = {"name": "planted", "users": {"ChatUser": 1}, "phases": phases}
    (folder / "scenario.yaml").write_text(json.dumps(scenario))
    info = {"start_ns": ZERO_NS, "end_ns": ZERO_NS + round(plan.length * 1e9), "target": "url"}
    (folder / "run.json").write_text(json.dumps(info))
