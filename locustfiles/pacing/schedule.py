"""The arrival schedule, divided among workers. Instants are seconds from the run's start."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from tripcurve.scenario import Bursts, Phase, Probe, Ramp, Scenario
from tripcurve.scenario.arrivals import arrival_times, burst_times, seeded
from tripcurve.scenario.trace import Trace

__all__ = ["Share", "arrivals", "derived_rng", "probe_arrivals"]


OFF_BEAT = 2**0.5 - 1
"""An irrational number, so that probes seldom coincide with arrivals, whatever the rates are."""


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part of the load: number `worker`, counted from 0, of `workers`."""

    worker: int = 0
    workers: int = 1


def derived_rng(scenario: Scenario, share: Share, purpose: str) -> random.Random:
    """Return the random generator for one purpose, seeded by the scenario's seed and the worker's number."""
    return seeded(scenario, share.worker, purpose)


def arrivals(scenario: Scenario, share: Share, trace: Trace | None = None) -> Iterator[float]:
    """Return when this worker's open-loop requests are due, in seconds from the run's start.

    For Poisson arrivals each worker draws a process of its part of the rate, because independent Poisson processes add
    up to one. All other arrivals are dealt out to the workers in turn, so that together they keep the exact schedule.
    `trace`: the requests to send instead, if the scenario replays a trace; those after the last phase are left out.
    """
    if scenario.distribution == "poisson":
        yield from _all(scenario.phases, share.workers, derived_rng(scenario, share, "arrivals"))
    else:
        yield from islice(_whole(scenario, trace), share.worker, None, share.workers)


def _whole(scenario: Scenario, trace: Trace | None) -> Iterator[float]:
    """Return the schedule of all workers together."""
    if trace is not None:
        return takewhile(lambda due: due < scenario.duration_s, trace.due_s())
    if isinstance(scenario.arrivals, Bursts):
        return burst_times(scenario)
    return _all(scenario.phases, 1, None)


def _all(phases: tuple[Phase, ...], parts: int, rng: random.Random | None) -> Iterator[float]:
    begin = 0.0
    for phase in phases:
        part = phase if parts == 1 else phase.model_copy(update={"rate": _part(phase.rate, parts)})
        for due in arrival_times(part, rng):
            yield begin + due
        begin += phase.duration_s


def _part(rate: float | Ramp | None, parts: int) -> float | Ramp | None:
    if isinstance(rate, Ramp):
        return Ramp.model_validate({"from": rate.start / parts, "to": rate.end / parts})
    return None if rate is None else rate / parts


def probe_arrivals(probe: Probe, number: int, duration_s: float) -> Iterator[float]:
    """Return when probe user `number`, counted from 0, is due, in seconds from the run's start.

    Each probe starts with an offset of its own, so that probes fall between evenly spaced arrivals and between each
    other.
    """
    gap_s = 1.0 / probe.rate
    due = (number + 1) * OFF_BEAT % 1 * gap_s
    while due < duration_s:
        yield due
        due += gap_s
