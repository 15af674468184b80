"""The instants at which the requests of open-loop phases are due.

Live traffic and the simulator use the same functions. Gamma-distributed arrivals are also the same instants in both if
their seeds are equal.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from tripcurve.scenario import Bursts, Phase, Ramp, Scenario

__all__ = ["arrival_times", "burst_times", "phase_bursts", "seeded"]


def seeded(scenario: Scenario, worker: int, purpose: str, seed: int | None = None) -> random.Random:
    """Return the random generator for one purpose of a worker. `seed` None: the scenario's."""
    known = scenario.seed if seed is None else seed
    return random.Random(f"{known}/{scenario.name}/{worker}/{purpose}")  # noqa: S311  # no secrets


def arrival_times(phase: Phase, rng: random.Random | None = None, cv: float = 1.0) -> Iterator[float]:
    """Yield the seconds into the phase at which its requests are due, in order; nothing without a rate.

    With `rng` None they are evenly spread at the phase's rate, the first at its start. With a generator the gaps, in
    units of the mean gap at the time, have a gamma distribution with coefficient of variation `cv`; with `cv` 1 they
    are exponential, a Poisson process. The process is stationary: it does not begin with a request, and the expected
    number of requests is the integral of the rate, whatever `cv` is.
    """
    if phase.rate is None:
        return
    first, last = _ends(phase.rate)
    slope = (last - first) / phase.duration_s
    due = 0.0 if rng is None else _first_gap(rng, cv)
    while due < (first + last) / 2 * phase.duration_s:
        yield _instant(due, first, slope)
        due += 1.0 if rng is None else _gap(rng, cv)


def burst_times(scenario: Scenario, seed: int | None = None) -> Iterator[float]:
    """Yield the arrivals of a scenario in bursts, in seconds from the run's start. `seed` None: the scenario's."""
    begin = 0.0
    for index, phase in enumerate(scenario.phases):
        for due in phase_bursts(scenario, index, seed):
            yield begin + due
        begin += phase.duration_s


def phase_bursts(scenario: Scenario, phase: int, seed: int | None = None) -> Iterator[float]:
    """Return the arrivals of one phase in bursts, in seconds into the phase. `seed` None: the scenario's.

    All workers draw the same arrivals and deal them out, because the sum of bursty processes is less bursty than each.
    Each phase is drawn for itself, so that a worker that joins the run need not draw those before.
    """
    assert isinstance(scenario.arrivals, Bursts)  # noqa: S101  # for the type checker
    rng = seeded(scenario, 0, f"arrivals/{phase}", seed)
    return arrival_times(scenario.phases[phase], rng, scenario.arrivals.gamma.cv)


def _gap(rng: random.Random, cv: float) -> float:
    """Draw a gap with mean 1."""
    return rng.expovariate(1.0) if cv == 1 else rng.gammavariate(cv**-2, cv**2)


def _first_gap(rng: random.Random, cv: float) -> float:
    """Draw the time until the first request of a stationary process: a uniform part of a gap drawn by its length.

    A gamma distribution of shape k weighted by length is the one of shape k + 1.
    """
    return rng.expovariate(1.0) if cv == 1 else rng.random() * rng.gammavariate(cv**-2 + 1, cv**2)


def _ends(rate: float | Ramp) -> tuple[float, float]:
    return (rate.start, rate.end) if isinstance(rate, Ramp) else (rate, rate)


def _instant(due: float, first: float, slope: float) -> float:
    """Return the seconds after which `due` requests are due at the rate `first + slope * t`.

    This form of the root stays exact for small slopes.
    """
    if due == 0:
        return 0.0
    return 2 * due / (first + math.sqrt(max(first * first + 2 * slope * due, 0.0)))
