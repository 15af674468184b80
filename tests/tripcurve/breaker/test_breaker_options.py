"""The breaker where the lab's `local:` options, or rules out of bounds, change what it does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tripcurve.breaker.breakers import FAILURE, SUCCESS, breaker, is_shed, send, ticket_of, tripped
from tripcurve.breaker import Breaker, Closed, Opened, Outcome, State
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule


def test_a_success_clears_when_the_option_says_so() -> None:
    b = breaker({"success_clears": True}, count=2)
    send(b, 0.0)
    send(b, 1.0, SUCCESS)
    assert send(b, 2.0) == []


def test_counters_continue_after_a_reset_when_the_option_says_so() -> None:
    b = breaker({"counter_after_reset": "continues"}, count=2, interval=100)
    send(b, 0.0)
    send(b, 1.0)
    assert [type(event) for event in send(b, 6.0)] == [Closed, Opened]


def test_a_late_failure_extends_the_trip_when_the_option_says_so() -> None:
    b = breaker({"late_failures": "extend"}, count=1)
    late = ticket_of(b, 0.0)
    send(b, 1.0)
    assert b.record(late, 4.0, FAILURE) == ()
    assert b.open_until == 9.0
    assert b.advance(9.0) == (Closed(9.0, 9.0, 9.0, 8.0),)


def test_a_late_success_does_not_extend() -> None:
    b = breaker({"late_failures": "extend"}, count=1)
    late = ticket_of(b, 0.0)
    send(b, 1.0)
    b.record(late, 4.0, SUCCESS)
    assert b.open_until == 6.0


def test_a_late_failure_never_shortens_a_trip() -> None:
    b = breaker({"late_failures": "extend"}, count=1, accept_retry_after=True)
    late = ticket_of(b, 0.0)
    send(b, 1.0, Outcome(429, None, 100.0))
    b.record(late, 4.0, Outcome(429, None, 1.0))
    assert b.open_until == 101.0


@pytest.mark.parametrize(
    ("option", "reasons", "statuses", "counts"),
    [
        ("if_reason_listed", ["Timeout"], [429], True),
        ("if_reason_listed", ["timeout"], [429], False),
        ("if_reason_listed", [], ["500-599"], False),
        ("never", ["Timeout"], ["500-599"], False),
        ("always_as_500", [], ["500-599"], True),
        ("always_as_500", ["Timeout"], [429], False),
    ],
)
def test_transport_failures_count_as_the_option_says(
    option: str, reasons: list[str], statuses: list[Any], counts: bool
) -> None:
    b = breaker({"transport_failures": option}, count=1, error_reasons=reasons, status_codes=statuses)
    assert bool(send(b, 0.0, Outcome(None, "Timeout"))) is counts


@pytest.mark.parametrize(
    ("alias", "outcome", "counts"),
    [
        ("nothing", Outcome(503), False),
        ("nothing", Outcome(None, "Timeout"), False),
        ("any_5xx", Outcome(503), True),
        ("any_5xx", Outcome(None, "Timeout"), False),
        ("any_failure", Outcome(503), True),
        ("any_failure", Outcome(None, "Timeout"), True),
        ("any_failure", Outcome(404), False),
    ],
)
def test_server_errors_stands_for_what_the_option_says(alias: str, outcome: Outcome, counts: bool) -> None:
    b = breaker({"server_errors_alias": alias}, count=1, error_reasons=["Server errors"])
    assert bool(send(b, 0.0, outcome)) is counts


def test_the_alias_has_no_effect_in_a_rule_without_it() -> None:
    assert send(breaker({"server_errors_alias": "any_failure"}, count=1), 0.0, Outcome(503)) == []


@pytest.mark.parametrize(
    ("options", "rule", "header", "duration"),
    [
        ({}, {}, 2.0, 5.0),
        ({}, {"accept_retry_after": True}, 2.0, 2.0),
        ({}, {"accept_retry_after": True}, None, 5.0),
        ({}, {"accept_retry_after": True}, 86_400.0, 86_400.0),
        ({"retry_after_cap": 60}, {"accept_retry_after": True}, 86_400.0, 60.0),
        ({"retry_after_cap": 60}, {"accept_retry_after": True}, 2.0, 2.0),
        ({"retry_after_shorter": "max_with_trip_duration"}, {"accept_retry_after": True}, 2.0, 5.0),
        ({"retry_after_shorter": "max_with_trip_duration"}, {"accept_retry_after": True}, 7.0, 7.0),
    ],
)
def test_how_long_it_stays_open(
    options: dict[str, Any], rule: dict[str, Any], header: float | None, duration: float
) -> None:
    b = breaker(options, count=1, **rule)
    assert send(b, 1.0, Outcome(429, None, header)) == [Opened(1.0, 1.0, 1.0 + duration, duration, 1)]


@pytest.mark.parametrize(("option", "duration"), [("ignored", 5.0), ("used", 30.0)])
def test_retry_after_of_a_failure_outside_the_ranges(option: str, duration: float) -> None:
    options = {"retry_after_outside_statuses": option, "server_errors_alias": "any_5xx"}
    b = breaker(options, count=1, accept_retry_after=True, error_reasons=["Server errors"])
    send(b, 0.0, Outcome(503, None, 30.0))
    assert b.open_until == duration


@pytest.mark.parametrize(("option", "duration"), [("tripping_answer", 2.0), ("largest_in_window", 9.0)])
def test_whose_retry_after_is_taken(option: str, duration: float) -> None:
    b = breaker({"retry_after_from": option}, count=2, accept_retry_after=True)
    send(b, 0.0, Outcome(429, None, 9.0))
    send(b, 1.0, Outcome(429, None, 2.0))
    assert b.open_until == 1.0 + duration


def test_the_largest_retry_after_is_forgotten_with_its_answer() -> None:
    b = breaker({"retry_after_from": "largest_in_window"}, count=2, accept_retry_after=True)
    send(b, 0.0, Outcome(429, None, 9.0))
    send(b, 10.0, Outcome(429, None, 3.0))
    send(b, 11.0, Outcome(429, None, 2.0))
    assert b.open_until == 14.0


def test_a_window_from_the_first_failure_ends_an_interval_later() -> None:
    b = breaker({"breaker_window": "fixed_first_failure"}, count=2)
    send(b, 3.0)
    assert send(b, 13.0) == [], "the window [3, 13) still held the failure at 3"
    assert [type(event) for event in send(b, 22.999)] == [Opened]


def test_a_window_on_the_clock_ends_at_multiples_of_the_interval() -> None:
    b = breaker({"breaker_window": "fixed_clock"}, count=2)
    send(b, 9.999)
    assert send(b, 10.0) == [], "the window [0, 10) reached into the next"
    assert [type(event) for event in send(b, 19.999)] == [Opened]


def test_percentage_from_the_first_failure_does_not_see_earlier_successes() -> None:
    b = breaker({"breaker_window": "fixed_first_failure", "percentage_min_volume": 2}, percentage=100)
    send(b, 0.0, SUCCESS)
    send(b, 1.0)
    assert [type(event) for event in send(b, 2.0)] == [Opened]


class TestHalfOpen:
    """With the option `half_open_probes`; Azure documents no such state."""

    def test_only_the_permitted_number_of_probes_is_admitted(self) -> None:
        b = tripped({"half_open_probes": 2})
        assert [is_shed(b, 5.0) for _ in range(3)] == [False, False, True]

    def test_it_closes_when_the_last_probe_passes(self) -> None:
        b = tripped({"half_open_probes": 2})
        first, second = ticket_of(b, 5.0), ticket_of(b, 5.0)
        assert b.record(first, 6.0, SUCCESS) == ()
        assert is_shed(b, 6.5)
        assert b.record(second, 7.0, SUCCESS) == (Closed(7.0, 7.0, 7.0, 7.0),)
        assert not is_shed(b, 7.0)

    def test_a_failed_probe_opens_it_again_at_once(self) -> None:
        b = tripped({"half_open_probes": 2})
        first, second = ticket_of(b, 5.0), ticket_of(b, 5.0)
        assert b.record(first, 6.0, FAILURE) == (Opened(6.0, 6.0, 11.0, 5.0, 1),)
        assert b.record(second, 7.0, SUCCESS) == (), "a probe of an earlier round decided"
        assert b.open_until == 11.0

    def test_a_probe_that_was_abandoned_frees_its_place(self) -> None:
        b = tripped({"half_open_probes": 1})
        b.record(ticket_of(b, 5.0), 6.0, Outcome())
        assert not is_shed(b, 6.0)

    def test_a_late_answer_from_before_the_trip_is_not_a_probe(self) -> None:
        b = breaker({"half_open_probes": 1}, count=1)
        late = ticket_of(b, 0.0)
        send(b, 0.0)
        probe = ticket_of(b, 5.0)
        assert b.record(late, 5.5, SUCCESS) == ()
        assert b.state is State.HALF_OPEN
        assert [type(event) for event in b.record(probe, 6.0, SUCCESS)] == [Closed]

    def test_the_deadline_alone_does_not_close_it(self) -> None:
        b = tripped({"half_open_probes": 1})
        assert b.advance(50.0) == ()
        assert b.state is State.HALF_OPEN


class TestClosedAtNextRequest:
    """With the option `closed_event: at_next_request`."""

    def test_the_timer_reports_nothing_and_the_request_reports_both_instants(self) -> None:
        b = tripped({"closed_event": "at_next_request"})
        assert b.advance(6.0) == ()
        ticket, events = b.admit(9.0)
        assert ticket is not None
        assert events == (Closed(5.0, 9.0, 9.0, 5.0),)

    def test_a_trip_before_any_request_reports_the_reset_first(self) -> None:
        b = breaker({"closed_event": "at_next_request"}, count=1)
        late = ticket_of(b, 0.0)
        send(b, 0.0)
        assert b.record(late, 8.0, FAILURE) == (Closed(5.0, 8.0, 8.0, 5.0), Opened(8.0, 8.0, 13.0, 5.0, 1))


def test_admits_says_what_admit_would_do_and_changes_nothing() -> None:
    b = tripped({"half_open_probes": 1})
    assert [b.admits(now) for now in (0.0, 4.999, 5.0)] == [False, False, True]
    assert b.state is State.OPEN
    ticket_of(b, 5.0)
    assert not b.admits(5.0)


def test_a_revised_rule_keeps_an_open_breaker_open_to_its_deadline() -> None:
    b = tripped()
    b.revise(BreakerRule(count=1, interval=1, status_codes=(500,), trip_duration=1), LocalOptions())
    assert is_shed(b, 4.999)
    assert send(b, 5.0) == [Closed(5.0, 5.0, 5.0, 5.0)], "429 is no failure of the revised rule"
    assert send(b, 5.0, Outcome(500)) == [Opened(5.0, 5.0, 6.0, 1.0, 1)]


def out_of_bounds(window: str = "sliding", **changes: Any) -> Breaker:
    rule = dict(BreakerRule(count=1, interval=10, status_codes=(429,), trip_duration=5))
    return Breaker(
        BreakerRule.model_construct(**rule | changes), LocalOptions.model_validate({"breaker_window": window})
    )


def test_a_rule_with_neither_condition_never_trips() -> None:
    b = out_of_bounds(count=None)
    assert [send(b, float(now)) for now in range(20)] == [[]] * 20


def test_a_rule_with_both_conditions_goes_by_its_count() -> None:
    b = out_of_bounds(count=3, percentage=1)
    assert [bool(send(b, float(now))) for now in range(3)] == [False, False, True]


@pytest.mark.parametrize("window", ["sliding", "fixed_first_failure", "fixed_clock"])
@pytest.mark.parametrize("interval", [0.0, -5.0])
def test_an_interval_of_no_length_holds_one_failure_at_most(window: str, interval: float) -> None:
    b = out_of_bounds(window, count=2, interval=interval)
    assert [send(b, now) for now in (1.0, 1.0, 2.0)] == [[], [], []]


def test_a_negative_trip_duration_counts_as_zero() -> None:
    assert send(out_of_bounds(trip_duration=-5.0), 1.0) == [Opened(1.0, 1.0, 1.0, 0.0, 1)]


def test_a_reversed_range_contains_no_status() -> None:
    assert send(out_of_bounds(status_codes=((503, 500),)), 0.0, Outcome(500)) == []
