"""Gathers once, for each backend, everything that a run shows of its breaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.loading.run import Run
from reports.trips.answers import Answers, failed_answers
from reports.trips.failures import Failures
from reports.trips.instants import NS
from reports.trips.periods import Touches
from reports.trips.touches import answers_of, clock_doubt_ns, retries_within, touches_of
from tripcurve.lab import Backend
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule
from tripcurve.scenario import Scenario

__all__ = ["Evidence", "gather"]

SLACK = 1.02
"""Allows for a timer's inaccuracy: a period longer by more than this factor than the rule allows must be two."""


@dataclass(frozen=True)
class Evidence:
    """What a run shows of one backend's breaker.

    `rule` is None for a backend without a breaker. `zero_ns` is the run's start, unix ns. `shortest_ns` and
    `longest_ns` are the shortest and longest times that the rule can have kept the breaker open. `service` has a row
    for each second of the run: requests, and whole 2xx among them, leaving out what other members of a pool answered.
    `pooled`: the backend is one of several in a pool. `retries`: the policy makes further attempts in one request, so
    that a failure may show in no answer. `doubt_ns`: the most that a worker's clock may be off.
    """

    backend: str
    rule: BreakerRule | None
    options: LocalOptions
    units: int
    pooled: bool
    retries: bool
    zero_ns: int
    doubt_ns: int
    answers: Answers
    touches: Touches
    failures: Failures
    shortest_ns: int
    longest_ns: int
    service: npt.NDArray[np.int64]


def gather(run: Run, backend: Backend) -> Evidence:
    """Gather the evidence of one backend of a run."""
    lab, rule = run.lab, backend.breaker
    answers = answers_of(run.decisive, backend, lab)
    doubt = clock_doubt_ns(run.decisive)
    doubt_ns = 0 if doubt is None else int(doubt.max(initial=0))
    shortest, longest = (0, 0) if rule is None else _durations_ns(answers, rule, _simulated_s(run.scenario, backend))
    return Evidence(
        backend=backend.name,
        rule=rule,
        options=lab.local,
        units=lab.units,
        pooled=lab.has_pool,
        retries=retries_within(lab),
        zero_ns=run.start_ns,
        doubt_ns=doubt_ns,
        answers=answers,
        touches=touches_of(run.decisive, backend, lab),
        failures=Failures(answers, rule, lab.local, shortest, doubt_ns),
        shortest_ns=shortest,
        longest_ns=longest,
        service=run.tally.service_of(backend.name if lab.has_pool else None),
    )


def _simulated_s(scenario: Scenario, backend: Backend) -> list[float]:
    """Each Retry-After that a phase makes the backend send, seconds."""
    faults = [phase.simulate.get(backend.name, phase.simulate.get("default")) for phase in scenario.phases]
    return [fault.retry_after_s for fault in faults if fault is not None and fault.retry_after_s is not None]


def _durations_ns(answers: Answers, rule: BreakerRule, simulated_s: Sequence[float]) -> tuple[int, int]:
    """The shortest and longest times that the rule can have kept the breaker open, given the backend's Retry-After."""
    lengths = [rule.trip_duration]
    if rule.accept_retry_after:
        told = answers.retry_after_s[failed_answers(answers, rule)]
        told = told[~np.isnan(told)]
        lengths += [float(told.min()), float(told.max())] if len(told) else []
        lengths += simulated_s
    return int(min(lengths) / SLACK * NS), int(max(lengths) * SLACK * NS)
