"""Measures the steps of a rising load: rates, tokens and latencies with intervals, and how late the load was sent.

A step is a phase of a run, or a probe of a search. A production log has none, so its time is cut into windows, and
windows of similar load make a step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from reports.loading.run import Run
from reports.loading.traffic import Codes, Floats, Traffic
from reports.statistics.capacity import Limits, step_of
from reports.statistics.estimates import (
    FEWEST_BATCHES,
    Estimate,
    estimate_of_batches,
    estimate_of_quantile,
    estimate_of_share,
)
from reports.statistics.latencies import Latencies
from reports.statistics.shares import wilson
from reports.statistics.tally import OUTCOMES
from tripcurve.run.summary import Step
from tripcurve.scenario import Bursts, Phase, Scenario

__all__ = [
    "LATE_MS",
    "LEAST_DELIVERED",
    "StepFigures",
    "figures_of",
    "step_of_traffic",
    "steps_of_run",
    "steps_of_windows",
]

LATE_MS = 20.0
"""A step was not sent on time if the 99th percentile of how late its requests started is larger."""
LEAST_DELIVERED = 0.95
"""A step of which a smaller share of the arrivals was sent did not offer the load that it should have."""
BATCHES = 10
FEWEST_IN_BATCH = 5
MOST_GROUPS = 8


class StepFigures(BaseModel):
    """The figures of one step. Rates are per second.

    `step`: its plain figures, and why it was not carried. Latencies are of complete 2xx, from the instant at which a
    request was due; None: not known. `outside_p50_ms`: the median time from sending on that is not the wait for
    the backend, so gateway, network and client; None: not reported. `tokens_in_s` and `tokens_out_s`: of all requests.
    `late_p99_ms`: how late requests were sent; None: a log does not say. `delivered_share`: the part of the configured
    arrivals that was sent; None: not known. `late`: whether the load generator fell behind; None: not known. `answers`:
    requests by status.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    step: Step
    offered_s: Estimate
    served_s: Estimate
    tokens_per_minute: Estimate
    ok_share: Estimate
    p50_ms: Estimate | None
    p99_ms: Estimate | None
    outside_p50_ms: float | None
    tokens_in_s: float
    tokens_out_s: float
    late_p99_ms: float | None
    delivered_share: float | None
    late: bool | None
    answers: dict[str, int]

    @property
    def rate(self) -> float:
        """The offered rate, requests per second."""
        return self.step.offered_s


