"""The exported figures are those of the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from locustfiles.live.counts import KINDS, kind_of
from locustfiles.telemetry.metrics import FIRST_TOKEN, LATENCY_BOUNDS_S, METRICS, PER_TOKEN
from tests.locustfiles.telemetry.conftest import START, Ended, row, streams


def test_requests_by_kind_are_the_records_without_the_dense_probe(finished: Ended) -> None:
    by_kind = Counter[str]()
    for (status, origin, error, user), n in finished.counted("status", "origin", "error", "user").items():
        if user != "ProbeUser":
            by_kind[kind_of(status, origin, error)] += n
    values = finished.values()
    assert {kind: values[("tripcurve.requests", kind)] for kind in KINDS} == by_kind
    assert by_kind.total() == 201


def test_tokens_are_the_sums_of_the_record(make_ended: Callable[..., Ended]) -> None:
    ended = make_ended([*streams(), row(0, 4.0), row(6, 9.1, user="ProbeUser", late_us=0)])
    values = ended.values()
    for kind, column in (("input", "prompt_tokens"), ("output", "completion_tokens")):
        assert values[("tripcurve.tokens", kind)] == pc.sum(ended.table[column]).as_py() > 0


def test_the_times_of_streamed_tokens_are_the_records(make_ended: Callable[..., Ended]) -> None:
    rows = streams()
    ended = make_ended([*rows, row(0, 4.0)])
    found = {each.metric: each for each in ended.figures.distributions()}
    first_s = [each.first_byte_us / 1e6 for each in rows if each.first_byte_us is not None]
    assert (found[FIRST_TOKEN].counts[-1], found[FIRST_TOKEN].sum_s) == (len(rows), pytest.approx(sum(first_s)))
    assert found[PER_TOKEN].counts[-1] == sum((each.completion_tokens or 0) > 1 and each.error is None for each in rows)
    for bound_s, n in zip(found[FIRST_TOKEN].bounds_s, found[FIRST_TOKEN].counts, strict=False):
        assert n == sum(each <= bound_s for each in first_s)


def test_latencies_count_every_row_and_their_sum_is_the_records(finished: Ended) -> None:
    found = {each.labels: each for each in finished.figures.latencies()}
    rows = finished.counted("user", "origin")
    assert {labels: each.counts[-1] for labels, each in found.items()} == rows
    total_s = sum(finished.table["latency_us"].to_pylist()) / 1e6
    assert abs(sum(each.sum_s for each in found.values()) - total_s) < 1e-9


def test_latencies_up_to_each_bound_are_the_records_within_locusts_rounding(finished: Ended) -> None:
    """Locust rounds to whole milliseconds below 100."""
    origin = np.array(finished.table["origin"].to_pylist())
    user = np.array(finished.table["user"].to_pylist())
    latency_s = finished.table["latency_us"].to_numpy() / 1e6
    for each in finished.figures.latencies():
        own = latency_s[(user == each.labels[0]) & (origin == each.labels[1])]
        for bound, n in zip(LATENCY_BOUNDS_S, each.counts, strict=False):
            assert np.count_nonzero(own <= bound - 0.0005) <= n <= np.count_nonzero(own <= bound + 0.0005)


def test_arrivals_lateness_and_users(finished: Ended) -> None:
    values = finished.values()
    states = {state: values[("tripcurve.arrivals", state)] for state in ("due", "sent", "dropped")}
    assert states == {"due": 210, "sent": 200, "dropped": 10}
    assert values[("tripcurve.lateness.p99",)] == 0.0002
    assert values[("tripcurve.users",)] == 7


def seconds_with_outage(table: Any) -> int:
    """By the record: the seconds in which less than 99 % of the answers that ended were 2xx."""
    ends = (table["start_ns"].to_numpy() + table["latency_us"].to_numpy() * 1000 - START) // 1_000_000_000
    fine = np.array([status == 200 for status in table["status"].to_pylist()])
    return sum(bool(fine[ends == second].mean() < 0.99) for second in np.unique(ends))


def test_seconds_of_outage_are_the_records(make_ended: Callable[..., Ended]) -> None:
    good = [row(number % 5, number / 20) for number in range(120)]
    bad = [row(5 if number % 3 else 0, number / 20) for number in range(120, 170)]
    ended = make_ended([*good, *bad])
    assert ended.values()[("tripcurve.outage",)] == seconds_with_outage(ended.table) == 3


def test_seconds_of_outage_are_counted_once_however_often_they_are_read(finished: Ended) -> None:
    first = finished.values()
    assert finished.values() == first
    assert first[("tripcurve.outage",)] == 10


def test_a_second_that_is_not_over_is_no_outage_yet(make_ended: Callable[..., Ended], monkeypatch: Any) -> None:
    ended = make_ended([row(5, number / 10) for number in range(30)])
    under_way = replace(ended.run, ended_ns=None)
    monkeypatch.setattr("locustfiles.live.board.monotonic_ns", lambda: 2_700_000_000)
    ended.figures._board.run = under_way
    assert ended.values()[("tripcurve.outage",)] == 2


def test_the_breaker_is_counted_by_what_clients_saw(finished: Ended) -> None:
    values = finished.values()
    assert values[("tripcurve.breaker.trips", "m1", "")] == finished.run.live.sightings.count > 0
    assert values[("tripcurve.breaker.open", "m1", "")] == 0  # the run is over


def test_a_run_that_ended_is_under_way_no_more(finished: Ended) -> None:
    values = finished.values()
    assert [value for key, value in values.items() if key[0] in ("tripcurve.run", "tripcurve.phase")] == [0, 0, 0]
    assert ("tripcurve.configured.rate",) not in values


def test_before_the_first_run_there_are_only_users(finished: Ended) -> None:
    finished.figures._board.run = None
    assert set(finished.values()) == {("tripcurve.users",)}


def test_every_metric_is_read(finished: Ended, monkeypatch: Any) -> None:
    finished.figures._board.run = replace(finished.run, ended_ns=None)
    monkeypatch.setattr("locustfiles.live.board.monotonic_ns", lambda: 2_700_000_000)
    assert {key[0] for key in finished.values()} == set(METRICS)
    assert finished.values()[("tripcurve.configured.rate",)] == 20
