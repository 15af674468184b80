"""The arrival schedule: pure, exact, shared out among workers. Seconds from the run's start."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tripcurve.scenario import Phase, Probe, Ramp, Scenario
from tripcurve.scenario.arrivals import arrival_times

__all__ = ["Share", "arrivals", "derived_rng", "probe_arrivals"]


OFF_BEAT = 2**0.5 - 1
"""No simple fraction: seldom on an arrival, whatever the rates."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the load is this worker's: the `worker`-th of `workers`, from 0."""

    worker: int = 0
    workers: int = 1


def derived_rng(scenario: Scenario, share: Share, purpose: str) -> random.Random:
    """Random numbers of one run, worker and purpose: never the same in two workers."""
    return random.Random(f"{scenario.seed}/{scenario.name}/{share.worker}/{purpose}")  # noqa: S311  # no secrets


def arrivals(scenario: Scenario, share: Share) -> Iterator[float]:
    """When this worker's open-loop requests are due.

    Evenly spaced arrivals are dealt out in turn, so that the workers together keep the exact schedule;
    a Poisson process is split into as many of a part of the rate, which together are one again.
    """
    if scenario.arrivals == "poisson":
        rng = derived_rng(scenario, share, "arrivals")
        yield from _all(scenario.phases, share.workers, rng)
    else:
        yield from islice(_all(scenario.phases, 1, None), share.worker, None, share.workers)


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
    """The pulse of the run's `number`-th probe, from 0.

    It begins off the beat, so that probes fall between the evenly spaced arrivals of a phase, and between one another.
    """
    gap_s = 1.0 / probe.rate
    due = (number + 1) * OFF_BEAT % 1 * gap_s
    while due < duration_s:
        yield due
        due += gap_s
