"""Feeds Locust's own statistics in batches: the web UI, CSV and console stay right at a fraction of the cost."""

from __future__ import annotations

from collections import Counter
from time import time

import numpy as np
from locust.stats import RequestStats, StatsEntry, StatsError, bucket_response_time

from locustfiles.recorder import Batch

__all__ = ["METHOD", "feed"]

METHOD = "POST"


def feed(stats: RequestStats, batch: Batch) -> None:
    """Add a batch to the statistics: one entry per user class, and the aggregate.

    An answer that is no 2xx, or not whole, is a failure, as for Locust's own users.
    """
    users = np.array(batch.user)
    for name in dict.fromkeys(batch.user):
        chosen = np.flatnonzero(users == name)
        _feed_one(stats, name, batch, chosen)


def _feed_one(stats: RequestStats, name: str, batch: Batch, chosen: np.ndarray) -> None:
    errors = _errors(batch, chosen)
    entry = stats.get(name, METHOD)
    part = _entry(stats, name, batch, chosen, [index for index, _ in errors])
    for total in (entry, stats.total):
        part.start_time = total.start_time
        total.extend(part)
    for text, count in Counter(text for _, text in errors).items():
        key = StatsError.create_key(METHOD, name, text)
        known = stats.errors.setdefault(key, StatsError(METHOD, name, text))
        known.occurrences += count - 1
        known.occurred()


def _entry(stats: RequestStats, name: str, batch: Batch, chosen: np.ndarray, failed: list[int]) -> StatsEntry:
    part = StatsEntry(stats, name, METHOD)
    latency_ms = batch.latency_us[chosen] / 1000
    end_s = (batch.start_ns + batch.latency_us * 1000) // 1_000_000_000
    part.num_requests = len(chosen)
    part.num_failures = len(failed)
    part.total_response_time = float(latency_ms.sum())  # type: ignore[assignment]  # Locust logs floats itself
    part.min_response_time = float(latency_ms.min())  # type: ignore[assignment]
    part.max_response_time = float(latency_ms.max())  # type: ignore[assignment]
    part.total_content_length = int(batch.length[chosen].sum())
    part.last_request_timestamp = time()
    for value, count in zip(*np.unique(latency_ms.round(), return_counts=True), strict=True):
        part.response_times[bucket_response_time(int(value))] += int(count)
    part.num_reqs_per_sec.update(_per_second(end_s[chosen]))
    part.num_fail_per_sec.update(_per_second(end_s[failed]))
    return part


def _per_second(seconds: np.ndarray) -> dict[int, int]:
    values, counts = np.unique(seconds, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _errors(batch: Batch, chosen: np.ndarray) -> list[tuple[int, str]]:
    """Index and text of each failure among the chosen rows."""
    found = []
    for index in chosen.tolist():
        status, error = int(batch.status[index]), batch.error[index]
        if error is not None:
            found.append((index, error))
        elif not 200 <= status < 300:
            found.append((index, f"{status} from {batch.origin[index]}"))
    return found
