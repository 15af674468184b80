"""What a page shows of a run under way."""

from __future__ import annotations

import numpy as np
import pytest

from locustfiles.live.counts import KEPT_SECONDS, Live, kind_of
from locustfiles.live.progress import line
from locustfiles.pacing.timeline import Timeline
from locustfiles.recording.recorder import Batch
from tripcurve.scenario import Scenario

START = 10**18


def batch(*answers: tuple[float, int, str]) -> Batch:
    """Answers as (end in seconds, status, origin)."""
    n = len(answers)
    return Batch(
        start_ns=np.array([START + int(end * 1e9) - 1000 for end, _, _ in answers], np.int64),
        intended_ns=np.zeros(n, np.int64),
        latency_us=np.ones(n, np.int64),
        status=np.array([status for _, status, _ in answers], np.int16),
        origin=tuple(origin for _, _, origin in answers),
        backend=(None,) * n,
        error=(None,) * n,
        user=("ChatUser",) * n,
        length=np.zeros(n, np.int64),
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((200, "backend", None), "2xx"),
        ((200, "backend", "IncompleteBody"), "broken"),
        ((200, "backend", "BadBody"), "broken"),
        ((429, "backend", "IncompleteBody"), "failed"),
        ((0, "client", "Timeout"), "failed"),
        ((429, "backend", None), "429"),
        ((503, "gateway", None), "shed"),
        ((503, "backend", None), "other"),
        ((401, "gateway", None), "other"),
    ],
)
def test_a_shed_is_distinguished_from_a_backends_own_503(answer: tuple[int, str, str | None], kind: str) -> None:
    assert kind_of(*answer) == kind


@pytest.mark.parametrize(
    ("status", "origin", "kind"), [(429, "gateway", "shed"), (429, "backend", "429"), (200, "gateway", "shed")]
)
def test_an_answer_of_the_gateway_with_the_rules_status_is_a_shed(status: int, origin: str, kind: str) -> None:
    assert kind_of(status, origin, None, frozenset({200, 429, 503})) == kind


def test_the_live_figures_count_sheds_of_another_status() -> None:
    live = Live(START, sheds=frozenset({429, 503}))
    live.add(batch((0.5, 200, "backend"), (0.6, 429, "backend"), (0.7, 429, "gateway"), (0.8, 429, "gateway")))
    assert (live.trips, live.open) == (1, True)
    assert live.totals == {"2xx": 1, "429": 1, "shed": 2}


def test_answers_are_counted_in_the_second_they_ended() -> None:
    live = Live(START)
    live.add(batch((0.5, 200, "backend"), (1.2, 429, "backend")))
    live.add(batch((0.9, 200, "backend"), (1.3, 503, "gateway"), (2.0, 200, "backend")))
    seconds = [(one.second, dict(one.counts)) for one in live.seconds]
    assert seconds == [(0, {"2xx": 2}), (1, {"429": 1, "shed": 1}), (2, {"2xx": 1})]
    assert live.last(START + 2_700_000_000) == {"429": 1, "shed": 1}
    assert live.last(START + 2_500_000_000) == {"2xx": 2}  # the second before is not flushed for certain
    assert live.last(START + 9_700_000_000) == {}


def timeline_of(rate: float = 10.0) -> Timeline:
    phases = [{"name": "healthy", "for": 5, "rate": rate}, {"name": "fault", "for": 5, "rate": rate}]
    return Timeline(Scenario.model_validate({"name": "s", "phases": phases}), 0)


def test_a_target_that_stops_answering_is_reported_within_two_seconds() -> None:
    live, timeline = Live(START), timeline_of()
    live.add(batch(*((at / 10, 200, "backend") for at in range(1, 31))))
    assert "2xx 10/s" in line(live, timeline, 3_700_000_000)
    assert "no answer for 1 s" in line(live, timeline, 4_000_000_000)
    assert "2xx" not in line(live, timeline, 6_000_000_000)


def test_a_time_without_arrivals_is_not_a_silence() -> None:
    live, timeline = Live(START), timeline_of(rate=0.5)
    live.add(batch((0.1, 200, "backend")))
    assert "no answer" not in line(live, timeline, 4_500_000_000)


def test_trips_are_those_of_the_gateways_record_if_there_is_one() -> None:
    live, timeline = Live(START), timeline_of()
    assert line(live, timeline, 10**9, lambda: (11, 2)).endswith("trips 11 (2 open)")
    assert line(live, timeline, 10**9, lambda: (1, 0)).endswith("trips 1 (closed)")
    assert line(live, timeline, 10**9).endswith("trips seen 0 (closed)")


def test_a_trip_is_a_shed_after_an_answer() -> None:
    live = Live(START)
    live.add(batch((0.1, 429, "backend"), (0.2, 503, "gateway"), (0.3, 503, "gateway")))
    assert (live.trips, live.open) == (1, True)
    live.add(batch((0.4, 0, "client"), (0.5, 200, "backend"), (0.6, 503, "gateway"), (0.7, 200, "backend")))
    assert (live.trips, live.open) == (2, False)


def test_only_the_last_seconds_are_kept() -> None:
    live = Live(START)
    for second in range(KEPT_SECONDS + 50):
        live.add(batch((second + 0.5, 200, "backend")))
    assert len(live.seconds) == KEPT_SECONDS
    assert live.totals["2xx"] == KEPT_SECONDS + 50


def test_the_progress_line_shows_phase_time_rates_and_state() -> None:
    phases = [{"name": "healthy", "for": 5, "rate": 1}, {"name": "fault", "for": 5, "rate": 1}]
    timeline = Timeline(Scenario.model_validate({"name": "s", "phases": phases}), 0)
    live = Live(START)
    live.add(batch((5.1, 429, "backend"), (5.2, 503, "gateway"), (6.1, 503, "gateway")))
    shown = line(live, timeline, 6_700_000_000)
    assert shown.split() == ["fault", "7/10", "s", "429", "1/s", "shed", "1/s", "trips", "seen", "1", "(open)"]
