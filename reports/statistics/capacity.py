"""Computes the capacity of a gateway: the load that it carried without a trip and within limits, from rising steps.

Each phase of the run is a step. A step is carried if nothing was shed, no trip happened in it, enough of its requests
succeeded, and their latency from the intended start stayed within the limit. The capacity is between the first step
that was not carried and the highest carried step below it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from reports.loading.run import Run
from reports.statistics.in_flight import littles_law
from reports.statistics.latencies import Latencies
from reports.statistics.shares import wilson
from reports.trips.analysis import analyse
from reports.trips.instants import NS
from reports.trips.trip import Trip
from tripcurve.lab import Lab
from tripcurve.quota import PTU_TOKENS_PER_MINUTE
from tripcurve.run.summary import Capacity, Headroom, Step
from tripcurve.scenario import Scenario

__all__ = ["Limits", "from_run", "is_step_load", "of_steps", "quotas_of", "step_of"]

FEWEST_REQUESTS = 30
Z = 1.96
RPM_PER_1000_TPM = 6  # chat models [D-QUOTA]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for a carried step. `ok_share`: the least share of 2xx. `p99_ms` None: no limit on latency."""

    ok_share: float = 0.99
    p99_ms: float | None = None


def is_step_load(scenario: Scenario) -> bool:
    """Return whether a scenario consists of steps: rising constant rates without faults."""
    rates = [phase.rate for phase in scenario.phases]
    steady = [rate for rate in rates if isinstance(rate, float | int)]
    healthy = not any(phase.simulate for phase in scenario.phases)
    return healthy and len(steady) == len(rates) > 1 and all(one < other for one, other in pairwise(steady))


def from_run(run: Run, limits: Limits | None = None) -> Capacity:
    """Return the capacity that a step-load run shows, with steps ordered by offered rate. `limits` None: defaults."""
    return of_steps(_steps(run, analyse(run).trips, limits or Limits()), run.lab)


def of_steps(steps: list[Step], lab: Lab | None) -> Capacity:
    """Return the capacity that steps show, of one run or of several, in any order. `lab` None: no quota is known."""
    curve = sorted(steps, key=lambda step: step.offered_s)
    failed = next((step for step in curve if step.cause is not None), None)
    below = [step for step in curve if step.cause is None and (failed is None or step.offered_s < failed.offered_s)]
    carried = below[-1] if below else None
    low, high = _interval(curve, below)
    return Capacity(
        carried=carried,
        failed=failed,
        curve=tuple(curve),
        headroom=tuple(_headroom(lab, carried)),
        confidence=f"{_confidence(carried, failed)}{_interval_in_words(low, high)}{_second_method(carried)}",
        low_s=low,
        high_s=high,
    )


def _interval(curve: list[Step], below: list[Step]) -> tuple[float | None, float | None]:
    """Return the rates between which the capacity is with 95 %. None: no step is certain at that end.

    `below`: the carried steps below the first one that was not.
    """
    low = max((step.offered_s for step in below if step.certain), default=None)
    above = [step.offered_s for step in curve if step.cause is not None and step.certain]
    return low, min((rate for rate in above if low is None or rate > low), default=None)


