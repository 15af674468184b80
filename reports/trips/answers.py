"""The answers that clients got from one backend, and which of them the breaker's rule counts as failures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from reports.trips.instants import Instants
from tripcurve.lab.rule import BreakerRule

__all__ = ["LOST_FOR_S", "Answers", "Mask", "counted_statuses", "failed_answers"]

Mask = npt.NDArray[np.bool_]
LATE_HEADER_NS = 30_000
"""How much too long the gateway reports its wait for a backend, on average, ns: over 77 live trips."""
LOST_FOR_S = 60
"""A backend may still answer a request, and fail, up to this long after its client gave up."""


@dataclass(frozen=True)
class Answers:
    """Every request that one breaker could refuse, as arrays of shape (n,) in start order.

    `start` and `end` are unix ns; `status` is 0 if no response came. `shed`: the gateway refused the request because a
    breaker was open. `by_backend`: the backend itself answered. `retry_after_s`: NaN if the answer has none. `waited`:
    ns that the gateway waited for the backend, 0 if not reported. `whole`: the response is complete. `alike`: how many
    requests of the traffic the row represents, 0 for a dense probe. `unseen`: if rows were left out after it, the
    longest time in ns from the start of one of them until the next was admitted, else 0. `in_doubt`: the answer may be
    the gateway's own instead. `slack`: by how much each reported wait may be too long, ns. `network`: the latency of
    the fastest shed, which is the least time that a request and its response were on their way, ns.
    """

    start: Instants
    end: Instants
    status: npt.NDArray[np.int16]
    shed: Mask
    by_backend: Mask
    retry_after_s: npt.NDArray[np.float32]
    waited: Instants
    whole: Mask
    alike: Instants
    unseen: Instants
    in_doubt: Mask
    slack: Instants
    network: int

    @property
    def arrived_from(self) -> Instants:
        """The earliest instant at which each answer can have reached the gateway, unix ns."""
        earliest: Instants = self.start + np.maximum(self.waited - self.slack, 0)
        return earliest

    @property
    def arrived_on_average(self) -> Instants:
        """The instant at which each answer reached the gateway on average, unix ns.

        Half of the time on the way was spent before, as far as that time is no longer than usual: an answer that took
        longer was delayed after the gateway had it, as in 24 of 27 live runs on a busy machine. The gateway reports its
        wait LATE_HEADER_NS too long on average.
        """
        reported = self.waited > 0
        on_way = self.end - self.start - self.waited
        usual = int(np.median(on_way[reported])) if reported.any() else 0
        there = np.minimum(on_way, usual) // 2 - LATE_HEADER_NS
        average: Instants = np.where(reported, self.start + self.waited + there, self.end - self.network // 2)
        return average

    @cached_property
    def traffic(self) -> Mask:
        """Which requests are of the traffic, and not dense probes."""
        return self.alike > 0

    @cached_property
    def good(self) -> Mask:
        """Which requests got a complete 2xx."""
        return (self.status >= 200) & (self.status < 300) & self.whole


def failed_answers(answers: Answers, rule: BreakerRule | None) -> Mask:
    """Return which answers of the backend the rule counts as failures, shape (n,). `rule`: see `counted_statuses`."""
    return counted_statuses(answers.status, rule) & answers.by_backend


def counted_statuses(status: npt.NDArray[np.int16], rule: BreakerRule | None) -> Mask:
    """Return which statuses the rule counts: 429 and 5xx if `rule` is None or names no status."""
    ranges = rule.status_codes if rule is not None and rule.status_codes else ((429, 429), (500, 599))
    counted = np.zeros(len(status), dtype=bool)
    for low, high in ranges:
        counted |= (status >= low) & (status <= high)
    return counted
