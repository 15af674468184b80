"""The measures by their definitions, from what a virtual gateway knows: no interval, no doubt, no cleverness."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.virtual import EPOCH_NS, VirtualAnswer, VirtualRun
from tripcurve.lab import Lab
from tripcurve.lab.rule import BreakerRule
from tripcurve.run.record import Row

RESTORED_SHARE = 0.99


@dataclass(frozen=True)
class Span:
    """A true open period of one breaker, or of a group from its first trip to its last reset, s."""

    tripped: float
    reset: float


class Reference:
    """One backend of a virtual run. All times are seconds from the run's start."""

    def __init__(self, lab: Lab, backend: str, run: VirtualRun) -> None:
        rules = {one.name: one.breaker for one in lab.backends}
        rule = rules[backend]
        assert rule is not None
        self.rule: BreakerRule = rule
        self.run, self.backend, self.units = run, backend, lab.units
        self.answers = [answer for answer in run.answers if answer.backend == backend]
        self.failures = [answer for answer in self.answers if rule.counts_status(answer.status)]
        self.sheds = [sample for sample in run.samples if sample.origin == "gateway" and sample.status == 503]
        self.of_request = {sample.start_ns: sample for sample in run.samples}

    def open_of(self, unit: int) -> list[Span]:
        """When a unit's breaker was open, in order; to the end of time where it was not seen to reset."""
        spans: list[Span] = []
        for one in self.run.events:
            if (one.unit, one.backend) == (unit, self.backend):
                if hasattr(one.event, "until"):
                    spans.append(Span(one.event.at, math.inf))
                else:
                    spans[-1] = Span(spans[-1].tripped, one.event.at)
        return spans

    def first_failure(self, tripped: float, since: float) -> float:
        """When the first failure of the window that ended with a trip reached the gateway."""
        begin = max(tripped - self.rule.interval, since)
        return min(one.arrived_s for one in self.failures if begin < one.arrived_s <= tripped)

    def late(self, tripped: float) -> int:
        """Failures that came after a trip to which they can no longer have added: admitted before, or at it."""
        return sum(one.admitted_s <= tripped < one.arrived_s for one in self.failures)

    def first_success_after(self, reset: float) -> float | None:
        """When a client had its first 2xx of a request that was admitted after a reset."""
        good = [one for one in self.answers if one.admitted_s >= reset and 200 <= one.status < 300]
        ends = [end_s(self._sample(one)) for one in good if self._sample(one).status == one.status]
        return min(ends, default=None)

    def _sample(self, answer: VirtualAnswer) -> Row:
        return self.of_request[EPOCH_NS + round(answer.start_s * 1e9)]

    def whole_second_from(self, instant: float, until: float, *, everybody: bool = False) -> int | None:
        """The first full second from an instant on, and over before another, in which 99 % of requests succeeded.

        Of this backend's requests and the refused ones, or of `everybody`'s. The run's last second is not full.
        """
        seconds: dict[int, list[bool]] = {}
        for sample in self.run.samples:
            if everybody or sample.backend in (self.backend, None):
                good = 200 <= sample.status < 300
                seconds.setdefault((sample.start_ns - EPOCH_NS) // 1_000_000_000, []).append(good)
        whole = [second for second, good in seconds.items() if sum(good) >= RESTORED_SHARE * len(good)]
        return min((s for s in whole if instant <= s <= until - 1 and s < max(seconds)), default=None)

    def all_open(self) -> list[float]:
        """Each instant at which the last of all units opened."""
        spans = [span for unit in range(self.units) for span in self.open_of(unit)]
        return [
            span.tripped
            for span in spans
            if all(any(o.tripped <= span.tripped < o.reset for o in self.open_of(unit)) for unit in range(self.units))
        ]


def start_s(sample: Row) -> float:
    return (sample.start_ns - EPOCH_NS) / 1e9


def end_s(sample: Row) -> float:
    return (sample.start_ns - EPOCH_NS + sample.latency_us * 1000) / 1e9
