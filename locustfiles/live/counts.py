"""Live figures of a run: counts per second, and the breaker's state as clients see it.

They are fed in batches, and memory stays flat because only the last seconds are kept. Times are seconds from the
run's start. They are for pages and progress lines only: reports time trips from the records, never from here.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from dataclasses import dataclass, field

from locustfiles.live.sightings import Sightings
from locustfiles.live.tokens import Tokens
from locustfiles.recording.recorder import Batch
from tripcurve.gateways import UNAVAILABLE

__all__ = ["KINDS", "Live", "Second", "counts_of", "kind_of"]

KINDS = ("2xx", "429", "shed", "other", "broken", "failed")
KEPT_SECONDS = 600
SHEDS = frozenset({UNAVAILABLE})
_NS = 1_000_000_000
FLUSHED_NS = 600_000_000
"""Answers reach this module with the recorder's flush, at most half a second after they ended."""


def kind_of(status: int, origin: str, error: str | None, sheds: frozenset[int] = SHEDS) -> str:
    """Return one of KINDS. `sheds`: the statuses with which the gateway refuses requests of an open breaker.

    `shed`: the gateway's own answer with one of these; `broken`: a 2xx that is cut short or is not a completion;
    `failed`: any other request without a complete answer.
    """
    if error is not None:
        return "broken" if 200 <= status < 300 else "failed"
    if origin == "gateway" and status in sheds:
        return "shed"
    if 200 <= status < 300:
        return "2xx"
    return "429" if status == 429 else "other"


def counts_of(batch: Batch, start_ns: int, sheds: frozenset[int] = SHEDS) -> Counter[tuple[int, str]]:
    """Count a batch's answers by the second of the run in which they ended, and by kind. `sheds`: see `kind_of`.

    Dense probes are left out, as in the report: they have no place in the schedule, and ask an open breaker often.
    """
    ends = ((batch.start_ns + batch.latency_us * 1000 - start_ns) // _NS).tolist()
    kinds = map(kind_of, batch.status.tolist(), batch.origin, batch.error, itertools.repeat(sheds))
    unplanned = (batch.start_ns == batch.intended_ns).tolist()
    dense = (user == "ProbeUser" and alone for user, alone in zip(batch.user, unplanned, strict=True))
    return Counter(entry for entry, left_out in zip(zip(ends, kinds, strict=False), dense, strict=True) if not left_out)


@dataclass
class Second:
    """Answers that ended in one second of the run, by kind."""

    second: int
    counts: Counter[str] = field(default_factory=Counter)


class Live:
    """Accumulates the figures.

    `trips` counts the open periods that clients have seen so far, and `open` is whether the last one has not ended.
    `gap_s` and `sheds`: see `Sightings`. `tokens`: of all answers so far, probes included.
    """

    def __init__(self, start_ns: int, gap_s: float = 0.0, sheds: frozenset[int] = SHEDS) -> None:
        self.start_ns = start_ns
        self._sheds = sheds
        self.totals: Counter[str] = Counter()
        self.last_end_s = 0.0
        """When the last request ended, seconds from the run's start."""
        self.trips = 0
        self.open = False
        self.seconds: deque[Second] = deque(maxlen=KEPT_SECONDS)
        self.sightings = Sightings(start_ns, gap_s, sheds)
        self.tokens = Tokens()

    def add(self, batch: Batch) -> Counter[tuple[int, str]]:
        """Add a batch and return its counts by second and kind; a listener of the recorder."""
        counts = counts_of(batch, self.start_ns, self._sheds)
        self.add_counts(counts)
        ends = batch.start_ns + batch.latency_us * 1000
        self.last_end_s = max(self.last_end_s, float(ends.max() - self.start_ns) / _NS)
        self.sightings.add(batch)
        self.tokens.add(batch.record)
        self.trips, self.open = self.sightings.count, self.sightings.open
        return counts

    def add_counts(self, counts: Counter[tuple[int, str]]) -> None:
        """Add counts by second and kind, of this process or of a worker."""
        for (second, kind), count in sorted(counts.items()):
            self.totals[kind] += count
            self._second(second).counts[kind] += count

    def _second(self, second: int) -> Second:
        for known in reversed(self.seconds):
            if known.second == second:
                return known
            if known.second < second:
                break
        self.seconds.append(Second(second))
        return self.seconds[-1]

    def last(self, now_ns: int) -> dict[str, int]:
        """Return the counts of the last second of which every answer is known at `now_ns`, unix ns.

        Empty when nothing ended in it.
        """
        second = (now_ns - self.start_ns - FLUSHED_NS) // _NS - 1
        return next((dict(known.counts) for known in reversed(self.seconds) if known.second == second), {})

    def silent_s(self, now_ns: int) -> float:
        """Return for how long nothing has ended; from the start when nothing has ended yet."""
        return max((now_ns - self.start_ns) / _NS - self.last_end_s, 0.0)
