"""The breaker of one backend. Sources: [D-BE] [SAMPLES]."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

from tests.conformance.conftest import Gateway


def trip(gateway: Gateway) -> float:
    """Send the rule's count of failures, one after another; returns when the last was answered."""
    rule = gateway.lab.backends[0].breaker
    assert rule is not None
    for _ in range(rule.count or 0):
        assert gateway.ask(429).status_code == 429
    return time.monotonic()


def test_failures_below_the_count_do_not_trip(gateway: Gateway) -> None:
    # On a fresh window: the rule's own interval lies between this test and any earlier failure, or the trip cleared it.
    trip(gateway)
    gateway.until(lambda answer: answer.status_code == 200, 10)
    assert [gateway.ask(429).status_code for _ in range(2)] == [429, 429]
    assert gateway.ask().status_code == 200
    trip_now = gateway.ask(429)  # the third within the interval: the window is left as this test found it
    assert trip_now.status_code == 429


def test_the_count_trips_and_the_gateway_answers_503_itself(gateway: Gateway) -> None:
    trip(gateway)
    answer = gateway.ask()
    assert answer.status_code == 503
    assert "x-tripcurve-backend" not in answer.headers
    assert answer.headers["content-type"].startswith("application/json")
    assert json.loads(answer.text)["statusCode"] == 503


def test_it_stays_open_for_the_trip_duration_and_then_resets(gateway: Gateway) -> None:
    rule = gateway.lab.backends[0].breaker
    assert rule is not None
    tripped = trip(gateway)
    gateway.until(lambda answer: answer.status_code == 200, rule.trip_duration + 5)
    opened_s = time.monotonic() - tripped
    assert rule.trip_duration - 0.5 < opened_s < rule.trip_duration + 1.0


def test_a_success_between_failures_does_not_clear_the_count(gateway: Gateway) -> None:
    rule = gateway.lab.backends[0].breaker
    assert rule is not None
    trip(gateway)  # so that the window is empty after the reset
    gateway.until(lambda answer: answer.status_code == 200, rule.trip_duration + 5)
    for _ in range(rule.count or 0):
        assert gateway.ask().status_code == 200
        assert gateway.ask(429).status_code == 429
    assert gateway.ask().status_code == 503


def test_there_is_no_trial_period_after_the_reset(gateway: Gateway) -> None:
    rule = gateway.lab.backends[0].breaker
    assert rule is not None
    trip(gateway)
    time.sleep(rule.trip_duration + 1)  # without a request, which would be the trial
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status_code for answer in pool.map(lambda _: gateway.ask(), range(16))} == {200}


def test_statuses_outside_the_rule_do_not_count(gateway: Gateway) -> None:
    assert [gateway.ask(500).status_code for _ in range(6)] == [500] * 6
    assert gateway.ask().status_code == 200


def test_retry_after_is_ignored_where_the_rule_does_not_accept_it(gateway: Gateway) -> None:
    rule = gateway.lab.backends[0].breaker
    assert rule is not None
    for _ in range(rule.count or 0):
        gateway.ask(429, retry_after_s=1)
    tripped = time.monotonic()
    gateway.until(lambda answer: answer.status_code == 200, rule.trip_duration + 5)
    assert time.monotonic() - tripped > rule.trip_duration - 0.5
