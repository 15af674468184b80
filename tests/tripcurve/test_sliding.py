"""The sliding window against the plain definition, and at its exact edges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tripcurve.sliding import SlidingSum

PERIOD_S = 4.0
times = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=12).map(sorted)


def filled(entries: list[tuple[int, int]]) -> SlidingSum:
    window = SlidingSum(PERIOD_S)
    for at, amount in entries:
        window.advance(at)
        window.add(at, amount)
    return window


@given(times, st.integers(0, 10))
def test_the_sum_is_that_of_the_entries_younger_than_the_period(entries: list[tuple[int, int]], later: int) -> None:
    now = max((at for at, _ in entries), default=0) + later
    assert filled(entries).total(now) == sum(amount for at, amount in entries if now - at < PERIOD_S)


@given(times, st.integers(0, 30))
def test_the_wait_ends_at_the_first_instant_that_fits(entries: list[tuple[int, int]], most: int) -> None:
    now = max((at for at, _ in entries), default=0)
    wait_s = filled(entries).wait(now, lambda used: used <= most)
    assert wait_s is not None
    assert filled(entries).total(now + wait_s) <= most
    if wait_s > 0:
        assert filled(entries).total(now + wait_s - 0.5) > most


def test_an_entry_exactly_the_period_old_has_left() -> None:
    window = filled([(10, 3)])
    assert (window.total(13.999), window.total(14.0)) == (3, 0)


def test_no_wait_is_given_for_a_cost_that_exceeds_an_empty_window() -> None:
    assert filled([(1, 1)]).wait(1, lambda used: used < 0) is None
