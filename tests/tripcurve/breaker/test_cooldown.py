"""LiteLLM's cooldown of one deployment, one exact instant at a time and against a recount from scratch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.tripcurve.breaker.traces import Request, instants, lengths, play, steps, traces
from tripcurve.breaker import Closed, Opened, Outcome, Ticket
from tripcurve.breaker.cooldown import Cooldown, CooldownRule

FAILURE, SUCCESS = Outcome(500), Outcome(200)
FAILING = frozenset({429, 500})
TICKET = Ticket(None)


def deployment(allowed_fails: int = 2, cooldown_s: float = 5.0, heeds_retry_after: bool = True) -> Cooldown:
    return Cooldown(CooldownRule(allowed_fails, cooldown_s, FAILING, heeds_retry_after))


def answers(machine: Cooldown, *at: float, outcome: Outcome = FAILURE) -> list[Opened | Closed]:
    return [event for instant in at for event in machine.record(TICKET, instant, outcome)]


def test_one_failure_more_than_allowed_cools_it_down() -> None:
    assert answers(deployment(), 1.0, 2.0, 3.0) == [Opened(3.0, 3.0, 8.0, 5.0, 3)]


def test_a_success_between_them_changes_nothing() -> None:
    machine = deployment()
    answers(machine, 1.0, 2.0)
    answers(machine, 2.5, outcome=SUCCESS)
    assert len(answers(machine, 3.0)) == 1


def test_the_count_lasts_for_the_cooldown_time_from_its_first_failure() -> None:
    machine = deployment()
    assert answers(machine, 1.0, 5.999, 6.0, 7.0) == []
    assert len(answers(machine, 8.0)) == 1


def test_other_statuses_and_requests_without_an_answer_change_nothing() -> None:
    machine = deployment()
    answers(machine, 1.0, 2.0)
    for outcome in (Outcome(400), Outcome(None, "BackendConnectionFailure"), Outcome()):
        assert answers(machine, 2.0, outcome=outcome) == []
    assert len(answers(machine, 3.0)) == 1


def test_it_admits_everything_from_the_end_on() -> None:
    machine = deployment()
    answers(machine, 1.0, 2.0, 3.0)
    assert machine.admit(7.999)[0] is None
    ticket, events = machine.admit(8.0)
    assert ticket is not None
    assert events == (Closed(8.0, 8.0, 8.0, 5.0),)


def test_a_retry_after_sets_the_time_in_whole_seconds() -> None:
    for hint, until in ((9.0, 12.0), (9.1, 13.0)):
        *_, opened = answers(deployment(), 1, 2, 3, outcome=Outcome(429, None, hint))
        assert isinstance(opened, Opened)
        assert opened.until == until


def test_a_deployment_with_its_own_cooldown_ignores_retry_after() -> None:
    *_, opened = answers(deployment(heeds_retry_after=False), 1, 2, 3, outcome=Outcome(429, None, 9.0))
    assert isinstance(opened, Opened)
    assert opened.until == 8.0


def test_a_failure_that_says_retry_at_once_does_not_count() -> None:
    machine = deployment()
    answers(machine, 1, 2, outcome=Outcome(429, None, 0.0))
    assert answers(machine, 3.0, 3.0) == []


def test_failures_during_the_cooldown_do_not_lengthen_it() -> None:
    machine = deployment()
    answers(machine, 1.0, 2.0, 3.0)
    assert answers(machine, 4.0, 7.0) == []
    assert machine.open_until == 8.0


def test_a_failure_during_the_cooldown_whose_own_would_end_earlier_shortens_it() -> None:
    machine = deployment()
    answers(machine, 1.0, 2.0, 3.0)
    answers(machine, 4.0, outcome=Outcome(429, None, 2.0))
    assert machine.admit(5.999)[0] is None
    assert machine.admit(6.0)[1] == (Closed(6.0, 6.0, 6.0, 3.0),)


def test_a_count_that_began_during_the_cooldown_goes_on_after_it() -> None:
    machine = deployment()
    answers(machine, 1.0, 2.0, 3.0)
    answers(machine, 6.5, 7.0)  # the first count ended at 6
    assert [type(event) for event in answers(machine, 8.5)] == [Closed, Opened]


def cooled(failures: list[tuple[float, float]], allowed: int, length: float) -> list[tuple[float, float]]:
    """The cooldowns that counted failures cause, (instant, seconds) each: every bucket counted anew every time."""
    spans: list[tuple[float, float]] = []
    for place, (now, duration) in enumerate(failures):
        begin, inside = failures[0][0], 0
        for at, _ in failures[: place + 1]:
            if at >= begin + length:
                begin, inside = at, 0
            inside += 1
        lasting = [span for span in spans if span[0] <= now < span[1]]
        if inside > allowed and lasting:
            spans[-1] = (lasting[0][0], min(lasting[0][1], now + duration))
        elif inside > allowed:
            spans.append((now, now + duration))
    return spans


@given(st.integers(0, 4), lengths, traces, st.lists(instants, max_size=20))
def test_it_cools_down_when_a_recount_of_everything_would(
    allowed: int, length: float, trace: list[Request], looks: list[float]
) -> None:
    events, shed = play(Cooldown(CooldownRule(allowed, length, FAILING)), trace, looks)
    admitted: set[int] = set()
    failures: list[tuple[float, float]] = []
    for now, is_start, index in steps(trace):
        request = trace[index]
        if is_start and not any(begin <= now < end for begin, end in cooled(failures, allowed, length)):
            admitted.add(index)
        if index in admitted and (not is_start or request.end == request.start) and request.status != 200:
            hint = request.retry_after_s
            duration = length if hint is None else -(-hint // 1)
            failures += [(now, duration)] if duration else []
    spans = cooled(failures, allowed, length)
    assert [event.at for event in events if isinstance(event, Opened)] == [begin for begin, _ in spans]
    assert [(event.at - event.trip_duration_s, event.at) for event in events if isinstance(event, Closed)] == spans
    assert sorted(admitted) == sorted(set(range(len(trace))) - set(shed))
