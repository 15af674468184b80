"""Retries that multiply the load [BROOKER22], and storms of them that outlive their cause [OSDI22]."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.service import Answer, Chance
from simulator.virtual import EPOCH_NS, VirtualRun, run_virtual
from tripcurve.breaker import Outcome
from tripcurve.lab import Lab
from tripcurve.scenario import Phase, Scenario

FAIL = {"m1": {"status": 500}}
SERVICE_S = 0.01
RATE = 70.0
"""Requests a second, of the 100 that the queue can serve."""


def lab(**fields: Any) -> Lab:
    return Lab.model_validate({"name": "v", "gateway": {"name": "g"}, "backends": [{"name": "m1"} | fields]})


def scenario(retries: int, *phases: dict[str, Any], **fields: Any) -> Scenario:
    named = [{"name": f"p{index}"} | phase for index, phase in enumerate(phases)]
    given = {"name": "s", "users": {"StormChatUser": 5}, "max_retries": retries, "phases": named} | fields
    return Scenario.model_validate(given)


@pytest.mark.parametrize("retries", [0, 1, 3])
@pytest.mark.parametrize("gateway_retries", [0, 2])
def test_at_total_failure_the_backend_gets_each_call_once_and_again_for_each_retry(
    retries: int, gateway_retries: int
) -> None:
    throttled = {"m1": {"status": 429}}
    played = scenario(retries, {"for": 10, "rate": 20, "simulate": throttled}, {"for": 5, "rate": 0.1})
    run = run_virtual(lab(), played, retries=gateway_retries)
    asked = [answer for answer in run.answers if answer.status == 429]
    assert len(asked) == 200 * (1 + retries) * (1 + gateway_retries)


def test_a_breaker_takes_the_amplified_load_off_the_backend() -> None:
    rule = {"count": 3, "interval": 10, "status_codes": ["500-599"], "trip_duration": 10}
    played = scenario(3, {"for": 10, "rate": 20, "simulate": FAIL})
    assert len(run_virtual(lab(breaker=rule), played).answers) == 3


class Queue:
    """A backend that serves one request after another and does not notice that a client has given up."""

    def __init__(self, slow_s: tuple[float, float], factor: float) -> None:
        self._slow_s, self._factor = slow_s, factor
        self._free_at = 0.0

    def answer(self, now: float, phase: Phase, chance: Chance) -> tuple[Answer, Outcome]:
        begin = max(self._free_at, now)
        slow = self._slow_s[0] <= begin < self._slow_s[1]
        self._free_at = begin + SERVICE_S * (self._factor if slow else 1.0)
        return Answer(200, "backend", "m1", self._free_at - now), Outcome(200)


def storm(retries: int) -> VirtualRun:
    """Five seconds at a tenth of the speed, then forty-five of health; clients give up after a second."""
    played = scenario(retries, {"for": 60, "rate": RATE}, arrivals="poisson", timeout=1)
    return run_virtual(lab(), played, services={"m1": Queue((10.0, 15.0), 10.0)})


def served(run: VirtualRun, begin_s: float, end_s: float) -> float:
    """Return the calls a second that were answered in time, of those sent in a stretch of the run."""
    sent = [s for s in run.samples if begin_s <= (s.start_ns - EPOCH_NS) / 1e9 < end_s]
    return sum(sample.status == 200 for sample in sent) / (end_s - begin_s)


def test_a_storm_of_retries_outlives_its_cause() -> None:
    run = storm(retries=3)
    assert served(run, 0, 9) == pytest.approx(RATE, rel=0.1)
    assert served(run, 50, 58) == 0


def test_the_same_fault_passes_where_nobody_retries() -> None:
    run = storm(retries=0)
    assert served(run, 14, 15) == 0
    assert served(run, 50, 58) == pytest.approx(RATE, rel=0.15)
