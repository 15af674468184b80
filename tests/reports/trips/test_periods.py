"""Trips found in a handful of requests, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.trips.instants import Interval
from reports.trips.periods import OpenPeriod, Touches, find_open_periods
from tripcurve.breaker import Breaker, Outcome, Ticket
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

MS = 1_000_000


def touches(*requests: tuple[str, float, float]) -> Touches:
    """Requests as (what, start ms, end ms): `ok` and `fail` were answered by a backend, `shed` was refused."""
    rows = sorted(requests, key=lambda row: row[1])
    answers = [row for row in rows if row[0] != "shed"]
    sheds = [row for row in rows if row[0] == "shed"]

    def column(part: list[tuple[str, float, float]], index: int) -> np.ndarray:
        return np.array([round(float(row[index]) * MS) for row in part], dtype=np.int64)

    return Touches(
        answer_start=column(answers, 1),
        answer_soon=column(answers, 2),
        answer_by=column(answers, 2),
        shed_start=column(sheds, 1),
        shed_end=column(sheds, 2),
        answer_alike=np.ones(len(answers), dtype=np.int64),
        shed_alike=np.ones(len(sheds), dtype=np.int64),
        doubt_start=np.empty(0, dtype=np.int64),
    )


def in_ms(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low_ns / MS, interval.high_ns / MS)


def bounds(periods: list[OpenPeriod]) -> list[tuple[object, object]]:
    return [(in_ms(period.tripped), in_ms(period.reset)) for period in periods]


ONE_TRIP = (
    ("ok", 0, 20),
    ("fail", 100, 120),
    ("fail", 200, 220),
    ("shed", 300, 301),
    ("shed", 400, 401),
    ("ok", 500, 520),
)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        pytest.param(ONE_TRIP, [((200, 301), (400, 520))], id="one trip lies between its neighbours"),
        pytest.param(ONE_TRIP[:3], [], id="failures alone are no trip"),
        pytest.param(ONE_TRIP[:5], [((200, 301), None)], id="a run that ends open has no reset"),
        pytest.param(ONE_TRIP[3:], [(None, (400, 520))], id="a run that starts open has no trip"),
        pytest.param(
            (*ONE_TRIP[:5], ("fail", 500, 520), ("shed", 600, 601), ("ok", 700, 720)),
            [((200, 301), (400, 520)), ((500, 601), (600, 720))],
            id="a failure between sheds parts two trips",
        ),
        pytest.param(
            (
                *ONE_TRIP[:3],
                ("shed", 300, 303),
                ("fail", 299, 340),
                ("fail", 301, 345),
                ("shed", 302, 305),
                ("ok", 500, 520),
            ),
            [((200, 303), (302, 520))],
            id="answers still in flight around the trip part nothing",
        ),
        pytest.param(
            (
                *ONE_TRIP[:3],
                ("shed", 300, 303),
                ("shed", 400, 403),
                ("fail", 500, 540),
                ("shed", 501, 504),
                ("ok", 600, 620),
            ),
            [((200, 303), (501, 540))],
            id="a shed overtaken by the first request after the reset belongs to the trip before",
        ),
    ],
)
def test_open_periods(requests: tuple[tuple[str, int, int], ...], expected: list[tuple[object, object]]) -> None:
    assert bounds(find_open_periods(touches(*requests))) == expected


def simulate(
    rule: BreakerRule, gaps_ms: list[int], latency_ms: list[int], faults: list[bool]
) -> tuple[Touches, list[float]]:
    """Requests through a real breaker in virtual time, 1 ms in transit; and when it truly moved, ms."""
    breaker = Breaker(rule, LocalOptions())
    starts = np.cumsum(gaps_ms)
    actions: list[tuple[float, int, int]] = [(int(start) + 1, 0, index) for index, start in enumerate(starts)]
    truth: list[float] = []
    rows: list[tuple[str, int, int]] = []
    tickets: dict[int, Ticket] = {}
    while actions:
        actions.sort()
        at, kind, index = actions.pop(0)
        if kind == 0:
            ticket, events = breaker.admit(at / 1000)
            if ticket is None:
                rows.append(("shed", int(starts[index]), int(at) + 1))
            else:
                tickets[index] = ticket
                actions.append((at + latency_ms[index], 1, index))
        else:
            status = 429 if faults[index] else 200
            events = breaker.record(
                tickets[index], at / 1000, Outcome(status=status, error_reason=None, retry_after_s=None)
            )
            rows.append(("fail" if faults[index] else "ok", int(starts[index]), int(at) + 1))
        truth += [event.at * 1000 for event in events]
    return touches(*rows), truth


@given(
    count=st.integers(1, 5),
    trip_ms=st.integers(50, 2000),
    requests=st.lists(st.tuples(st.integers(3, 60), st.integers(1, 40), st.booleans()), min_size=5, max_size=120),
)
def test_every_trip_and_reset_lies_within_its_interval(
    count: int, trip_ms: int, requests: list[tuple[int, int, bool]]
) -> None:
    rule = BreakerRule(count=count, interval=10.0, status_codes=(429,), trip_duration=trip_ms / 1000)
    gaps, latency, faults = ([row[index] for row in requests] for index in range(3))
    seen, truth = simulate(rule, gaps, latency, faults)  # type: ignore[arg-type]  # columns of the drawn rows
    opened, closed = truth[0::2], truth[1::2]
    for period in find_open_periods(seen):
        for interval, instants in ((period.tripped, opened), (period.reset, closed)):
            if interval is not None:
                assert any(interval.low_ns / MS - 1e-6 <= at <= interval.high_ns / MS + 1e-6 for at in instants)


def test_every_true_trip_that_was_touched_is_found() -> None:
    """A fault that lasts: each open period is refused to somebody, and failures part one from the next."""
    rule = BreakerRule(count=3, interval=10.0, status_codes=(429,), trip_duration=0.5)
    seen, truth = simulate(rule, [10] * 400, [15] * 400, [True] * 400)
    assert len(find_open_periods(seen)) == len(truth[0::2]) > 5


def test_a_reset_between_two_probes_is_estimated_neither_early_nor_late() -> None:
    """Each request meets the breaker halfway; the reset is equally likely at any instant."""
    rng = np.random.default_rng(1)
    there, errors = 0.15, []
    for reset in rng.uniform(10, 20, 2000).tolist():
        starts = np.arange(1 + rng.uniform(), 30, 1.0)
        sheds = starts[starts + there < reset]
        answered = starts[len(sheds)]
        requests = [("fail", 0, 1), *(("shed", start, start + 2 * there) for start in sheds)]
        seen = touches(*requests, ("ok", answered, answered + 2 * there))
        [period] = find_open_periods(replace(seen, timed=True))
        assert period.reset is not None
        assert period.reset.low_ns <= reset * MS <= period.reset.high_ns
        errors.append(period.reset.estimate_ns / MS - reset)
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(len(errors))


def test_a_reset_lies_between_the_middles_of_the_two_requests_or_in_that_of_its_interval() -> None:
    [period] = find_open_periods(touches(*ONE_TRIP))
    assert period.reset is not None
    assert period.reset.estimate_ns == (400 + 520) / 2 * MS
    [timed] = find_open_periods(replace(touches(*ONE_TRIP), timed=True))
    assert timed.reset is not None
    assert timed.reset.estimate_ns == ((400 + 401) / 2 + (500 + 520) / 2) / 2 * MS
