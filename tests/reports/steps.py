"""Steps of load with known figures, for tests of capacity reports."""

from __future__ import annotations

import numpy as np

from reports.loading.traffic import Traffic
from reports.statistics.capacity import Limits
from reports.statistics.capacity_steps import StepFigures, figures_of, step_of_traffic
from reports.statistics.tally import OUTCOMES

BATCHES = 10


def traffic_of_step(
    rate: float,
    *,
    seconds: float = 20,
    median_ms: float = 20,
    spread: float = 0.4,
    answers: dict[str, float] | None = None,
    seed: int = 0,
    late_ms: float = 0.1,
    outside_ms: float = 1,
    tokens: tuple[int, int] = (40, 20),
    begin_s: float = 0,
) -> Traffic:
    """Evenly spaced requests with log-normal latencies. `answers`: the share of each outcome but 2xx."""
    rng = np.random.default_rng(seed)
    n = round(rate * seconds)
    outcome = np.zeros(n, np.int64)
    status = np.full(n, 200, np.int64)
    drawn, first = rng.random(n), 0.0
    for name, share in (answers or {}).items():
        own = (drawn >= first) & (drawn < first + share)
        outcome[own] = OUTCOMES.index(name)
        status[own] = {"429 backend": 429, "shed": 503, "other error": 500, "no response": 0}[name]
        first += share
    served = outcome == 0
    latency = median_ms * np.exp(spread * rng.standard_normal(n))
    return Traffic(
        due_s=begin_s + np.arange(n) / rate,
        latency_ms=latency,
        outcome=outcome,
        status=status,
        tokens_in=np.where(served, float(tokens[0]), 0.0),
        tokens_out=np.where(served, float(tokens[1]), 0.0),
        late_ms=np.full(n, late_ms),
        outside_ms=np.full(n, outside_ms),
    )


def step(
    rate: float, *, trips: int = 0, cause: str | None = None, delivered: float | None = 1.0, **options: object
) -> StepFigures:
    """The figures of one step. `cause`: why it was not carried, where its answers do not say."""
    seconds = float(options.get("seconds", 20))  # type: ignore[arg-type]  # a number
    traffic = traffic_of_step(rate, **options)  # type: ignore[arg-type]  # keywords of a step
    plain = step_of_traffic(f"rate-{rate:.0f}", traffic, seconds, Limits())
    changes: dict[str, object] = {"trips": trips}
    if cause is not None:
        changes["cause"] = cause
    batch = np.minimum((traffic.due_s / seconds * BATCHES).astype(np.int64), BATCHES - 1)
    return figures_of(plain.model_copy(update=changes), traffic, batch, BATCHES, delivered)
