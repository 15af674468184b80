"""A pool of two, one preferred, each tripped by its first 429 and heeding Retry-After. Sources: [D-BE] [AIG] [APS]."""

from __future__ import annotations

import json
import time

import requests

from tests.conformance.conftest import Gateway, answered_by
from tripcurve.scenario.simulation import Behaviour, Simulation


def throttled(pool: Gateway, retry_after_s: float, backend: int = 0) -> requests.Response:
    return pool.ask(429, backend=backend, retry_after_s=retry_after_s)


def everyone(pool: Gateway, status: int, retry_after_s: float | None = None) -> requests.Response:
    behaviour = Behaviour(response_status_code=status, retry_after_s=retry_after_s)
    return pool.send(Simulation({"default": behaviour}))


def test_the_preferred_member_serves_while_it_is_closed(pool: Gateway) -> None:
    assert {answered_by(pool.ask()) for _ in range(6)} == {pool.lab.backends[0].name}


def test_a_retry_moves_to_the_other_member_within_one_request(pool: Gateway) -> None:
    answer = throttled(pool, 1)
    assert (answer.status_code, answered_by(answer)) == (200, pool.lab.backends[1].name)


def test_a_tripped_member_is_skipped_until_its_retry_after_is_over(pool: Gateway) -> None:
    rule = pool.lab.backends[0].breaker
    assert rule is not None
    assert rule.accept_retry_after
    throttled(pool, 2)
    tripped = time.monotonic()
    assert answered_by(pool.ask()) == pool.lab.backends[1].name
    pool.until(lambda answer: answered_by(answer) == pool.lab.backends[0].name, 10)
    assert 1.5 < time.monotonic() - tripped < rule.trip_duration - 0.5


def test_without_retry_after_a_member_is_out_for_the_trip_duration(pool: Gateway) -> None:
    rule = pool.lab.backends[0].breaker
    assert rule is not None
    pool.ask(429)
    tripped = time.monotonic()
    pool.until(lambda answer: answered_by(answer) == pool.lab.backends[0].name, rule.trip_duration + 5)
    assert rule.trip_duration - 0.5 < time.monotonic() - tripped < rule.trip_duration + 1.0


def test_a_pool_with_nobody_left_answers_503_with_the_soonest_return(pool: Gateway) -> None:
    assert everyone(pool, 429, 3).status_code == 429
    answer = pool.ask()
    assert (answer.status_code, answered_by(answer)) == (503, None)
    assert json.loads(answer.text)["statusCode"] == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 3


def test_a_members_own_503_is_retried_and_does_not_trip_a_rule_for_429(pool: Gateway) -> None:
    answer = everyone(pool, 503)
    assert (answer.status_code, answered_by(answer)) == (503, pool.lab.backends[0].name)
    assert answered_by(pool.ask()) == pool.lab.backends[0].name
