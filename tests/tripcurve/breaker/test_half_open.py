"""Half-open probes that are judged by their share, and those of which one failure decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tripcurve.breaker.breakers import FAILURE, SUCCESS, send
from tripcurve.breaker import Breaker, Closed, Opened, Outcome, State
from tripcurve.breaker.half_open import Probes
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

RULE = BreakerRule(percentage=50, interval=10, status_codes=(429,), trip_duration=5)


def half_open(probes: int = 4) -> Breaker:
    """A breaker that tripped at 0 and half-opens at 5; half of its probes open it again."""
    b = Breaker(RULE, LocalOptions(half_open_probes=probes), probe_share=50)
    send(b, 0.0)
    return b


def test_no_more_than_the_permitted_probes_are_admitted() -> None:
    b = half_open()
    assert [b.admit(5.0)[0] is None for _ in range(6)] == [False] * 4 + [True] * 2
    assert b.state is State.HALF_OPEN


def test_the_last_probe_decides_even_if_it_succeeds() -> None:
    b = half_open()
    tickets = [b.admit(5.0)[0] for _ in range(4)]
    outcomes = [FAILURE, FAILURE, SUCCESS, SUCCESS]
    events = [
        event
        for ticket, outcome in zip(tickets, outcomes, strict=True)
        if ticket is not None
        for event in b.record(ticket, 6.0, outcome)
    ]
    assert events == [Opened(6.0, 6.0, 11.0, 5.0, 2)]


def test_fewer_failed_probes_than_the_share_close_it() -> None:
    b = half_open()
    tickets = [b.admit(5.0)[0] for _ in range(4)]
    events = [
        event
        for ticket, outcome in zip(tickets, [FAILURE, SUCCESS, SUCCESS, SUCCESS], strict=True)
        if ticket is not None
        for event in b.record(ticket, 6.0, outcome)
    ]
    assert events == [Closed(6.0, 6.0, 6.0, 6.0)]
    assert b.state is State.CLOSED


def test_a_probe_whose_client_left_is_replaced() -> None:
    b = half_open(probes=1)
    ticket, _ = b.admit(5.0)
    assert ticket is not None
    assert b.record(ticket, 5.5, Outcome()) == ()
    assert [type(event) for event in send(b, 6.0, SUCCESS)] == [Closed]


@given(st.integers(1, 6), st.one_of(st.none(), st.integers(1, 100)), st.lists(st.booleans(), min_size=6, max_size=6))
def test_the_decision_follows_from_the_answers(permitted: int, share: int | None, failed: list[bool]) -> None:
    probes = Probes(permitted, share)
    given_answers = failed[:permitted]
    for _ in given_answers:
        assert probes.admits()
        probes.send()
    assert not probes.admits()
    decisions = [probes.answered(one) for one in given_answers]
    decided = next((place for place, decision in enumerate(decisions) if decision is not None), None)
    if share is None and any(given_answers):
        assert (decided, decisions[given_answers.index(True)]) == (given_answers.index(True), True)
        return
    opens = share is not None and 100 * sum(given_answers) / permitted >= share
    assert (decided, decisions[-1]) == (permitted - 1, opens)


@pytest.mark.parametrize("share", [None, 50])
def test_a_new_period_forgets_the_probes_of_the_last(share: int | None) -> None:
    probes = Probes(2, share)
    first = probes.send()
    probes.answered(True)
    probes.begin()
    assert probes.send() == first + 1
    assert probes.answered(False) is None
    assert probes.admits()
