"""The interval of a Poisson rate, and the Kolmogorov-Smirnov test."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["gamma_cdf", "gamma_cdf_of_bins", "kolmogorov_p", "largest_distance", "poisson_interval"]

Floats = npt.NDArray[np.float64]

MOST_EXACT = 1000
"""Above this count the interval of a Poisson mean is approximated, with an error below 0.01 % of the mean."""


def poisson_interval(n: float, level: float) -> tuple[float, float]:
    """Return the exact interval of the mean of a Poisson count `n` [GARWOOD36]: it misses the mean in at most `level`.

    Above MOST_EXACT, and if `n` is not a whole number, it is approximated by Wilson and Hilferty's transformation.
    """
    if n > MOST_EXACT or n != int(n):
        z = NormalDist().inv_cdf(1 - level / 2)
        return _wilson_hilferty(n, -z), _wilson_hilferty(n + 1, z)
    whole = int(n)
    numbers = np.arange(whole + 1)
    log_factorials = np.array([math.lgamma(number + 1) for number in numbers.tolist()])

    def at_most(count: int, mean: float) -> float:
        logs = numbers[: count + 1] * math.log(mean) - mean - log_factorials[: count + 1]
        return float(np.exp(logs).sum())

    most = n + 10 * math.sqrt(n + 1) + 20  # the tail beyond is far below any level in use
    low = _crossing(lambda mean: at_most(whole - 1, mean), 1 - level / 2, most) if n else 0.0
    return low, _crossing(lambda mean: at_most(whole, mean), level / 2, most)


def _wilson_hilferty(shape: float, z: float) -> float:
    """Return the quantile of a gamma distribution of a large shape. `z`: the normal quantile of the same share."""
    root = 1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))
    return shape * float(max(root, 0.0) ** 3)


def _crossing(falling: Callable[[float], float], level: float, most: float) -> float:
    """Return where a function that falls from 1 at 0 reaches a level, by bisection between 0 and `most`."""
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > level else (low, middle)
    return high


def gamma_cdf_of_bins(shape: float, bins: int) -> Floats:
    """Return the share of a gamma distribution with mean 1 below the end of each bin, shape (bins,).

    The bins are equally likely for the exponential distribution with mean 1, which is the one of shape 1.
    """
    ends = np.arange(1, bins + 1) / bins
    if shape == 1:
        return ends
    with np.errstate(divide="ignore"):
        return gamma_cdf(shape, -np.log1p(-ends))


def gamma_cdf(shape: float, x: Floats) -> Floats:
    """Return the share of a gamma distribution with mean 1 below each `x`, in the shape of `x`, by its power series."""
    scaled = np.minimum(shape * x, shape + 12 * math.sqrt(shape) + 60)  # beyond, nothing is left
    with np.errstate(divide="ignore"):
        first = np.exp(shape * np.log(scaled) - scaled - math.lgamma(shape + 1))
    term, total, n = np.ones_like(scaled), np.ones_like(scaled), 0
    while bool(np.any(term > 1e-16 * total)):
        n += 1
        term = term * scaled / (shape + n)
        total = total + term
    return np.asarray(np.minimum(first * total, 1.0))


def largest_distance(counts: npt.NDArray[np.int64], expected: Floats) -> float:
    """Return the largest distance between an observed distribution and an expected one, at the ends of bins.

    `counts`: observations in each bin, at least one in all. `expected`: the expected share below the end of each bin.
    Both have the shape (bins,).
    """
    observed = np.cumsum(counts) / counts.sum()
    return float(np.abs(observed - expected).max())


def kolmogorov_p(distance: float, n: int) -> float:
    """Return the probability that `n` observations of the assumed distribution are at least so far from it.

    The limiting distribution with a correction for `n` [STEPHENS70], good to about 0.002 from 20 observations on.
    """
    scaled = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    if scaled < 0.2:
        return 1.0  # the series below converges slowly there, and its value is above 0.9999999
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(max(math.fsum(terms), 0.0), 1.0)
