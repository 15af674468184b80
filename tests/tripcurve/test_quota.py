"""Quota windows: what is admitted when, and how long a refused caller is told to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.quota import DAY_S, CallWindow, Quota, Refusal, SlidingTokens, TokenMinute, Utilisation


@pytest.mark.parametrize(("rpm", "window_s", "fit"), [(600, 10.0, 100), (600, 1.0, 10), (6, 10.0, 1), (30, 1.0, 1)])
def test_a_burst_gets_its_evaluation_period_and_no_more(rpm: int, window_s: float, fit: int) -> None:
    quota = Quota(rpm, None, window_s)
    admitted = sum(quota.admit(5.0, 1) is None for _ in range(1000))
    assert admitted == fit


def test_a_refused_call_gets_the_wait_until_the_next_period_and_is_admitted_then() -> None:
    quota = Quota(60, None, 1.0)
    assert quota.admit(5.0, 1) is None
    refusal = quota.admit(5.25, 1)
    assert refusal == Refusal("call", 0.75)
    assert quota.admit(5.999, 1) is not None
    assert quota.admit(6.0, 1) is None


def test_periods_too_short_for_one_call_take_turns() -> None:
    quota = Quota(30, None, 1.0)  # one call every two seconds
    admitted = [second for second in range(12) if quota.admit(float(second), 1) is None]
    assert admitted == [0, 2, 4, 6, 8, 10]


@given(st.integers(1, 2000), st.sampled_from([1.0, 10.0]))
def test_a_minute_of_periods_admits_exactly_the_rpm(rpm: int, window_s: float) -> None:
    window = CallWindow(rpm, window_s)
    admitted = 0
    for index in range(int(60 / window_s)):
        while window.wait(index * window_s) == 0:
            window.take()
            admitted += 1
    assert admitted == rpm


@given(st.integers(1, 300), st.lists(st.floats(0, 5, allow_nan=False), max_size=60))
def test_waiting_for_the_stated_time_is_always_enough_for_a_call(rpm: int, gaps: list[float]) -> None:
    quota, now = Quota(rpm, None, 1.0), 0.0
    for gap in gaps:
        now += gap
        refusal = quota.admit(now, 1)
        if refusal is not None:
            now += refusal.wait_s
            assert quota.admit(now, 1) is None


def test_the_token_minute_begins_with_its_first_request_and_resets() -> None:
    quota = Quota(None, 100)
    assert quota.admit(10.0, 60) is None
    assert quota.admit(40.0, 60) == Refusal("token", 30.0)
    assert quota.admit(40.0, 40) is None
    assert quota.admit(70.0, 100) is None


def test_a_cost_that_can_never_fit_gets_a_wait_of_a_day() -> None:
    for window in (TokenMinute(100), SlidingTokens(100)):
        assert window.wait(0.0, 101) == DAY_S


def test_the_sliding_window_forgets_after_exactly_sixty_seconds() -> None:
    window = SlidingTokens(100)
    window.take(0.0, 50)
    window.take(10.0, 50)
    assert window.wait(20.0, 50) == pytest.approx(40.0)
    assert window.wait(59.999, 50) > 0
    assert window.wait(60.0, 50) == 0.0


@given(st.lists(st.tuples(st.floats(0, 20, allow_nan=False), st.integers(0, 120)), max_size=50))
def test_a_sliding_minute_never_holds_more_than_its_tokens(steps: list[tuple[float, int]]) -> None:
    quota, now, taken = Quota(None, 100, tokens="sliding_60s"), 0.0, []
    for gap, cost in steps:
        now += gap
        if quota.admit(now, cost) is None:
            taken.append((now, cost))
        assert sum(cost for at, cost in taken if at > now - 60) <= 100


def test_the_longer_of_two_waits_is_stated() -> None:
    quota = Quota(6, 100)
    assert quota.admit(0.0, 100) is None
    refusal = quota.admit(1.0, 100)
    assert refusal == Refusal("token", 59.0)
    later = quota.admit(61.0, 1)
    assert later is None


def test_a_refused_request_takes_nothing() -> None:
    quota = Quota(None, 100)
    assert quota.admit(0.0, 90) is None
    for _ in range(50):
        assert quota.admit(1.0, 20) is not None
    assert quota.admit(1.0, 10) is None


def test_headers_count_down_and_start_again_with_the_minute() -> None:
    quota = Quota(100, 1000)
    assert quota.admit(0.0, 10) is None
    assert dict(quota.headers(1.0)) == {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "99",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "990",
    }
    assert dict(quota.headers(60.0))["x-ratelimit-remaining-tokens"] == "1000"


def test_provisioned_units_refuse_over_full_and_drain_with_time() -> None:
    bucket = Utilisation(6)  # 250 tokens a second, 2,500 in the bucket
    assert bucket.admit(0.0, 2499) is None
    assert bucket.admit(0.0, 251) is None  # over the brim: looked at before the call
    refusal = bucket.admit(0.0, 1)
    assert refusal is not None
    assert refusal.kind == "utilisation"
    assert refusal.wait_s == pytest.approx(1.001)
    assert bucket.headers(0.0) == [("azure-openai-deployment-utilization", "110.0%")]
    assert bucket.admit(refusal.wait_s, 1) is None
    assert bucket.headers(60.0) == [("azure-openai-deployment-utilization", "0.0%")]
