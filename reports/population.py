"""Figures over a population of requests: each with its n."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.measures import NS

__all__ = [
    "QUANTILES",
    "by_phase",
    "intended_latency_us",
    "latency_ms",
    "quantiles_ms",
    "sheds",
    "succeeded",
    "throttles",
]

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}

Figures = dict[str, float | int | None]


def sheds(frame: pd.DataFrame) -> pd.Series[bool]:
    return (frame["origin"] == "gateway") & (frame["status"] == 503)


def throttles(frame: pd.DataFrame) -> pd.Series[bool]:
    return (frame["origin"] == "backend") & (frame["status"] == 429)


def intended_latency_us(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Latency from the instant the schedule wanted the request: what a client that arrived then would have waited."""
    late_ns = frame["start_ns"].to_numpy() - frame["intended_ns"].to_numpy()
    waited: npt.NDArray[np.int64] = frame["latency_us"].to_numpy() + np.maximum(late_ns, 0) // 1000
    return waited


def quantiles_ms(latency_us: npt.NDArray[Any]) -> Figures:
    """Quantiles in ms, each a latency that occurred; None where nothing did."""
    if not len(latency_us):
        return {"n": 0, **dict.fromkeys(QUANTILES)}
    values = np.quantile(latency_us, list(QUANTILES.values()), method="higher") / 1000
    return {"n": len(latency_us), **{name: float(value) for name, value in zip(QUANTILES, values, strict=True)}}


def latency_ms(frame: pd.DataFrame, intended: bool = False) -> dict[str, Figures]:
    """By the side that answered, from the send or from the intended start."""
    latency = intended_latency_us(frame) if intended else frame["latency_us"].to_numpy()
    origin = frame["origin"]
    return {side: quantiles_ms(latency[(origin == side).to_numpy()]) for side in ("backend", "gateway")}


def by_phase(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What the requests of each phase came to, phases in order of their first request."""
    if frame.empty:
        return []
    codes, names = pd.factorize(frame["phase"])
    status, start = frame["status"].to_numpy(), frame["start_ns"].to_numpy()
    good = succeeded(frame).to_numpy()
    counts = {
        "ok": good,
        "throttled": throttles(frame).to_numpy(),
        "shed": sheds(frame).to_numpy(),
        "no_response": status == 0,
    }
    sums = {name: np.bincount(codes, weights=mask) for name, mask in counts.items()}
    totals = np.bincount(codes)
    latency = intended_latency_us(frame)
    phases = []
    for code, name in enumerate(names):
        own = codes == code
        fine = np.sort(latency[own & good])
        phases.append(
            _phase(str(name), start[own], int(totals[code]), {n: int(s[code]) for n, s in sums.items()}, fine)
        )
    return phases


def _phase(
    name: str, start: npt.NDArray[np.int64], total: int, counts: dict[str, int], latency_us: npt.NDArray[np.int64]
) -> dict[str, Any]:
    span_s = float(start[-1] - start[0]) / NS
    figures = quantiles_ms(latency_us)
    return {
        "phase": name,
        "requests": total,
        "rate_s": (total - 1) / span_s if span_s > 0 else None,
        **counts,
        "other": total - sum(counts.values()),
        "ok_latency_ms": {name: figures[name] for name in ("n", "p50", "p99")},
    }


def succeeded(frame: pd.DataFrame) -> pd.Series[bool]:
    """A whole 2xx: an answer that broke off keeps its status, and is an error all the same."""
    return frame["status"].between(200, 299) & frame["error"].isna()
