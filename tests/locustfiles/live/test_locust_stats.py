"""Locust's own statistics: entries by who answered, so that their percentiles describe one thing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from locust.stats import RequestStats

from locustfiles.http.answer import CallResult
from locustfiles.live.locust_stats import feed, feed_calls
from locustfiles.recording.recorder import Batch

Answer = tuple[str, str, int, str | None, float]
"""User, origin, status, error and latency in milliseconds."""


def batch(answers: list[Answer]) -> Batch:
    user, origin, status, error, latency_ms = zip(*answers, strict=True)
    n = len(answers)
    return Batch(
        start_ns=np.arange(n, dtype=np.int64),
        intended_ns=np.arange(n, dtype=np.int64),
        latency_us=np.array([int(each * 1000) for each in latency_ms], np.int64),
        status=np.array(status, np.int16),
        origin=origin,
        backend=(None,) * n,
        error=error,
        user=user,
        length=np.full(n, 7, np.int64),
    )


def test_sheds_and_answers_have_separate_percentiles() -> None:
    stats = RequestStats()
    sheds = [("ChatUser", "gateway", 503, None, 0.2)] * 90
    feed(stats, batch([*sheds, *[("ChatUser", "backend", 200, None, 80.0)] * 10]))
    medians = {name: entry.median_response_time for (name, _), entry in stats.entries.items()}
    assert medians == {"ChatUser · gateway": 0.2, "ChatUser · backend": 80}


def test_no_answer_has_an_entry_of_its_own() -> None:
    stats = RequestStats()
    feed(stats, batch([("ChatUser", "client", 0, "Timeout", 5000.0), ("ChatUser", "backend", 200, None, 80.0)]))
    assert stats.get("ChatUser · no answer", "POST").num_failures == 1


answers = st.lists(
    st.tuples(
        st.sampled_from(["ChatUser", "ProbeUser"]),
        st.sampled_from(["backend", "gateway", "client"]),
        st.sampled_from([0, 200, 204, 302, 429, 503]),
        st.sampled_from([None, "Timeout"]),
        st.floats(0, 1e4),
    ),
    min_size=1,
    max_size=50,
)


@given(answers)
def test_entries_add_up_to_the_rows(rows: list[Answer]) -> None:
    stats = RequestStats()
    feed(stats, batch(rows))
    failed = sum(error is not None or not 200 <= status < 300 for _, _, status, error, _ in rows)
    entries = list(stats.entries.values())
    assert sum(entry.num_requests for entry in entries) == stats.total.num_requests == len(rows)
    assert sum(entry.num_failures for entry in entries) == stats.total.num_failures == failed
    assert sum(error.occurrences for error in stats.errors.values()) == failed


def test_each_failure_is_named_by_its_status_and_origin_or_its_error() -> None:
    stats = RequestStats()
    rows = [("U", "gateway", 503, None, 1.0)] * 2 + [("U", "backend", 200, "IncompleteBody", 1.0)]
    feed(stats, batch(rows))
    assert {error.error: error.occurrences for error in stats.errors.values()} == {
        "503 from gateway": 2,
        "IncompleteBody": 1,
    }


def test_whole_calls_have_an_entry_per_user_class() -> None:
    stats = RequestStats()
    results = [CallResult("SdkChatUser", failure, 0, 10**7) for failure in (None, "RateLimitError 429")]
    feed_calls(stats, results, 0)
    entry = stats.get("SdkChatUser outcome", "SDK")
    assert (entry.num_requests, entry.num_failures, entry.median_response_time) == (2, 1, 10)
