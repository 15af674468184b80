"""Open periods of a breaker as clients see them while a run is under way, for pages.

They are approximate: reports time trips from the records, breaker by breaker. Here all answers of a gateway are one
stream, and periods that several workers see at the same time are one period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from locustfiles.recording.recorder import Batch
from tripcurve.gateways import UNAVAILABLE

__all__ = ["Sighting", "Sightings", "merge"]

KEPT = 50


@dataclass(slots=True)
class Sighting:
    """One open period: seconds from the run's start. None: not observed, or not yet.

    `failure_s`: end of the first failure (429 or 5xx of a backend) since the period before; `failures`: how many until
    the trip; `half_width_s`: how far `tripped_s` can be from the truth; `recovered_s`: end of the first 2xx after it.
    """

    tripped_s: float
    half_width_s: float
    failure_s: float | None
    failures: int
    throttled: int
    shed: int = 0
    reset_s: float | None = None
    recovered_s: float | None = None


class Sightings:
    """Follows answers in the order in which they ended, and keeps the last periods.

    `gap_s`: periods that are at most this far apart are one. `sheds`: the statuses with which the gateway itself
    refuses requests while a breaker is open.
    """

    def __init__(self, start_ns: int, gap_s: float = 0.0, sheds: frozenset[int] = frozenset({UNAVAILABLE})) -> None:
        self._start_ns = start_ns
        self._sheds = sheds
        self._gap_s = gap_s
        self.periods: list[Sighting] = []
        self.count = 0
        """The number of all periods so far, including those that are no longer kept."""
        self._answer_s: float | None = None
        self._shed_s = 0.0
        self._forget()

    def _forget(self) -> None:
        self._failure_s: float | None = None
        self._failures = self._throttled = 0

    def add(self, batch: Batch) -> None:
        """Add answers, in the order in which they ended."""
        if self._all_succeeded(batch):
            return
        begins = ((batch.start_ns - self._start_ns) / 1e9).tolist()
        ends = ((batch.start_ns + batch.latency_us * 1000 - self._start_ns) / 1e9).tolist()
        for begin, end, status, origin, error in zip(
            begins, ends, batch.status.tolist(), batch.origin, batch.error, strict=True
        ):
            if origin == "backend":
                self._answered(begin, end, status)
            elif origin == "gateway" and status in self._sheds and error is None:
                self._refused(begin, end)

    def _all_succeeded(self, batch: Batch) -> bool:
        """Return whether all answers are successes and the breaker is closed, as in most batches; note the last."""
        last = self.periods[-1] if self.periods else None
        if last is not None and last.recovered_s is None:
            return False
        if set(batch.origin) != {"backend"} or batch.status.min() < 200 or batch.status.max() >= 300:
            return False
        self._answer_s = float(batch.start_ns[-1] - self._start_ns) / 1e9
        return True

    @property
    def open(self) -> bool:
        """Whether the breaker was open when a request last showed its state."""
        return bool(self.periods) and self.periods[-1].reset_s is None

    def _refused(self, begin: float, end: float) -> None:
        last = self.periods[-1] if self.periods else None
        if last is not None and self._belongs(last, begin):
            last.shed += 1
            if begin > (self._answer_s or 0.0):
                last.reset_s = last.recovered_s = None
        else:
            self.count += 1
            low = end if self._answer_s is None else min(self._answer_s, end)
            tripped, half = (low + end) / 2, (end - low) / 2
            self.periods.append(Sighting(tripped, half, self._failure_s, self._failures, self._throttled, 1))
            del self.periods[:-KEPT]
            self._forget()
        self._shed_s = max(begin, self._shed_s)

    def _belongs(self, last: Sighting, begin: float) -> bool:
        """Return whether a shed of a request that began at `begin` is one of the last period."""
        if last.reset_s is None:
            return True
        # A shed that began before the answer that ended the period was sent proves nothing newer than that answer.
        return begin <= (self._answer_s or 0.0) or begin <= last.reset_s + self._gap_s

    def _answered(self, begin: float, end: float, status: int) -> None:
        last = self.periods[-1] if self.periods else None
        # A request that was under way when the breaker opened proves nothing about its state now.
        if last is not None and last.reset_s is None and begin > self._shed_s:
            last.reset_s = (self._shed_s + end) / 2
        if status == 429 or status >= 500:
            self._failure_s = end if self._failure_s is None else self._failure_s
            self._failures += 1
            self._throttled += status == 429
        elif last is not None and last.reset_s is not None and last.recovered_s is None and 200 <= status < 300:
            last.recovered_s = end
        self._answer_s = max(begin, self._answer_s or 0.0)

    def to_message(self) -> list[tuple[float | None, ...]]:
        """Return the periods as JSON values, from which `from_message` restores them."""
        return [astuple(period) for period in self.periods]

    @staticmethod
    def from_message(data: Sequence[Sequence[Any]]) -> list[Sighting]:
        """Return the periods from the data of `to_message`."""
        return [Sighting(*period) for period in data]


def merge(periods: list[Sighting], gap_s: float = 0.0) -> list[Sighting]:
    """Merge the periods of several workers: those that overlap, or are at most `gap_s` apart, become one.

    Units of a gateway trip one after another, so answers of open and closed units alternate: hence the gap.
    """
    merged: list[Sighting] = []
    for period in sorted(periods, key=lambda each: each.tripped_s):
        last = merged[-1] if merged else None
        if last is None or (last.reset_s is not None and period.tripped_s > last.reset_s + gap_s):
            merged.append(period)
        else:
            merged[-1] = _joined(last, period)
    return merged


def _joined(one: Sighting, other: Sighting) -> Sighting:
    still = one.reset_s is None or other.reset_s is None
    reset_s = None if still else max(one.reset_s or 0.0, other.reset_s or 0.0)
    recovered = [at for at in (one.recovered_s, other.recovered_s) if at is not None and reset_s is not None]
    failed = [at for at in (one.failure_s, other.failure_s) if at is not None and at <= one.tripped_s]
    return replace(
        one,
        failure_s=min(failed, default=None),
        failures=one.failures + other.failures,
        throttled=one.throttled + other.throttled,
        shed=one.shed + other.shed,
        reset_s=reset_s,
        recovered_s=min((at for at in recovered if reset_s is not None and at >= reset_s), default=None),
    )