def _interval_in_words(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "; no step has enough requests to be 95 % sure that it was carried, or that it was not"
    if low is None or high is None:
        side = f"at least {low:.1f}" if low is not None else f"less than {high:.1f}"
        return f"; with 95 % certainty {side} requests/s"
    return f"; with 95 % certainty from {low:.1f} to {high:.1f} requests/s"


def _second_method(carried: Step | None) -> str:
    """Return whether Little's law gives the same rate for the carried step."""
    if carried is None or carried.little is None:
        return ""
    little = carried.little
    text = (
        f"; by Little's law {little.rate_s:.1f} requests/s ({little.in_flight:.1f} under way, {little.mean_ms:.0f} ms)"
    )
    return text + (", which agrees" if little.agrees else ", which differs: requests piled up, or times are wrong")


def _steps(run: Run, trips: list[Trip], limits: Limits) -> list[Step]:
    steps, begin = [], 0.0
    kinds = run.tally.kinds
    for phase in run.scenario.phases:
        end = begin + phase.duration_s
        own = kinds[kinds["phase"] == phase.name]
        if len(own):
            latencies = run.tally.latencies(phase=phase.name, fine=True)
            tripped = _trips_within(trips, begin, end)
            seconds = _seconds(run, own, begin, end)
            step = step_of(phase.name, own, latencies, seconds, tripped, limits)
            under_way = run.tally.in_flight.mean(begin, begin + seconds)
            little = littles_law(under_way, run.tally.latencies(phase=phase.name), step.offered_s, seconds)
            steps.append(step.model_copy(update={"little": little}))
        begin = end
    return steps


def _seconds(run: Run, own: pd.DataFrame, begin: float, end: float) -> float:
    """Return the phase's duration, or the time that an interrupted run spent in it."""
    last_s = (int(own["last_ns"].max()) - run.start_ns) / NS
    return end - begin if not run.info.interrupted else max(last_s - begin, 1e-3)


def _trips_within(trips: list[Trip], begin: float, end: float) -> int:
    known = [trip.tripped_s.estimate for trip in trips if trip.tripped_s is not None]
    return sum(begin <= at < end for at in known)


def step_of(name: str, own: pd.DataFrame, latencies: Latencies, seconds: float, trips: int, limits: Limits) -> Step:
    """Return a step from counts of requests by outcome, and the latencies of the complete 2xx.

    `own`: rows with the columns outcome, n, prompt_tokens and completion_tokens, at least one request in all.
    """
    by_outcome, n = own.groupby("outcome")["n"].sum(), int(own["n"].sum())
    ok, shed, throttled = (int(by_outcome.get(outcome, 0)) for outcome in ("2xx", "shed", "429 backend"))
    p50, p99 = (float(value) / 1000 for value in latencies.quantile([0.5, 0.99])) if len(latencies) else (None, None)
    cause = _cause(trips, shed, throttled, ok, n, p99, limits)
    tokens = int(own["prompt_tokens"].sum()) + int(own["completion_tokens"].sum())
    return Step(
        phase=name,
        n=n,
        seconds=seconds,
        offered_s=n / seconds,
        served_s=ok / seconds,
        shed_s=shed / seconds,
        throttled_s=throttled / seconds,
        failed_s=(n - ok - shed - throttled) / seconds,
        tokens_per_minute=tokens / seconds * 60,
        ok_share=ok / n,
        ok_low=wilson(ok, n)[0],
        p50_ms=p50,
        p99_ms=p99,
        trips=trips,
        cause=cause,
        certain=_certain(cause, bool(trips or shed), ok, n, latencies, limits),
    )


def _cause(trips: int, shed: int, throttled: int, ok: int, n: int, p99: float | None, limits: Limits) -> str | None:
    """Return the first reason why the step was not carried, or None if it was."""
    if trips or shed:
        return f"the breaker opened: {trips} trips, {shed} of {n} requests shed"
    if ok / n < limits.ok_share:
        share = f"{ok / n:.1%} of requests succeeded, less than {limits.ok_share:.1%}"
        return f"the backend's quota: {throttled} of {n} throttled; {share}" if throttled > (n - ok) / 2 else share
    if limits.p99_ms is not None and p99 is not None and p99 > limits.p99_ms:
        return f"latency: p99 {p99:.0f} ms, more than {limits.p99_ms:g} ms"
    return None


def _certain(cause: str | None, opened: bool, ok: int, n: int, latencies: Latencies, limits: Limits) -> bool:
    """Return whether the requests are enough to be 95 % sure that the step was carried, or that it was not."""
    low, high = wilson(ok, n)
    within = _p99_within(latencies, limits.p99_ms)
    if cause is None:
        return low >= limits.ok_share and within is True
    return opened or high < limits.ok_share or within is False


def _p99_within(latencies: Latencies, limit_ms: float | None) -> bool | None:
    """Return whether the true p99 is surely within a limit, or surely not; None: the sample does not say."""
    if limit_ms is None:
        return True
    n = len(latencies)
    spread = Z * math.sqrt(0.99 * 0.01 / n) if n else 1.0
    if 0.99 + spread < 1 and latencies.quantile(0.99 + spread) / 1000 <= limit_ms:
        return True
    return False if n and latencies.quantile(max(0.99 - spread, 0.0)) / 1000 > limit_ms else None


def quotas_of(lab: Lab) -> tuple[float | None, float | None]:
    """Return the requests and the tokens per minute that all backends of a lab admit together.

    They are those of mocks, and those that follow from the deployments' capacity. None: a backend has no such quota,
    or it is not known.
    """
    rpm = [b.limits.rpm if b.limits is not None else None for b in lab.backends]
    tpm = [b.limits.tpm if b.limits is not None else None for b in lab.backends]
    if all(backend.kind == "openai" for backend in lab.backends):
        capacity, provisioned = lab.model.capacity, "Provisioned" in lab.model.sku
        tpm = [capacity * (PTU_TOKENS_PER_MINUTE if provisioned else 1000) for _ in lab.backends]
        rpm = [None if provisioned else capacity * RPM_PER_1000_TPM for _ in lab.backends]
    return _sum(rpm), _sum(tpm)


def _sum(quotas: Sequence[int | None]) -> float | None:
    known = [quota for quota in quotas if quota is not None]
    return float(sum(known)) if len(known) == len(quotas) else None


def _headroom(lab: Lab | None, carried: Step | None) -> list[Headroom]:
    if carried is None or lab is None:
        return []
    rpm, tpm = quotas_of(lab)
    quotas = (
        ("requests per minute", rpm, carried.offered_s * 60),
        ("tokens per minute", tpm, carried.tokens_per_minute),
    )
    return [
        Headroom(quota=name, limit=limit, used=used, left_share=1 - used / limit)
        for name, limit, used in quotas
        if limit is not None
    ]


def _confidence(carried: Step | None, failed: Step | None) -> str:
    if carried is None:
        return "nothing was carried: begin with a lower step"
    text = f"{carried.n} requests in {carried.seconds:.0f} s; success at least {carried.ok_low:.2%} (95 %)"
    if carried.n < FEWEST_REQUESTS:
        text += "; too few requests to rely on"
    if failed is None:
        return text + "; the highest step was carried too, so capacity is at least this"
    return text + f"; capacity lies between {carried.offered_s:.1f} and {failed.offered_s:.1f} requests/s"
