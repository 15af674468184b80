"""Envoy's outlier detection of one host, one exact instant at a time and against a clock that ticks."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.tripcurve.breaker.traces import Request, instants, play, steps, told, traces
from tripcurve.breaker import Closed, Opened, Outcome, Ticket
from tripcurve.breaker.consecutive import Consecutive, Ejection

FAILURE, SUCCESS = Outcome(503), Outcome(200)
TICKET = Ticket(None)


def host(first_sweep_s: float = 0.0, **settings: Any) -> Consecutive:
    """Three failures in a row eject it for five seconds; a sweep every second."""
    defaults: dict[str, Any] = {"count": 3, "base_s": 5.0, "interval_s": 1.0}
    return Consecutive(Ejection(**(defaults | settings)), first_sweep_s)


def answers(machine: Consecutive, *at: float, outcome: Outcome = FAILURE) -> list[Opened | Closed]:
    return [event for instant in at for event in machine.record(TICKET, instant, outcome)]


def test_the_count_ejects_at_the_instant_of_the_last_failure() -> None:
    assert answers(host(), 1.0, 1.5, 2.0) == [Opened(2.0, 2.0, 7.0, 5.0, 3)]


def test_failures_count_however_far_apart_they_are() -> None:
    assert [event.at for event in answers(host(), 1.0, 1000.0, 9000.0)] == [9000.0]


def test_any_success_sets_the_count_back() -> None:
    machine = host()
    answers(machine, 1.0, 2.0)
    answers(machine, 2.5, outcome=SUCCESS)
    assert answers(machine, 3.0, 4.0) == []
    assert len(answers(machine, 5.0)) == 1


def test_a_429_is_a_success_unless_the_configuration_matches_it() -> None:
    throttled = Outcome(429)
    assert answers(host(), 1, 2, 3, 4, outcome=throttled) == []
    assert len(answers(host(failing=frozenset({429})), 1, 2, 3, outcome=throttled)) == 1


def test_a_request_without_an_answer_is_a_failure_and_one_that_the_client_left_is_nothing() -> None:
    machine = host()
    answers(machine, 1.0, 2.0, outcome=Outcome(None, "BackendConnectionFailure"))
    answers(machine, 2.5, outcome=Outcome())
    assert len(answers(machine, 3.0)) == 1


def test_it_returns_only_at_a_sweep() -> None:
    machine = host(first_sweep_s=0.25, interval_s=2.0)
    (opened,) = answers(machine, 0.0, 0.0, 1.0)
    assert isinstance(opened, Opened)
    assert (opened.until, opened.trip_duration_s) == (6.25, 5.0)
    assert machine.admit(6.0)[0] is None
    ticket, events = machine.admit(6.25)
    assert ticket is not None
    assert events == (Closed(6.25, 6.25, 6.25, 5.25),)


def test_it_returns_at_a_sweep_that_falls_on_the_end_of_its_time() -> None:
    machine = host()
    (opened,) = answers(machine, 0.0, 0.0, 1.0)
    assert isinstance(opened, Opened)
    assert opened.until == 6.0


def test_answers_that_arrive_while_it_is_ejected_leave_no_count() -> None:
    machine = host()
    answers(machine, 1.0, 1.0, 2.0)
    assert answers(machine, 3.0, 4.0, 5.0, 6.0) == []
    assert [type(event) for event in answers(machine, 7.0, 8.0)] == [Closed]
    assert [type(event) for event in answers(machine, 9.0)] == [Opened]


def test_each_ejection_at_once_after_the_last_is_longer_by_the_base_time() -> None:
    machine, at, lengths = host(), 0.0, []
    for _ in range(4):
        *_, opened = answers(machine, at, at, at)
        assert isinstance(opened, Opened)
        lengths.append(opened.trip_duration_s)
        at = opened.until
    assert lengths == [5.0, 10.0, 15.0, 20.0]


def test_the_time_stays_at_its_maximum() -> None:
    machine, at, lengths = host(max_s=7.0), 0.0, []
    for _ in range(4):
        *_, opened = answers(machine, at, at, at)
        assert isinstance(opened, Opened)
        lengths.append(opened.trip_duration_s)
        at = opened.until
    assert lengths == [5.0, 7.0, 7.0, 7.0]


def test_each_sweep_without_ejection_takes_one_from_the_multiplier() -> None:
    machine = host()
    answers(machine, 0.0, 0.0, 0.0)  # returns at 5
    answers(machine, 5.0, 5.0, 5.0)  # twice the time: returns at 15
    assert [event.trip_duration_s for event in answers(machine, 16.0, 16.0, 16.0)] == [10.0, 10.0]


def test_after_enough_sweeps_the_time_is_the_base_time_again() -> None:
    machine = host()
    answers(machine, 0.0, 0.0, 0.0)
    answers(machine, 5.0, 5.0, 5.0)
    assert answers(machine, 17.0, 17.0, 17.0)[-1].trip_duration_s == 5.0


def test_a_host_that_may_not_be_ejected_stays_and_counts_again() -> None:
    machine = Consecutive(Ejection(2, 5.0, 1.0), may_eject=lambda now: now >= 10)
    assert answers(machine, 1.0, 2.0, 3.0, 11.0) == [Opened(11.0, 11.0, 16.0, 5.0, 2)]


def test_the_pool_may_ask_without_changing_anything() -> None:
    machine = host()
    answers(machine, 1.0, 1.0, 1.0)
    assert [machine.admits(at) for at in (0.5, 5.9, 6.0)] == [False, False, True]
    assert machine.open_until == 6.0


class Ticking:
    """The same host, by a clock that looks at every quarter of a second. All times are in quarters."""

    def __init__(self, count: int, base: int, interval: int, most: int, phase: int) -> None:
        self.count, self.base, self.interval, self.most, self.phase = count, base, interval, most, phase
        self.failures = self.times = 0
        self.ejected_at: int | None = None
        self.returned_at: int | None = None
        self.events: list[tuple[str, float, float]] = []

    def sweep(self, now: int) -> None:
        if self.ejected_at is not None and now - self.ejected_at >= min(self.base * self.times, self.most):
            self.events.append(("Closed", now / 4, (now - self.ejected_at) / 4))
            self.ejected_at, self.returned_at, self.failures = None, now, 0
        elif self.ejected_at is None and self.returned_at is not None and now - self.returned_at >= self.interval:
            self.times = max(self.times - 1, 0)

    def answer(self, now: int, failed: bool) -> None:
        self.failures = self.failures + 1 if failed else 0
        if self.failures == self.count and self.ejected_at is None:
            self.failures = 0
            if self.times * self.base < self.most + self.base:
                self.times += 1
            self.ejected_at = now
            self.events.append(("Opened", now / 4, min(self.base * self.times, self.most) / 4))

    def play(self, trace: list[Request]) -> list[int]:
        """Return the requests that were shed."""
        todo, admitted, shed = steps(trace), set[int](), []
        for now in range(1000):
            if now % self.interval == self.phase:
                self.sweep(now)
            while todo and todo[0][0] * 4 == now:
                _, is_start, index = todo.pop(0)
                request = trace[index]
                if is_start and self.ejected_at is not None:
                    shed.append(index)
                    continue
                if is_start:
                    admitted.add(index)
                if index in admitted and (not is_start or request.end == request.start):
                    self.answer(now, request.status == 429)
        return shed


@given(
    st.integers(1, 4), st.integers(1, 40), st.integers(1, 40), st.integers(0, 60), st.integers(0, 39), traces,
    st.lists(instants, max_size=20),
)  # fmt: skip
def test_it_does_what_a_ticking_clock_does(
    count: int, base: int, interval: int, longer: int, phase: int, trace: list[Request], looks: list[float]
) -> None:
    most, phase = base + longer, phase % interval
    machine = Consecutive(Ejection(count, base / 4, interval / 4, most / 4, frozenset({429})), phase / 4)
    clock = Ticking(count, base, interval, most, phase)
    events, shed = play(machine, trace, looks)
    assert clock.play(trace) == shed
    assert told(events) == clock.events
