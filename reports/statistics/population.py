"""Figures of a set of requests, each with its n."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.statistics.latencies import Latencies
from reports.statistics.tally import Tally

__all__ = ["QUANTILES", "by_phase", "latency_ms", "quantiles_ms"]

NS = 1_000_000_000
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}

Figures = dict[str, float | int | None]


def quantiles_ms(latencies: Latencies) -> Figures:
    """Return n and the quantiles in ms, each a latency that occurred; the quantiles are None if n is 0."""
    if not len(latencies):
        return {"n": 0, **dict.fromkeys(QUANTILES)}
    values = latencies.quantile(list(QUANTILES.values())) / 1000
    return {"n": len(latencies), **{name: float(value) for name, value in zip(QUANTILES, values, strict=True)}}


def latency_ms(tally: Tally, intended: bool = False) -> dict[str, Figures]:
    """Return `quantiles_ms` for backend and gateway, from sending or, if `intended`, from the intended start."""
    return {
        side: quantiles_ms(tally.latencies(origin=side) if intended else tally.wire_latencies(side))
        for side in ("backend", "gateway")
    }


def by_phase(tally: Tally) -> list[dict[str, Any]]:
    """Return the figures of each phase, in order of the phases' first requests."""
    return [_phase(str(name), own, tally) for name, own in tally.kinds.groupby("phase", sort=False)]


def _phase(name: str, own: pd.DataFrame, tally: Tally) -> dict[str, Any]:
    total, span_s = int(own["n"].sum()), (int(own["last_ns"].max()) - int(own["first_ns"].min())) / NS
    counts = {key: int(own.loc[own["outcome"] == outcome, "n"].sum()) for key, outcome in _COUNTED.items()}
    figures = quantiles_ms(tally.latencies(phase=name, fine=True))
    return {
        "phase": name,
        "requests": total,
        "rate_s": (total - 1) / span_s if span_s > 0 else None,
        **counts,
        "other": total - sum(counts.values()),
        "ok_latency_ms": {name: figures[name] for name in ("n", "p50", "p99")},
    }


_COUNTED = {"ok": "2xx", "throttled": "429 backend", "shed": "503 shed", "no_response": "no response"}
