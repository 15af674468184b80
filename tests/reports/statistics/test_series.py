"""The frames behind the charts: every request is counted once, and a long run stays small."""

from __future__ import annotations

import numpy as np

import reports
from reports.statistics import series
from reports.trips.analysis import Analysis
from reports.trips.trip import Measured, Trip
from tests.reports.conftest import Reported


def about(at: float) -> Measured:
    return Measured(at, at - 0.01, at + 0.01)


def test_the_timeline_counts_every_request_once(tripped: Reported) -> None:
    frame = reports.outcomes_over_time(tripped.run, tripped.summary["duration_s"])
    assert frame["count"].sum() == tripped.summary["requests"]["total"]
    assert frame.loc[frame["outcome"] == "shed", "count"].sum() == tripped.summary["sheds"]


def test_ratio_over_time_sums_to_the_whole(tripped: Reported) -> None:
    frame = reports.ratio_over_time(tripped.run, tripped.summary["duration_s"])
    assert frame["shed"].sum() / frame["throttled"].sum() == tripped.summary["ratio_503_429"]


def test_latency_lines_are_exact_and_count_from_the_intended_start(tripped: Reported) -> None:
    run = tripped.run
    requests = run.requests[run.requests["origin"] == "backend"]
    late_us = (requests["start_ns"] - requests["intended_ns"]) // 1000
    second = (requests["start_ns"] - run.start_ns) // 10**9 + 0.5
    waited_ms = (requests["latency_us"] + late_us) / 1000
    median = waited_ms.groupby(second).quantile(0.5, interpolation="higher")
    lines = series.latency_lines(run).dropna()
    own = lines[(lines["origin"] == "backend") & (lines["quantile"] == "median")].set_index("time_s")
    assert own["latency_ms"].to_dict() == median.to_dict()


def test_a_second_without_answers_breaks_the_line(tripped: Reported) -> None:
    lines = series.latency_lines(tripped.run)
    backend = lines[lines["origin"] == "backend"]
    assert (backend["latency_ms"].isna() == (backend["n"] == 0)).all()


def test_a_sample_keeps_the_slowest(good: Reported) -> None:
    sample = reports.latency_sample(good.run)
    assert np.isclose(sample["wire_ms"].max(), good.run.requests["latency_us"].max() / 1000)


def test_ten_thousand_trips_draw_few_marks(tripped: Reported) -> None:
    trips = [
        Trip("m1", 0, Measured(i * 1.0, i - 0.01, i + 0.01), Measured(i + 0.9, i + 0.89, i + 0.91))
        for i in range(10_000)
    ]
    spans = series.breaker_spans(tripped.run, Analysis(trips, None, []), 10_000.0)
    assert len(spans) <= series.MOST_SPANS
    assert spans["trips"].sum() == 10_000


def test_an_end_of_a_period_that_was_not_seen_is_null_and_drawn_up_to_its_neighbour() -> None:
    trips = [
        Trip("m1", 0, about(1.0), None),
        Trip("m1", 0, None, about(5.0)),
        Trip("m1", 0, about(8.0), None),
    ]
    spans = series.open_spans(Analysis(trips, None, []), 10.0)
    assert spans[["start_s", "end_s"]].to_numpy().tolist() == [[1.0, 5.0], [1.0, 5.0], [8.0, 10.0]]
    assert spans["reset_s"].isna().tolist() == [True, False, True]
    assert spans["tripped_s"].isna().tolist() == [False, True, False]


def test_a_length_is_stated_only_if_both_ends_were_seen(tripped: Reported) -> None:
    trips = [
        Trip("m1", 0, about(1.0), about(4.0)),
        Trip("m1", 0, about(6.0), None),
    ]
    spans = series.breaker_spans(tripped.run, Analysis(trips, None, []), 10.0)
    assert spans["label"].tolist() == ["open 3.00 s", "open"]


def test_open_spans_are_the_measured_trips(tripped: Reported) -> None:
    spans = reports.open_spans(tripped.analysis, tripped.summary["duration_s"])
    assert len(spans) == len(tripped.summary["trips"])
    assert (spans["start_s"] < spans["end_s"]).all()
