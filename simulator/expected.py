"""Mean times to trip in closed form, for a count of failures in a sliding window and evenly spaced requests.

Requests fail independently with the same probability, so the number of requests until the `k`-th failure has a negative
binomial distribution. That failure is the trip if the window is long enough to contain all `k`. For a count of 2 the
window is taken into account exactly. For larger counts there is no closed form if the window matters.
"""

from __future__ import annotations

import math

from tripcurve.lab.rule import BreakerRule

__all__ = ["expected_trip_s", "threshold_share"]

_NEGLIGIBLE = 0.01
"""The window is treated as infinite if it misses one of the earlier failures with at most this probability."""


def threshold_share(rule: BreakerRule, rate: float) -> float:
    """Return the failure share at which an interval has the rule's `count` of failures on average, or its percentage.

    `rate`: requests per second. A result above 1 means that the rule cannot trip at this rate.
    """
    return rule.percentage / 100 if rule.percentage is not None else (rule.count or 1) / (rate * rule.interval)


def expected_trip_s(rule: BreakerRule, rate: float, share: float) -> float | None:
    """Return the mean seconds from the first request to the trip, or None if there is no closed form."""
    if rule.count is None:
        return None
    count, within = rule.count, math.ceil(rule.interval * rate) - 1
    if count == 2 and within > 0:
        return (1 / share + 1 / (share * _chance_within(share, within)) - 1) / rate
    if count > 1 and _chance_fewer(count - 1, share, within) > _NEGLIGIBLE:
        return None
    return (count / share - 1) / rate


def _chance_within(share: float, requests: int) -> float:
    """Return the probability that at least one of `requests` fails."""
    return 1.0 if share == 1 else -math.expm1(requests * math.log1p(-share))


def _chance_fewer(failures: int, share: float, requests: int) -> float:
    """Return the probability that fewer than `failures` of `requests` fail (a binomial tail)."""
    if share == 1:
        return 0.0 if requests >= failures else 1.0
    total = 0.0
    for found in range(min(failures, requests + 1)):
        log = math.lgamma(requests + 1) - math.lgamma(found + 1) - math.lgamma(requests - found + 1)
        total += math.exp(log + found * math.log(share) + (requests - found) * math.log1p(-share))
    return min(total, 1.0)
