"""The slack of a reported wait: never less than the delays that planted gateways have, but for rare cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.latencies import Latencies
from reports.trips.wait_slack import ALWAYS_NS, LEAST_NS, longest_delay_ns, wait_slack_ns

LONGEST = 5_000_000


def statuses(count: int, status: int = 429) -> np.ndarray:
    return np.full(count, status, dtype=np.int16)


@given(st.lists(st.integers(0, 10**9), max_size=30), st.integers(LEAST_NS, 10**8))
def test_it_is_within_its_limits(waits: list[int], longest: int) -> None:
    slack = wait_slack_ns(np.array(waits, dtype=np.int64), statuses(len(waits)), longest)
    assert slack.shape == (len(waits),)
    assert ((slack >= min(ALWAYS_NS, longest)) & (slack <= longest)).all()


@pytest.mark.parametrize("count", [2, 3, 12, 100])
def test_a_delay_is_longer_than_the_slack_only_rarely(count: int) -> None:
    random = np.random.default_rng(count)
    outside, runs = 0, 4000
    for _ in range(runs):
        true = 600_000 + random.exponential(300_000, count).astype(np.int64)
        late = random.integers(0, ALWAYS_NS, count)
        late[0] = random.integers(0, LONGEST)  # the gateway was delayed as it handled the answer that tripped it
        outside += int(late[0] > wait_slack_ns(true + late, statuses(count), LONGEST)[0])
    assert outside <= 0.01 * runs


def test_equal_waits_leave_only_the_usual_delay() -> None:
    slack = wait_slack_ns(np.full(40, 700_000), statuses(40), LONGEST)
    assert (slack == ALWAYS_NS).all()


def test_a_delayed_answer_has_its_own_delay_as_slack() -> None:
    waited = np.full(200, 700_000)
    waited[7] += 3_000_000
    slack = wait_slack_ns(waited, statuses(200), LONGEST)
    assert slack[7] == pytest.approx(3_000_000 + ALWAYS_NS, rel=0.01)
    assert slack[8] < 2 * ALWAYS_NS


def test_nothing_is_known_of_a_wait_that_stands_alone_or_is_not_reported() -> None:
    waited = np.array([700_000, 700_000, 900_000, 0, 0])
    status = np.array([429, 429, 500, 429, 429], dtype=np.int16)
    slack = wait_slack_ns(waited, status, LONGEST)
    assert slack.tolist() == [ALWAYS_NS, ALWAYS_NS, LONGEST, LONGEST, LONGEST]


def test_the_longest_delay_is_taken_from_the_sheds() -> None:
    assert longest_delay_ns(Latencies.of(np.arange(1_000, 11_000))) == pytest.approx(9_900_000, rel=0.01)
    assert longest_delay_ns(Latencies.of(np.arange(1_000, 1_100))) == LEAST_NS
    assert longest_delay_ns(Latencies()) == LEAST_NS
