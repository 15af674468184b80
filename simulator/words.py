"""Random numbers as pure functions of a seed, a stream and an index.

The methods of simulation may draw the numbers of requests in any order and get the same ones, so two methods can be
compared exactly. The function is SplitMix64: word `i` of a stream is the mixed value of `key + i * golden ratio`.
"""

from __future__ import annotations

from functools import cache, lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["QUANTILES", "Floats", "Words", "alike", "key_of", "normal_quantiles", "quarters", "uniform", "words"]

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]
Numbers = NDArray[Any]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
QUANTILES = 1 << 16
"""The number of values of a quarter of a word, and so the number of quantiles of an answer time."""


@lru_cache(maxsize=65_536)
def key_of(seed: int, *stream: int) -> np.uint64:
    """Return the key of a stream of words. Different numbers give unrelated streams."""
    return np.uint64(np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)[0])


def words(key: np.uint64, ids: NDArray[np.int64] | Words) -> Words:
    """Return one word of 64 random bits for each id, in the shape of `ids`."""
    mixed = ids.astype(np.uint64)
    shifted = np.empty_like(mixed)
    mixed *= _GOLDEN
    mixed += key
    for shift, factor in ((30, _FIRST), (27, _SECOND), (31, None)):
        np.right_shift(mixed, np.uint64(shift), out=shifted)
        np.bitwise_xor(mixed, shifted, out=mixed)
        if factor is not None:
            mixed *= factor
    return mixed


def alike(value: float, kind: str, size: int) -> Numbers:
    """Return an array that holds the same value everywhere. Its stride is 0: it takes no memory and no time."""
    return _endless(value, kind)[:size]


@lru_cache(maxsize=4096)
def _endless(value: float, kind: str) -> Numbers:
    return np.broadcast_to(np.array(value, kind), 1 << 40)


def uniform(drawn: Words) -> Floats:
    """Convert words into numbers between 0 and 1, both excluded, in the same shape."""
    return ((drawn >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def quarters(drawn: Words) -> NDArray[np.uint16]:
    """Return the four parts of 16 bits of each word, shape (n, 4)."""
    return drawn.view(np.uint16).reshape(-1, 4)


@cache
def normal_quantiles() -> Floats:
    """Return quantiles of the standard normal distribution, one for each value of a quarter, shape (QUANTILES,)."""
    normal = NormalDist()
    half = np.array([normal.inv_cdf((i + 0.5) / QUANTILES) for i in range(QUANTILES // 2)])
    return np.concatenate([half, -half[::-1]])
