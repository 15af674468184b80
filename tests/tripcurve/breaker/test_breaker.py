"""The breaker's edges, one exact instant at a time."""

from __future__ import annotations

import pytest

from tests.tripcurve.breaker.breakers import FAILURE, SUCCESS, breaker, is_shed, send, ticket_of, tripped
from tripcurve.breaker import Closed, ImpossibleTransition, Opened, Outcome, State


def test_trips_at_the_instant_the_count_is_reached() -> None:
    b = breaker()
    assert send(b, 1.0) == []
    assert send(b, 2.0) == []
    assert send(b, 3.0) == [Opened(3.0, 3.0, 8.0, 5.0, 3)]
    assert b.open_until == 8.0


def test_sheds_from_the_instant_of_the_trip() -> None:
    assert is_shed(tripped(), 0.0)


def test_sheds_until_just_before_the_deadline() -> None:
    assert is_shed(tripped(), 4.999)


def test_admits_exactly_at_the_deadline() -> None:
    b = tripped()
    ticket, events = b.admit(5.0)
    assert ticket is not None
    assert events == (Closed(5.0, 5.0, 5.0, 5.0),)
    assert b.open_until is None


def test_a_failure_exactly_one_interval_old_has_left_the_window() -> None:
    b = breaker(count=2)
    send(b, 0.0)
    assert send(b, 10.0) == []


def test_a_failure_just_short_of_an_interval_old_still_counts() -> None:
    b = breaker(count=2)
    send(b, 0.0)
    assert [type(event) for event in send(b, 9.999)] == [Opened]


def test_a_late_advance_dates_the_reset_at_the_deadline() -> None:
    assert tripped().advance(1000.0) == (Closed(5.0, 1000.0, 5.0, 5.0),)


def test_advancing_before_the_deadline_changes_nothing() -> None:
    b = tripped()
    assert b.advance(4.999) == ()
    assert b.state is State.OPEN


def test_a_reset_is_reported_once() -> None:
    b = tripped()
    b.advance(5.0)
    assert b.advance(6.0) == ()
    assert b.admit(7.0)[1] == ()


def test_a_success_clears_nothing() -> None:
    b = breaker(count=2)
    send(b, 0.0)
    send(b, 1.0, SUCCESS)
    assert [type(event) for event in send(b, 2.0)] == [Opened]


def test_counters_are_empty_after_a_reset() -> None:
    b = breaker(count=2, interval=100)
    send(b, 0.0)
    send(b, 1.0)
    assert [type(event) for event in send(b, 6.0)] == [Closed]


def test_a_late_failure_while_open_neither_counts_nor_extends() -> None:
    b = breaker(count=2)
    late = ticket_of(b, 0.0)
    send(b, 1.0)
    send(b, 1.0)
    assert b.record(late, 4.0, FAILURE) == ()
    assert b.open_until == 6.0
    assert send(b, 6.0) == [Closed(6.0, 6.0, 6.0, 5.0)], "the late failure was counted"


def test_an_answer_after_the_reset_counts_though_admitted_before_the_trip() -> None:
    b = breaker(count=2)
    late = ticket_of(b, 0.0)
    send(b, 1.0)
    send(b, 1.0)
    assert b.record(late, 6.0, FAILURE) == (Closed(6.0, 6.0, 6.0, 5.0),)
    assert [type(event) for event in send(b, 7.0)] == [Opened]


def test_an_answer_at_the_deadline_closes_then_trips_again() -> None:
    b = breaker(count=1)
    late = ticket_of(b, 0.0)
    send(b, 0.0)
    assert b.record(late, 5.0, FAILURE) == (Closed(5.0, 5.0, 5.0, 5.0), Opened(5.0, 5.0, 10.0, 5.0, 1))


def test_a_trip_of_zero_length_sheds_nothing() -> None:
    b = breaker(count=1, accept_retry_after=True)
    assert send(b, 1.0, Outcome(429, None, 0.0)) == [Opened(1.0, 1.0, 1.0, 0.0, 1)]
    ticket, events = b.admit(1.0)
    assert ticket is not None
    assert events == (Closed(1.0, 1.0, 1.0, 0.0),)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Outcome(428), False),
        (Outcome(429), True),
        (Outcome(430), False),
        (Outcome(499), False),
        (Outcome(500), True),
        (Outcome(599), True),
        (Outcome(600), False),
        (Outcome(200), False),
        (Outcome(None, "Timeout"), False),
        (Outcome(), False),
    ],
)
def test_only_statuses_in_the_ranges_are_failures(outcome: Outcome, counts: bool) -> None:
    b = breaker(count=1, status_codes=[429, "500-599"])
    assert bool(send(b, 0.0, outcome)) is counts


def test_percentage_is_of_the_answers_in_the_window() -> None:
    b = breaker({"percentage_min_volume": 4}, percentage=50)
    assert [send(b, now, outcome) for now, outcome in ((0.0, SUCCESS), (1.0, FAILURE), (2.0, SUCCESS))] == [[], [], []]
    assert send(b, 3.0) == [Opened(3.0, 3.0, 8.0, 5.0, 2)]


def test_percentage_waits_for_the_minimum_volume_which_any_answer_can_complete() -> None:
    b = breaker({"percentage_min_volume": 3}, percentage=50)
    assert send(b, 0.0) == []
    assert send(b, 1.0) == []
    assert [type(event) for event in send(b, 2.0, SUCCESS)] == [Opened]


def test_percentage_forgets_answers_that_left_the_window() -> None:
    b = breaker({"percentage_min_volume": 2}, percentage=60)
    send(b, 0.0, SUCCESS)
    send(b, 1.0, FAILURE)
    assert [type(event) for event in send(b, 10.0)] == [Opened], "the success at 0 is still counted"


def test_percentage_ignores_requests_nobody_answered() -> None:
    b = breaker({"percentage_min_volume": 2}, percentage=100)
    send(b, 0.0)
    send(b, 1.0, Outcome())
    assert [type(event) for event in send(b, 2.0)] == [Opened]


def test_an_impossible_transition_raises() -> None:
    b = breaker()
    with pytest.raises(ImpossibleTransition, match="closed cannot become half-open"):
        b._move(State.HALF_OPEN)
