"""The simulator against the exact solution of the Markov chain of [ICSA20]."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import NamedTuple

import pytest

from simulator.network import Network
from simulator.service import Answer, Chance
from simulator.virtual import EPOCH_NS, run_virtual
from tests.simulator.published.markov_chain import (
    ANSWER_S,
    ANSWERS_BETWEEN_FAILURES,
    CONNECT_S,
    PAUSE_S,
    SERVICE_S,
    SUCCESSES,
    Expected,
    mean_repair_s,
    solve,
)
from tripcurve.breaker import Outcome
from tripcurve.lab import Lab
from tripcurve.scenario import Phase, Scenario

INSTANT = Network(one_way_s=1e-9, jitter_s=0.0, gateway_s=0.0, late_s=0.0)
RUNS = 25


class Server:
    """The paper's server: down after every tenth request, until it is repaired."""

    def __init__(self, availability: float) -> None:
        self._repair_s = mean_repair_s(availability)
        self._asked = 0
        self._up_at = 0.0

    def answer(self, now: float, phase: Phase, chance: Chance) -> tuple[Answer, Outcome]:
        down_s = max(self._up_at - now, 0.0)
        if down_s > CONNECT_S:
            return self._failed(CONNECT_S)
        takes_s = chance.rng.expovariate(1 / SERVICE_S)
        end_s = down_s + min(takes_s, ANSWER_S)
        self._asked += 1
        if self._asked % ANSWERS_BETWEEN_FAILURES == 0 and self._repair_s > 0:
            self._up_at = now + end_s + chance.rng.expovariate(1 / self._repair_s)
        if takes_s > ANSWER_S:
            return self._failed(end_s)
        return Answer(200, "backend", "m1", end_s), Outcome(200)

    @staticmethod
    def _failed(after_s: float) -> tuple[Answer, Outcome]:
        return Answer(500, "backend", "m1", after_s), Outcome(500)


class Measured(NamedTuple):
    total_s: list[float]
    contention_s: list[float]


def lab(open_s: float | None) -> Lab:
    rule = {"count": 2, "interval": 86_400, "status_codes": [500], "trip_duration": open_s}
    backend = {"name": "m1"} if open_s is None else {"name": "m1", "breaker": rule}
    options = {"success_clears": True, "half_open_probes": 2}
    return Lab.model_validate({"name": "v", "gateway": {"name": "g"}, "backends": [backend], "local": options})


def play(availability: float, open_s: float | None, expected: Expected) -> Measured:
    """Run until 100 successes, many times over."""
    phase = {"name": "all", "for": 1.8 * expected.total_s, "users": 1}
    scenario = Scenario.model_validate({"name": "s", "users": {"ChatUser": 1}, "timeout": 3600, "phases": [phase]})
    found = Measured([], [])
    for seed in range(RUNS):
        run = run_virtual(
            lab(open_s),
            scenario,
            seed=seed,
            network=INSTANT,
            services={"m1": Server(availability)},
            pause_mean_s=PAUSE_S,
        )
        asked = [(answer.arrived_s, answer.arrived_s - answer.admitted_s) for answer in run.answers]
        good = [s for s in run.samples if s.status == 200]
        assert len(good) >= SUCCESSES
        last = good[SUCCESSES - 1]
        end_s = (last.start_ns - EPOCH_NS) / 1e9 + last.latency_us / 1e6
        found.total_s.append(end_s)
        found.contention_s.append(sum(took for end, took in asked if end <= end_s + 1e-4))
    return found


@pytest.mark.parametrize(("availability", "open_s"), [(0.5, 10.0), (0.5, 40.0), (0.8, 20.0), (1.0, 20.0), (0.5, None)])
def test_the_simulated_means_are_those_of_the_chain(availability: float, open_s: float | None) -> None:
    expected = solve(availability, open_s)
    measured = play(availability, open_s, expected)
    for exact, values in zip(expected, measured, strict=True):
        error = stdev(values) / RUNS**0.5
        assert fmean(values) == pytest.approx(exact, abs=4 * error)
        assert error < 0.06 * exact, "the comparison must be able to fail"


def test_a_breaker_trades_contention_for_time_as_published() -> None:
    without, with_breaker = solve(0.5, None), solve(0.5, 10.0)
    assert with_breaker.contention_s < without.contention_s
    assert with_breaker.total_s > without.total_s


def test_without_failures_a_request_takes_its_pause_and_its_service() -> None:
    """Only answers slower than the limit fail: e^-2 of them."""
    assert solve(1.0, None).total_s == pytest.approx(SUCCESSES * (PAUSE_S / 0.8646647167633873 + SERVICE_S), rel=1e-9)
