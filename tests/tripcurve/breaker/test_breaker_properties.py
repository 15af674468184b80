"""Properties of the breaker over any traffic, and its equivalence with a model that recounts from scratch."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.tripcurve.breaker.traces import Request, instants, lengths, play, steps, told, traces
from tripcurve.breaker import Breaker, Closed, Opened, Outcome, Ticket
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

windows = st.sampled_from(["sliding", "fixed_first_failure", "fixed_clock"])
count_rules = st.builds(
    lambda count, interval, duration, accept: BreakerRule(
        count=count, interval=interval, trip_duration=duration, status_codes=(429,), accept_retry_after=accept
    ),
    st.integers(1, 6),
    lengths,
    lengths,
    st.booleans(),
)
percentage_rules = st.builds(
    lambda percentage, interval, duration: BreakerRule(
        percentage=percentage, interval=interval, trip_duration=duration, status_codes=(429,)
    ),
    st.integers(1, 100),
    lengths,
    lengths,
)
any_rule = st.one_of(count_rules, percentage_rules)
any_options = st.fixed_dictionaries(
    {
        "breaker_window": windows,
        "success_clears": st.booleans(),
        "percentage_min_volume": st.integers(1, 5),
        "half_open_probes": st.integers(0, 2),
        "counter_after_reset": st.sampled_from(["cleared", "continues"]),
        "late_failures": st.sampled_from(["ignored", "extend"]),
        "retry_after_from": st.sampled_from(["tripping_answer", "largest_in_window"]),
    }
)


@given(any_rule, any_options, traces, st.lists(instants, max_size=30))
def test_the_same_trace_gives_the_same_events_however_often_the_breaker_is_advanced(
    rule: BreakerRule, options: dict[str, Any], trace: list[Request], looks: list[float]
) -> None:
    quiet, shed = play(Breaker(rule, LocalOptions(**options)), trace, [])
    watched, shed_watched = play(Breaker(rule, LocalOptions(**options)), trace, looks)
    assert told(quiet) == told(watched)
    assert shed == shed_watched


@given(any_rule, windows, traces)
def test_it_is_open_exactly_from_each_trip_to_its_deadline(
    rule: BreakerRule, window: Any, trace: list[Request]
) -> None:
    events, shed = play(Breaker(rule, LocalOptions(breaker_window=window)), trace, [])
    opened, closed = events[::2], events[1::2]
    assert all(isinstance(event, Opened) for event in opened)
    assert all(isinstance(event, Closed) for event in closed)
    spans = [(o.at, c.at) for o, c in zip(opened, closed, strict=True)]
    assert [o.until for o in opened if isinstance(o, Opened)] == [end for _, end in spans]
    for index, request in enumerate(trace):
        inside = any(begin < request.start < end for begin, end in spans)
        outside = all(not begin <= request.start < end for begin, end in spans)
        assert not (inside and index not in shed), f"{request} went through an open breaker"
        assert not (outside and index in shed), f"{request} was shed by a closed breaker"


@given(count_rules, traces)
def test_it_is_never_closed_with_the_count_reached_inside_the_interval(rule: BreakerRule, trace: list[Request]) -> None:
    b = Breaker(rule, LocalOptions())
    counted: list[float] = []
    tickets: dict[int, Ticket] = {}
    for now, is_start, index in steps(trace):
        b.advance(now)
        was_open = b.open_until is not None
        if is_start:
            ticket, _ = b.admit(now)
            if ticket is None:
                continue
            tickets[index] = ticket
        request = trace[index]
        if index in tickets and (not is_start or request.end == request.start):
            b.record(tickets.pop(index), now, Outcome(request.status, None, request.retry_after_s))
            if request.status == 429 and not was_open:
                counted.append(now)
        if b.open_until is not None:
            counted.clear()
        recent = [at for at in counted if now - rule.interval < at <= now]
        assert len(recent) < (rule.count or 0)


class Recount:
    """What a breaker is, without its cleverness: every answer kept, everything counted anew each time."""

    def __init__(self, rule: BreakerRule, window: str, least: int) -> None:
        self.rule, self.window, self.least = rule, window, least
        self.answers: list[tuple[float, bool]] = []
        self.open: tuple[float, float] | None = None
        self.spans: list[tuple[float, float]] = []

    def is_open(self, now: float) -> bool:
        return self.open is not None and self.open[0] <= now < self.open[1]

    def record(self, now: float, status: int, hint: float | None) -> None:
        if self.is_open(now):
            return
        self.answers.append((now, status == 429))
        if not self.reached(now):
            return
        duration = self.rule.trip_duration
        if self.rule.accept_retry_after and hint is not None:
            duration = hint
        self.open = (now, now + duration)
        self.spans.append(self.open)
        self.answers = []

    def in_window(self, now: float) -> list[bool]:
        interval = self.rule.interval
        if self.window == "sliding":
            return [failed for at, failed in self.answers if now - interval < at <= now]
        if self.window == "fixed_clock":
            return [failed for at, failed in self.answers if at // interval == now // interval]
        start: float | None = None
        inside: list[bool] = []
        for at, failed in self.answers:
            if start is None or at >= start + interval:
                start, inside = (at, []) if failed else (None, [])
            if start is not None:
                inside.append(failed)
        return inside

    def reached(self, now: float) -> bool:
        inside = self.in_window(now)
        if self.rule.count is not None:
            return self.answers[-1][1] and sum(inside) >= self.rule.count
        return len(inside) >= self.least and sum(inside) * 100 >= (self.rule.percentage or 0) * len(inside)


@given(any_rule, windows, st.integers(1, 5), traces)
def test_it_trips_when_a_recount_of_everything_would(
    rule: BreakerRule, window: Any, least: int, trace: list[Request]
) -> None:
    options = LocalOptions(breaker_window=window, percentage_min_volume=least)
    events, shed = play(Breaker(rule, options), trace, [])
    model = Recount(rule, window, least)
    admitted: set[int] = set()
    for now, is_start, index in steps(trace):
        request = trace[index]
        if is_start and not model.is_open(now):
            admitted.add(index)
        if index in admitted and (not is_start or request.end == request.start):
            model.record(now, request.status, request.retry_after_s)
    assert [(event.at, event.until) for event in events if isinstance(event, Opened)] == model.spans
    assert sorted(admitted) == sorted(set(range(len(trace))) - set(shed))
