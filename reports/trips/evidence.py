"""Gathers once, for each backend, all data of a run about its breaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.loading.run import Run
from reports.statistics.latencies import Latencies
from reports.trips.answers import Answers, failed_answers
from reports.trips.arrivals import Arrivals, possible_causes
from reports.trips.failures import Failures
from reports.trips.instants import NS
from reports.trips.one_clock import one_clock
from reports.trips.periods import Touches
from reports.trips.touches import answers_of, asked_first, touches_of
from reports.trips.wait_slack import longest_delay_ns
from tripcurve.gateways import GatewayProfile, profile_of
from tripcurve.lab import Backend
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule
from tripcurve.scenario import Scenario

__all__ = ["Evidence", "gather"]

SLACK = 1.02
"""The inaccuracy that timers may have: a period longer than the rule allows by more than this factor must be two."""


@dataclass(frozen=True)
class Evidence:
    """The data of a run about one backend's breaker.

    `rule`: as the gateway runs it; None for a backend without a breaker. `units`: the number of units to assume.
    `zero_ns`: the run's start, unix ns. `shortest_ns` and `longest_ns`: the shortest and longest times for which the
    rule can have kept the breaker open, 0 without a rule. `service`: a row for each second of the run, shape (seconds,
    2): the requests, and the complete 2xx among them, without those that other members of a pool answered. `pooled`:
    the backend is one of several in a pool. `asked_first`: every request goes to it while it is closed. `retries`: the
    gateway makes further attempts within a request, so a failure may be in no answer. `causes`: the answers that may
    have tripped the breaker. `doubt_ns`: the most that a worker's clock may differ from that of `touches`. `after_ns`:
    how far the clock of `touches` may be off the main process's.
    """

    backend: str
    profile: GatewayProfile
    rule: BreakerRule | None
    options: LocalOptions
    units: int
    pooled: bool
    asked_first: bool
    retries: bool
    zero_ns: int
    doubt_ns: int
    after_ns: int
    answers: Answers
    touches: Touches
    failures: Failures
    causes: Arrivals
    shortest_ns: int
    longest_ns: int
    service: npt.NDArray[np.int64]

    @property
    def guarded(self) -> bool:
        """Whether the backend has a breaker; a single backend is taken to have one that the lab does not name."""
        return self.rule is not None or not self.pooled


def gather(run: Run, backend: Backend) -> Evidence:
    """Gather the data of a run about one backend's breaker."""
    lab, profile = run.lab, profile_of(run.lab)
    rule = None if backend.breaker is None else profile.in_force(backend.breaker)
    sheds = run.tally.wire_latencies("gateway")
    answers = answers_of(run.decisive, backend, lab, longest_delay_ns(sheds), _network_ns(sheds))
    clock = one_clock(run.decisive, run.records.clocks.steady)
    doubt_ns = clock.doubt_ns
    shortest, longest = (
        (0, 0) if rule is None else _durations_ns(answers, rule, _simulated_s(run.scenario, backend), profile.late_s)
    )
    return Evidence(
        backend=backend.name,
        profile=profile,
        rule=rule,
        options=profile.options,
        units=lab.most_units,
        pooled=lab.has_pool,
        asked_first=asked_first(backend, lab),
        retries=profile.retries,
        zero_ns=run.start_ns,
        doubt_ns=doubt_ns,
        after_ns=clock.after_ns,
        answers=answers,
        touches=touches_of(clock.frame, backend, lab, whole=len(clock.frame) == len(run.decisive)),
        failures=Failures(answers, rule, profile.options, shortest, doubt_ns),
        causes=possible_causes(answers, rule, doubt_ns),
        shortest_ns=shortest,
        longest_ns=longest,
        service=run.tally.service_of(backend.name if lab.has_pool else None),
    )


def _network_ns(sheds: Latencies) -> int:
    """Return the least time that a request and its response were on their way, ns; 0 if not known."""
    return int(sheds.quantile([0.0])[0]) * 1000 if len(sheds) else 0


def _simulated_s(scenario: Scenario, backend: Backend) -> list[float]:
    """Return each Retry-After that a phase makes the backend send, seconds."""
    faults = [phase.simulate.get(backend.name, phase.simulate.get("default")) for phase in scenario.phases]
    return [fault.retry_after_s for fault in faults if fault is not None and fault.retry_after_s is not None]


def _durations_ns(answers: Answers, rule: BreakerRule, simulated_s: Sequence[float], late_s: float) -> tuple[int, int]:
    """Return the shortest and longest times that the rule can have kept the breaker open, given each Retry-After.

    `late_s`: how much longer than that the gateway may keep it open.
    """
    lengths = [rule.trip_duration]
    if rule.accept_retry_after:
        sent_s = answers.retry_after_s[failed_answers(answers, rule)]
        sent_s = sent_s[~np.isnan(sent_s)]
        lengths += [float(sent_s.min()), float(sent_s.max())] if len(sent_s) else []
        lengths += simulated_s
    return int(min(lengths) / SLACK * NS), int((max(lengths) * SLACK + late_s) * NS)
