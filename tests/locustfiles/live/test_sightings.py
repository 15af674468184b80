"""Open periods as clients see them, from answers in the order they ended."""

from __future__ import annotations

import numpy as np
import pytest

from locustfiles.live.sightings import Sighting, Sightings, merge
from locustfiles.recording.recorder import Batch

START = 10**18
Answer = tuple[float, float, int, str]


def batch(*answers: Answer) -> Batch:
    """Answers as (start, end, status, origin), in seconds."""
    n = len(answers)
    return Batch(
        start_ns=np.array([START + round(begin * 1e9) for begin, _, _, _ in answers], np.int64),
        intended_ns=np.zeros(n, np.int64),
        latency_us=np.array([round((end - begin) * 1e6) for begin, end, _, _ in answers], np.int64),
        status=np.array([status for _, _, status, _ in answers], np.int16),
        origin=tuple(origin for _, _, _, origin in answers),
        backend=(None,) * n,
        error=(None,) * n,
        user=("ChatUser",) * n,
        length=np.zeros(n, np.int64),
    )


TRIP: tuple[Answer, ...] = (
    (0.9, 1.0, 200, "backend"),
    (1.0, 1.1, 429, "backend"),
    (1.1, 1.2, 500, "backend"),
    (1.3, 1.4, 503, "gateway"),
    (2.0, 2.1, 503, "gateway"),
    (3.0, 3.1, 200, "backend"),
)


def seen(*batches: tuple[Answer, ...]) -> list[Sighting]:
    sightings = Sightings(START)
    for answers in batches:
        sightings.add(batch(*answers))
    return sightings.periods


def test_a_trip_lies_between_the_last_answer_begun_and_the_first_shed_ended() -> None:
    [period] = seen(TRIP)
    assert period.tripped_s == pytest.approx((1.1 + 1.4) / 2)
    assert period.half_width_s == pytest.approx((1.4 - 1.1) / 2)


def test_a_trip_knows_its_failures_its_sheds_its_reset_and_its_first_2xx() -> None:
    [period] = seen(TRIP)
    assert (period.failures, period.throttled, period.shed) == (2, 1, 2)
    assert period.failure_s == pytest.approx(1.1)
    assert period.reset_s == pytest.approx((2.0 + 3.1) / 2)
    assert period.recovered_s == pytest.approx(3.1)


def test_how_answers_are_batched_changes_nothing() -> None:
    for cut in range(1, len(TRIP)):
        assert seen(TRIP[:cut], TRIP[cut:]) == seen(TRIP)


def test_an_answer_begun_before_the_shed_does_not_close_the_breaker() -> None:
    [period] = seen((*TRIP[:4], (1.2, 1.9, 200, "backend")))
    assert period.reset_s is None


def test_a_late_answer_between_two_sheds_makes_no_new_trip() -> None:
    sightings = Sightings(START)
    sightings.add(batch(*TRIP[:4], (1.25, 1.6, 429, "backend"), (1.5, 1.55, 503, "gateway"), *TRIP[4:]))
    assert (sightings.count, len(sightings.periods), sightings.open) == (1, 1, False)


def test_a_late_shed_of_a_request_sent_before_the_reset_makes_no_new_trip() -> None:
    sightings = Sightings(START)
    sightings.add(batch(*TRIP, (2.9, 3.4, 503, "gateway")))
    assert (sightings.count, sightings.open) == (1, False)


def test_open_periods_of_several_units_are_one_within_the_gap() -> None:
    answers = (*TRIP, (3.02, 3.03, 503, "gateway"), (3.3, 3.4, 200, "backend"))
    counts = []
    for gap_s in (0.0, 0.5):
        sightings = Sightings(START, gap_s)
        sightings.add(batch(*answers))
        counts.append(sightings.count)
    assert counts == [2, 1]


def test_periods_that_are_no_longer_kept_still_count() -> None:
    sightings = Sightings(START)
    for number in range(60):
        at = 10.0 * number
        sightings.add(batch((at, at + 0.1, 503, "gateway"), (at + 5, at + 5.1, 200, "backend")))
    assert (sightings.count, len(sightings.periods)) == (60, 50)


def test_a_failure_resets_and_only_a_2xx_recovers() -> None:
    first, second = seen(
        (*TRIP[:5], (3.0, 3.1, 429, "backend"), (3.2, 3.3, 503, "gateway"), (9.0, 9.1, 200, "backend"))
    )
    assert first.reset_s is not None
    assert first.recovered_s is None
    assert (second.failures, second.recovered_s) == (1, pytest.approx(9.1))


def test_requests_without_an_answer_and_a_backends_own_503_open_nothing() -> None:
    assert seen(((0.0, 0.1, 0, "client"), (0.1, 0.2, 503, "backend"), (0.2, 0.3, 200, "backend"))) == []


def test_periods_travel_as_plain_data() -> None:
    sightings = Sightings(START)
    sightings.add(batch(*TRIP))
    assert Sightings.from_message([list(period) for period in sightings.to_message()]) == sightings.periods


def period(tripped_s: float, reset_s: float | None, shed: int = 1, recovered_s: float | None = None) -> Sighting:
    return Sighting(tripped_s, 0.01, tripped_s - 0.1, 2, 2, shed, reset_s, recovered_s)


def test_periods_that_two_workers_see_at_the_same_time_are_one() -> None:
    [both] = merge([period(1.1, 5.0, 7, 5.1), period(1.0, 5.2, 5, 5.3)])
    assert (both.tripped_s, both.reset_s, both.shed, both.failures) == (1.0, 5.2, 12, 4)
    assert both.recovered_s == 5.3


def test_a_period_is_open_while_any_worker_sees_it_open() -> None:
    [both] = merge([period(1.0, None), period(1.1, 5.0)])
    assert both.reset_s is None


def test_a_retrip_stays_apart_unless_a_gap_is_allowed() -> None:
    periods = [period(1.0, 5.0), period(5.05, 9.0)]
    assert len(merge(periods)) == 2
    assert len(merge(periods, 0.5)) == 1
