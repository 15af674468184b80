"""What clients got of one backend, and which of it the breaker's rule counts as a failure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.trips.instants import Instants
from tripcurve.lab.rule import BreakerRule

__all__ = ["LOST_FOR_S", "Answers", "Mask", "counted_statuses", "failed_answers"]

Mask = npt.NDArray[np.bool_]
LOST_FOR_S = 60
"""The backend may answer a request, and fail, up to this long after its client gave up."""


@dataclass(frozen=True)
class Answers:
    """Every request that one breaker could refuse, as arrays in start order.

    `start` and `end` are unix ns; `status` is 0 where no response came. `shed`: the gateway refused it
    as a breaker was open. `by_backend`: the backend itself answered.
    `waited`: ns that the gateway waited for the backend, 0 where it does not report this. `whole`: the response did not
    break off. `alike`: how many requests each row represents. `unseen`: where that is more than one, the longest time
    in ns from the start of one of them until the next was admitted. `in_doubt`: it may as well be the
    gateway's own. `slack`: how much too long, in ns, the gateway may
    report its wait.
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
    slack: int

    @property
    def arrived_from(self) -> Instants:
        """When each answer can have reached the gateway at the earliest, unix ns."""
        return self.start + np.maximum(self.waited - self.slack, 0)

    @property
    def good(self) -> Mask:
        """Which requests got a whole 2xx."""
        return (self.status >= 200) & (self.status < 300) & self.whole


def failed_answers(answers: Answers, rule: BreakerRule | None) -> Mask:
    """Which answers came from the backend and are counted by the rule."""
    return counted_statuses(answers.status, rule) & answers.by_backend


def counted_statuses(status: npt.NDArray[np.int16], rule: BreakerRule | None) -> Mask:
    """Which statuses the rule counts; 429 and 5xx where the rule is not known."""
    ranges = rule.status_codes if rule is not None and rule.status_codes else ((429, 429), (500, 599))
    counted = np.zeros(len(status), dtype=bool)
    for low, high in ranges:
        counted |= (status >= low) & (status <= high)
    return counted
