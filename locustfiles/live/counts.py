"""Live figures of a run: counts per second, and the breaker's state as clients see it.

They are fed in batches, and memory stays flat because only the last seconds are kept. Times are seconds from the
run's start. They are for pages and progress lines only: reports time trips from the records, never from here.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from locustfiles.live.sightings import Sightings
from locustfiles.recording.recorder import Batch

__all__ = ["KINDS", "Live", "Second", "counts_of", "kind_of"]

KINDS = ("2xx", "429", "shed", "other", "failed")
KEPT_SECONDS = 600
_NS = 1_000_000_000


def kind_of(status: int, origin: str, error: str | None) -> str:
    """Return one of KINDS. `shed`: a 503 that the gateway itself made; `failed`: no complete answer came."""
    if error is not None:
        return "failed"
    if 200 <= status < 300:
        return "2xx"
    if status == 429:
        return "429"
    return "shed" if status == 503 and origin == "gateway" else "other"


def counts_of(batch: Batch, start_ns: int) -> Counter[tuple[int, str]]:
    """Count a batch's answers by the second of the run in which they ended, and by kind."""
    ends = ((batch.start_ns + batch.latency_us * 1000 - start_ns) // _NS).tolist()
    kinds = map(kind_of, batch.status.tolist(), batch.origin, batch.error)
    return Counter(zip(ends, kinds, strict=False))


@dataclass
class Second:
    """Answers that ended in one second of the run, by kind."""

    second: int
    counts: Counter[str] = field(default_factory=Counter)


class Live:
    """Accumulates the figures. `trips`: changes to open seen so far. `open`: whether the last answer was a shed."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.totals: Counter[str] = Counter()
        self.trips = 0
        self.open = False
        self.seconds: deque[Second] = deque(maxlen=KEPT_SECONDS)
        self.sightings = Sightings(start_ns)

    def add(self, batch: Batch) -> None:
        """Add a batch; a listener of the recorder."""
        self.add_counts(counts_of(batch, self.start_ns))
        self._follow_breaker(batch)
        self.sightings.add(batch)

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

    def _follow_breaker(self, batch: Batch) -> None:
        for status, origin in zip(batch.status.tolist(), batch.origin, strict=True):
            if origin == "client":
                continue
            shed = status == 503 and origin == "gateway"
            self.trips += shed and not self.open
            self.open = shed

    def last(self) -> dict[str, int]:
        """Return the counts of the last complete second; empty before the first one has ended."""
        whole = list(self.seconds)[:-1]
        return dict(whole[-1].counts) if whole else {}
