"""Feeds Locust's own statistics in batches, which costs far less than firing an event for each request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from time import time

import numpy as np
import numpy.typing as npt
from locust.stats import RequestStats, StatsEntry, StatsError, bucket_response_time

from locustfiles.http.answer import CallResult
from locustfiles.recording.recorder import Batch

__all__ = ["ANSWERED_BY", "CALL", "METHOD", "feed", "feed_calls"]

METHOD = "POST"
CALL = "SDK"
"""Shown as the method in the entries of whole calls, retries included."""
ANSWERED_BY = {"backend": "backend", "gateway": "gateway", "client": "no answer"}
"""Words for the record's `origin` in an entry's name."""


@dataclass(frozen=True)
class _Part:
    """The part of a batch that one entry takes. `end_s`: unix seconds. `errors`: index and text of each failure."""

    name: str
    method: str
    latency_ms: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.int64]
    length: int
    errors: list[tuple[int, str]]


def feed(stats: RequestStats, batch: Batch) -> None:
    """Add a batch to the statistics: one entry per user class and answerer, and the aggregate.

    A gateway sheds in a fraction of a millisecond and a model answers in seconds: percentiles over both describe
    neither. As for Locust's own users, an answer that is not 2xx, or not complete, is a failure.
    """
    pairs = list(dict.fromkeys(zip(batch.user, batch.origin, strict=True)))
    numbers = {pair: number for number, pair in enumerate(pairs)}
    # Names are made per pair, not per row: this runs in the process that makes the traffic.
    number_of = np.fromiter(map(numbers.__getitem__, zip(batch.user, batch.origin, strict=True)), np.intp)
    latency_ms = batch.latency_us / 1000
    end_s = (batch.start_ns + batch.latency_us * 1000) // 1_000_000_000
    for number, (user, origin) in enumerate(pairs):
        chosen = np.flatnonzero(number_of == number)
        length = int(batch.length[chosen].sum())
        name = f"{user} · {ANSWERED_BY[origin]}"
        _add(stats, _Part(name, METHOD, latency_ms[chosen], end_s[chosen], length, _errors(batch, chosen)))


def feed_calls(stats: RequestStats, calls: list[CallResult], offset_ns: int) -> None:
    """Add whole calls, an entry per user class. `offset_ns`: from monotonic to unix time."""
    for name in dict.fromkeys(call.user for call in calls):
        own = [call for call in calls if call.user == name]
        start_ns = np.array([call.start_ns for call in own], np.int64)
        end_ns = np.array([call.end_ns for call in own], np.int64)
        errors = [(index, call.failure) for index, call in enumerate(own) if call.failure is not None]
        latency_ms, end_s = (end_ns - start_ns) / 1e6, (end_ns + offset_ns) // 1_000_000_000
        _add(stats, _Part(f"{name} outcome", CALL, latency_ms, end_s, 0, errors))


def _add(stats: RequestStats, part: _Part) -> None:
    made = _entry(stats, part)
    for total in (stats.get(part.name, part.method), stats.total):
        made.start_time = total.start_time
        total.extend(made)
    for text, count in Counter(text for _, text in part.errors).items():
        key = StatsError.create_key(part.method, part.name, text)
        known = stats.errors.setdefault(key, StatsError(part.method, part.name, text))
        known.occurrences += count - 1
        known.occurred()


def _entry(stats: RequestStats, part: _Part) -> StatsEntry:
    made = StatsEntry(stats, part.name, part.method)
    latency_ms, failed = part.latency_ms, [index for index, _ in part.errors]
    made.num_requests = len(latency_ms)
    made.num_failures = len(failed)
    made.total_response_time = float(latency_ms.sum())  # type: ignore[assignment]  # Locust logs floats itself
    made.min_response_time = float(latency_ms.min())  # type: ignore[assignment]
    made.max_response_time = float(latency_ms.max())  # type: ignore[assignment]
    made.total_content_length = part.length
    made.last_request_timestamp = time()
    for value, count in zip(*np.unique(latency_ms.round(), return_counts=True), strict=True):
        made.response_times[bucket_response_time(int(value))] += int(count)
    made.num_reqs_per_sec.update(_per_second(part.end_s))
    made.num_fail_per_sec.update(_per_second(part.end_s[failed]))
    return made


def _per_second(seconds: npt.NDArray[np.int64]) -> dict[int, int]:
    values, counts = np.unique(seconds, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _errors(batch: Batch, chosen: npt.NDArray[np.intp]) -> list[tuple[int, str]]:
    """Return the index among the chosen rows, and the text, of each failure."""
    status = batch.status[chosen]
    failed = (status < 200) | (status >= 300)
    if any(batch.error):
        failed |= np.fromiter((batch.error[row] is not None for row in chosen.tolist()), np.bool_)
    indices = np.flatnonzero(failed)
    return [(index, _text(batch, row)) for index, row in zip(indices.tolist(), chosen[indices].tolist(), strict=True)]


def _text(batch: Batch, row: int) -> str:
    return batch.error[row] or f"{batch.status[row]} from {batch.origin[row]}"
