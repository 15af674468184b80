"""By how much a gateway may report its wait for a backend too long.

The policy stops the clock of the wait after the breaker has recorded the answer, so a delay of the gateway between the
two is part of the wait.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reports.statistics.latencies import Latencies
from reports.trips.instants import Instants

__all__ = ["longest_delay_ns", "wait_slack_ns"]

ALWAYS_NS = 200_000
"""The part of the delay that every answer may have, ns: three times the largest of 77 live trips, 0.06 ms."""
LEAST_NS = 500_000
"""The least value of the longest delay, ns."""
RARE = 0.01
"""The probability with which a backend's shortest possible wait may be less than it is taken to be."""


def longest_delay_ns(sheds: Latencies) -> int:
    """Return the longest delay of the gateway between recording an answer and stopping the clock, ns.

    The gateway's own answers show how long it can be: 99 of 100 took longer than the fastest by less.
    """
    if not len(sheds):
        return LEAST_NS
    fastest, slow = sheds.quantile([0.0, 0.99])
    return max(int(slow - fastest) * 1000, LEAST_NS)


def wait_slack_ns(waited: Instants, status: npt.NDArray[np.int16], longest: int) -> Instants:
    """Return by how much each reported wait may be too long, ns, in the shape of `waited`.

    `waited`: ns, 0 if not reported. `status`: that of each answer. `longest`: the longest delay, which limits all.

    A wait cannot be too long by more than it is longer than the shortest that the backend can have taken. Answers of
    one status are compared, as if their waits were longer than the shortest possible by exponential times. Then the
    fastest of n is longer than that by at most `mean * (RARE ** (-1 / (n - 1)) - 1)`, but for a probability of RARE,
    where `mean` is how much longer than the fastest the n are on average.
    """
    slack = np.full(len(waited), longest, dtype=np.int64)
    for each in np.unique(status[waited > 0]):
        chosen = np.flatnonzero((status == each) & (waited > 0))
        if len(chosen) == 1:
            continue
        above = waited[chosen] - waited[chosen].min()
        below = float(above.mean()) * (RARE ** (-1 / (len(chosen) - 1)) - 1)
        slack[chosen] = np.minimum(above + int(below) + ALWAYS_NS, longest)
    return slack
