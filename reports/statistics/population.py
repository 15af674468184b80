"""Figures of a set of requests, each with its n."""

from __future__ import annotations

import pandas as pd

from reports.statistics.latencies import Latencies
from reports.statistics.tally import Tally
from tripcurve.run.summary import FewQuantiles, Latency, Phase, Quantiles

__all__ = ["by_phase", "latency_ms", "quantiles_ms"]

NS = 1_000_000_000
SHARES = (0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
"""The shares of the quantiles in `Quantiles`, in its order."""


def quantiles_ms(latencies: Latencies) -> Quantiles:
    """Return n and the quantiles in ms, each a latency that occurred; the quantiles are None if n is 0."""
    n = len(latencies)
    p50, p90, p95, p99, p999, most = latencies.quantile(list(SHARES)).tolist() if n else [None] * len(SHARES)
    return Quantiles(n=n, p50=_ms(p50), p90=_ms(p90), p95=_ms(p95), p99=_ms(p99), p999=_ms(p999), max=_ms(most))


def _ms(us: float | None) -> float | None:
    return None if us is None else us / 1000


def latency_ms(tally: Tally, intended: bool = False) -> Latency:
    """Return `quantiles_ms` for backend and gateway, from sending or, if `intended`, from the intended start."""

    def of_side(side: str) -> Quantiles:
        return quantiles_ms(tally.latencies(origin=side) if intended else tally.wire_latencies(side))

    return Latency(backend=of_side("backend"), gateway=of_side("gateway"))


def by_phase(tally: Tally) -> tuple[Phase, ...]:
    """Return the figures of each phase, in order of the phases' first requests."""
    return tuple(_phase(str(name), own, tally) for name, own in tally.kinds.groupby("phase", sort=False))


def _phase(name: str, own: pd.DataFrame, tally: Tally) -> Phase:
    total, span_s = int(own["n"].sum()), (int(own["last_ns"].max()) - int(own["first_ns"].min())) / NS
    ok, throttled, shed, silent, canceled = (int(own.loc[own["outcome"] == outcome, "n"].sum()) for outcome in _COUNTED)
    figures = quantiles_ms(tally.latencies(phase=name, fine=True))
    return Phase(
        phase=name,
        requests=total,
        rate_s=(total - 1) / span_s if span_s > 0 else None,
        ok=ok,
        throttled=throttled,
        shed=shed,
        no_response=silent,
        canceled=canceled,
        other=total - ok - throttled - shed - silent - canceled,
        ok_latency_ms=FewQuantiles(n=figures.n, p50=figures.p50, p99=figures.p99),
    )


_COUNTED = ("2xx", "429 backend", "shed", "no response", "canceled")
