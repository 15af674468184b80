"""The arrival schedule, divided among workers phase by phase. Instants are seconds from the run's start."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

from tripcurve.scenario import Bursts, Phase, Probe, Ramp, Scenario
from tripcurve.scenario.arrivals import arrival_times, phase_bursts, seeded
from tripcurve.scenario.trace import Trace

__all__ = ["Share", "begins_s", "derived_rng", "phase_arrivals", "probe_arrivals"]


OFF_BEAT = 2**0.5 - 1
"""An irrational number, so that probes seldom coincide with arrivals, whatever the rates are."""


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part of a phase's arrivals: place `place`, counted from 0, of `places`."""

    place: int = 0
    places: int = 1


def derived_rng(scenario: Scenario, worker: int, purpose: str) -> random.Random:
    """Return the random generator for one purpose, seeded by the scenario's seed and the worker's number."""
    return seeded(scenario, worker, purpose)


def phase_arrivals(
    scenario: Scenario, phase: int, worker: int, share: Share, trace: Trace | None = None
) -> Iterator[float]:
    """Return when a worker's open-loop requests of a phase are due, in seconds from the run's start.

    For Poisson arrivals each worker draws a process of its part of the rate, because independent Poisson processes add
    up to one. All other arrivals are dealt out to the places in turn, so that together they keep the exact schedule.
    The result depends on no other phase, so that a worker can join at any of them.
    `trace`: the requests to send instead, if the scenario replays a trace; those after the last phase are left out.
    """
    one, begin_s = scenario.phases[phase], begins_s(scenario)[phase]
    if scenario.distribution == "poisson":
        rng = derived_rng(scenario, worker, f"arrivals/{phase}")
        return (begin_s + due for due in arrival_times(_part(one, share.places), rng))
    # The first turn goes round with the phases: else place 0 would get all arrivals of phases that have only one each.
    first = (share.place - phase) % share.places
    return islice(_whole(scenario, phase, begin_s, trace), first, None, share.places)


def begins_s(scenario: Scenario) -> list[float]:
    """Return when each phase begins, and at the end of the list when the last one ends, s from the run's start."""
    return list(accumulate((phase.duration_s for phase in scenario.phases), initial=0.0))


def _whole(scenario: Scenario, phase: int, begin_s: float, trace: Trace | None) -> Iterator[float]:
    """Return the arrivals of a phase for all workers together."""
    if trace is not None:
        return trace.due_s(begin_s, begins_s(scenario)[phase + 1])
    bursts = isinstance(scenario.arrivals, Bursts)
    due_s = phase_bursts(scenario, phase) if bursts else arrival_times(scenario.phases[phase])
    return (begin_s + due for due in due_s)


def _part(phase: Phase, parts: int) -> Phase:
    """Return the phase with one of `parts` equal parts of its rate."""
    rate = phase.rate
    if parts == 1 or rate is None:
        return phase
    if isinstance(rate, Ramp):
        part = Ramp.model_validate({"from": rate.start / parts, "to": rate.end / parts})
        return phase.model_copy(update={"rate": part})
    return phase.model_copy(update={"rate": rate / parts})


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