def steps_of_run(run: Run, steps: Sequence[Step], traffic: Mapping[str, Traffic]) -> list[StepFigures]:
    """Return the figures of a run's steps, in the order of `steps`. `traffic`: its requests by phase."""
    begins, begin = {}, 0.0
    for phase in run.scenario.phases:
        begins[phase.name] = phase, begin
        begin += phase.duration_s
    found = []
    for step in steps:
        own, (phase, begin) = traffic[step.phase], begins[step.phase]
        batches = max(1, min(BATCHES, int(own.served.sum()) // FEWEST_IN_BATCH))
        batch = np.clip(((own.due_s - begin) / step.seconds * batches).astype(np.int64), 0, batches - 1)
        delivered = _delivered(run, phase, step)
        found.append(figures_of(step, own, batch, batches, delivered))
    return found


def steps_of_windows(traffic: Traffic, window_s: float, limits: Limits) -> list[StepFigures]:
    """Return steps of rising load from requests that nobody paced, each made of windows of similar load.

    The first and the last window are left out, because the record begins and ends within them, and so are windows
    without a request, which may be holes of the record. A step is carried if enough of its requests succeeded.
    """
    windows, index, counts = np.unique(
        (traffic.due_s / window_s).astype(np.int64), return_inverse=True, return_counts=True
    )
    if len(windows) > 2:
        inner = (index > 0) & (index < len(windows) - 1)
        traffic, index, counts = traffic.where(inner), index[inner] - 1, counts[1:-1]
    group, found = _groups(counts), []
    for number in range(int(group.max()) + 1):
        members = np.flatnonzero(group == number)
        place = np.full(len(counts), -1, np.int64)
        place[members] = np.arange(len(members))
        chosen = place[index] >= 0
        own, batch = traffic.where(chosen), place[index][chosen]
        step = step_of_traffic(f"load-{number + 1}", own, len(members) * window_s, limits)
        found.append(figures_of(step, own, batch, len(members), None))
    return found


def _groups(counts: Codes) -> Codes:
    """Return a group for each window by its number of requests, from 0 for the fewest, shape of `counts`.

    Groups are equally wide, and those of fewer than FEWEST_BATCHES windows are joined with the next lower one.
    """
    low, high = int(counts.min()), int(counts.max())
    most = max(1, min(MOST_GROUPS, len(counts) // FEWEST_BATCHES))
    group: Codes = np.minimum((counts - low) * most // max(high - low, 1), most - 1)
    sizes = np.bincount(group, minlength=most)
    joined, size = np.zeros(most, np.int64), 0
    for number in range(1, most):
        size += int(sizes[number - 1])
        full = size >= FEWEST_BATCHES and int(sizes[number:].sum()) >= FEWEST_BATCHES
        joined[number] = joined[number - 1] + full
        size = 0 if full else size
    return np.asarray(joined[group], np.int64)


def step_of_traffic(name: str, own: Traffic, seconds: float, limits: Limits) -> Step:
    """Return the plain figures of a step of this traffic, at least one request. Nobody knows of trips in it."""
    rows = pd.DataFrame(
        {
            "outcome": np.array(OUTCOMES, object)[own.outcome],
            "n": 1,
            "prompt_tokens": own.tokens_in,
            "completion_tokens": own.tokens_out,
        }
    )
    known = own.latency_ms[own.served & np.isfinite(own.latency_ms)]
    step = step_of(name, rows, Latencies.of((known * 1000).astype(np.int64)), seconds, 0, limits)
    # A shed in a quiet window has another cause than its load, so only the share of successes decides here.
    low, high = wilson(int(own.served.sum()), len(own))
    if step.ok_share >= limits.ok_share:
        return step.model_copy(update={"cause": None, "certain": low >= limits.ok_share})
    return step.model_copy(update={"certain": high < limits.ok_share})


def _delivered(run: Run, phase: Phase, step: Step) -> float | None:
    """Return the share of a phase's arrivals that was sent, or None if it is not known."""
    pacing = run.info.pacing
    if len(run.scenario.phases) == 1 and pacing is not None and pacing.intended and pacing.sent is not None:
        return min(1.0, pacing.sent / pacing.intended)
    if not isinstance(phase.rate, float | int) or run.info.interrupted or isinstance(run.scenario.arrivals, Bursts):
        return None
    expected = (phase.rate + _probe_rate(run.scenario)) * step.seconds
    chance = 3 * math.sqrt(expected) if run.scenario.arrivals == "poisson" else 1.0
    return min(1.0, (step.n + chance) / expected)


def _probe_rate(scenario: Scenario) -> float:
    return scenario.users.get("ProbeUser", 0) * scenario.probe.rate


def figures_of(step: Step, own: Traffic, batch: Codes, batches: int, delivered: float | None) -> StepFigures:
    """Return a step's figures. `batch`: the batch of each request, shape (n,); all batches are equally long."""
    served, batch_s = own.served, step.seconds / batches
    latency = np.where(served, own.latency_ms, np.nan)
    known, late_ms = latency[np.isfinite(latency)], own.late_ms[np.isfinite(own.late_ms)]
    outside = own.outside_ms[served & np.isfinite(own.outside_ms)]
    late_p99 = float(np.quantile(late_ms, 0.99)) if len(late_ms) else None
    tokens = np.bincount(batch, own.tokens_in + own.tokens_out, batches)
    statuses, counts = np.unique(own.status, return_counts=True)
    return StepFigures(
        step=step,
        offered_s=estimate_of_batches(step.offered_s, np.bincount(batch, minlength=batches) / batch_s),
        served_s=estimate_of_batches(step.served_s, np.bincount(batch, served, batches) / batch_s),
        tokens_per_minute=estimate_of_batches(step.tokens_per_minute, tokens / batch_s * 60),
        ok_share=estimate_of_share(int(served.sum()), len(own)),
        p50_ms=estimate_of_batches(step.p50_ms, _medians(latency, batch, batches), ratio=True)
        if step.p50_ms is not None
        else None,
        p99_ms=estimate_of_quantile(known, 0.99) if len(known) else None,
        outside_p50_ms=float(np.median(outside)) if len(outside) else None,
        tokens_in_s=float(own.tokens_in.sum()) / step.seconds,
        tokens_out_s=float(own.tokens_out.sum()) / step.seconds,
        late_p99_ms=late_p99,
        delivered_share=delivered,
        late=None
        if late_p99 is None
        else late_p99 > LATE_MS or (delivered is not None and delivered < LEAST_DELIVERED),
        answers={str(status): int(n) for status, n in zip(statuses.tolist(), counts.tolist(), strict=True)},
    )


def _medians(latency: Floats, batch: Codes, batches: int) -> Floats:
    """Return the median of each batch's values without NaN, shape (batches,); NaN for a batch without a value."""
    known = np.isfinite(latency)
    order = np.argsort(batch[known], kind="stable")
    parts = np.split(latency[known][order], np.cumsum(np.bincount(batch[known], minlength=batches))[:-1])
    return np.array([np.median(part) if len(part) else np.nan for part in parts])
