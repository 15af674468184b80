"""Tries a breaker rule: the clients' outage and the sick backend's load in incidents, and trips while healthy."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean, stdev
from typing import NamedTuple

from simulator.engines import Engine, Local
from simulator.incidents import incident, lab_for
from simulator.virtual import VirtualRun, run_virtual
from tripcurve.breaker import Breaker, Opened, Outcome
from tripcurve.lab import Lab
from tripcurve.lab.rule import BreakerRule

__all__ = ["DAY_S", "Estimate", "Plan", "Trial", "estimate", "false_trips", "try_rule", "try_rules", "with_rule"]

DAY_S = 86_400.0
_T_95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 14: 2.14, 19: 2.09, 29: 2.05}
"""Student's t for a 95 % interval, by degrees of freedom. Between two entries, the smaller degree is used."""
_MOST_ANSWERS = 2_000_000
"""The most answers of a healthy backend that are simulated for one rule."""


@dataclass(frozen=True)
class Plan:
    """How rules are tried. Times are in seconds, `rate` in requests per second.

    `weights`: the weight of each incident. `during_s` and `after_s`: the length of an incident and of the healthy time
    after it. `healthy_share`: the share of a healthy backend's answers that are failures. `healthy_s`: the healthy time
    in which false trips are counted. `retries`: of each client.
    """

    weights: Mapping[str, float]
    rate: float
    during_s: float
    after_s: float
    healthy_share: float
    healthy_s: float = 30 * DAY_S
    retries: int = 0
    seeds: tuple[int, ...] = tuple(range(10))


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Trial:
    """The results of a rule, one value for each seed. `rule` None: no breaker.

    `outage_s`: the clients' failed calls divided by the rate, weighted by incident: the length of a full outage with as
    many failures. `asked`: the requests that the sick backend got during an incident. `false_trips`: trips within
    `healthy_s` seconds of a healthy backend.
    """

    rule: BreakerRule | None
    outage_s: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    false_trips: int = 0
    healthy_s: float = DAY_S

    @property
    def false_trips_a_day(self) -> Estimate:
        """The trips per day of a healthy backend, with the 95 % interval of a Poisson count."""
        scale, count = DAY_S / self.healthy_s, self.false_trips
        middle, half = count + 1.92, 1.96 * math.sqrt(count + 0.96)
        return Estimate(count * scale, max(middle - half, 0.0) * scale, (middle + half) * scale)


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of a sample and its 95 % interval, which is infinite for a single value."""
    mean = fmean(values)
    if len(values) < 2:
        return Estimate(mean, -math.inf, math.inf)
    freedom = len(values) - 1
    t = _T_95[max(known for known in _T_95 if known <= freedom)]
    half = t * stdev(values) / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def with_rule(lab: Lab, rule: BreakerRule | None) -> Lab:
    """Return the lab with this rule for every backend that has one. `rule` None: without breakers."""
    backends = tuple(
        backend if backend.breaker is None else backend.model_copy(update={"breaker": rule}) for backend in lab.backends
    )
    return lab.model_copy(update={"backends": backends})


def try_rule(lab: Lab, rule: BreakerRule | None, plan: Plan) -> Trial:
    """Simulate every incident of a plan, with every seed, on the lab with this rule. `rule` None: no breaker."""
    return try_rules(lab, [rule], plan, Local(1))[0]


def try_rules(lab: Lab, rules: Sequence[BreakerRule | None], plan: Plan, engine: Engine) -> list[Trial]:
    """Try every rule as `try_rule` does. Each seed of a rule is a job of its own, and so is its healthy backend."""
    jobs = [_Job(rule, seed) for rule in rules for seed in (*plan.seeds, None)]
    done, step = engine.map(partial(_play, lab, plan), jobs), len(plan.seeds) + 1
    found = []
    for place, rule in enumerate(rules):
        *ill, (trips, healthy_s) = done[place * step : (place + 1) * step]
        found.append(Trial(rule, [outage for outage, _ in ill], [asked for _, asked in ill], int(trips), healthy_s))
    return found


class _Job(NamedTuple):
    """A rule, and the seed to simulate its incidents with. `seed` None: simulate a healthy backend instead."""

    rule: BreakerRule | None
    seed: int | None


def _play(lab: Lab, plan: Plan, job: _Job) -> tuple[float, float]:
    """Return what `_incidents` does.

    For a job without a seed: the number of false trips, and the seconds for which the backend was healthy.
    """
    if job.seed is not None:
        return _incidents(lab, plan, job.rule, job.seed)
    return (0, plan.healthy_s) if job.rule is None else false_trips(lab, job.rule, plan)


def _incidents(lab: Lab, plan: Plan, rule: BreakerRule | None, seed: int) -> tuple[float, float]:
    """Simulate every incident with one seed.

    Returns the outage in seconds and the number of requests that the first backend got during the incident.
    Both are averaged by weight.
    """
    total, lost, asked = sum(plan.weights.values()), 0.0, 0.0
    for kind, weight in plan.weights.items():
        scenario = incident(
            kind, lab, rate=plan.rate, during_s=plan.during_s, after_s=plan.after_s, retries=plan.retries
        )
        played = run_virtual(lab_for(kind, with_rule(lab, rule), plan.rate), scenario, seed=seed)
        lost += weight / total * _outage_s(played, plan.rate)
        asked += weight / total * _asked(played, lab.backends[0].name, scenario.phases[0].duration_s, plan.during_s)
    return lost, asked


def _outage_s(played: VirtualRun, rate: float) -> float:
    """Return the failed calls divided by the rate. A call with several attempts failed if none succeeded."""
    return (played.calls - sum(200 <= sample.status < 300 for sample in played.samples)) / rate


def _asked(played: VirtualRun, backend: str, begin_s: float, during_s: float) -> float:
    end_s = begin_s + during_s
    return float(sum(a.backend == backend and begin_s <= a.admitted_s < end_s for a in played.answers))


def false_trips(lab: Lab, rule: BreakerRule, plan: Plan) -> tuple[int, float]:
    """Return how often the first backend's breaker trips while it is healthy, and the simulated seconds.

    The trips of all units are counted. A healthy backend's failures are independent of each other. For a rule with a
    count only failures are simulated, because successes do not change it; for any other rule every answer, up to two
    million.
    """
    alone = rule.count is not None and not lab.local.success_clears
    rate = plan.rate * (plan.healthy_share if alone else 1.0)
    if rate <= 0 or plan.healthy_share <= 0:
        return 0, plan.healthy_s
    healthy_s = min(plan.healthy_s, _MOST_ANSWERS / rate)
    rng = random.Random(plan.seeds[0])  # noqa: S311  # a simulation, no secret
    failed, fine = Outcome(429 if rule.counts_status(429) else rule.status_codes[0][0]), Outcome(200)
    breakers = [Breaker(rule, lab.local) for _ in range(lab.units)]
    trips, now = 0, rng.expovariate(rate)
    while now < healthy_s:
        breaker = rng.choice(breakers)
        ticket, _ = breaker.admit(now)
        if ticket is not None:
            outcome = failed if alone or rng.random() < plan.healthy_share else fine
            trips += sum(isinstance(event, Opened) for event in breaker.record(ticket, now, outcome))
        now += rng.expovariate(rate)
    return trips, healthy_s
