"""The soak's measure of memory tells growth with every request from what only looks like it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.benchmarks.soak import growth_once_warm

SAMPLES, REQUESTS = 300, 2_500_000
SWAY = random.Random(1)


def run(shape: Callable[[float], float], samples: int = SAMPLES) -> list[tuple[int, float]]:
    """Resident memory by a shape of the run's time (0 to 1), with what it sways by."""
    return [
        (REQUESTS * index // samples, 73 + shape(index / samples) + SWAY.uniform(-0.1, 0.1)) for index in range(samples)
    ]


@pytest.mark.parametrize(
    ("shape", "flat"),
    [
        (lambda time: 0.0, True),
        (lambda time: 10 * min(1.0, time * 5), True),
        (lambda time: 8.0 if SWAY.random() < 0.1 else 0.0, True),
        (lambda time: 2.7 if time > 0.9 else 0.0, True),
        (lambda time: 15 * time, False),
        (lambda time: 6 * max(0.0, time - 0.5), False),
    ],
    ids=["flat", "warming up", "peaks", "one step", "a leak", "a late leak"],
)
def test_growth_is_told_from_warming_up_and_from_peaks(shape: Callable[[float], float], flat: bool) -> None:
    growth = growth_once_warm(run(shape))
    assert growth is not None
    assert growth.flat is flat


def test_a_run_too_short_says_nothing() -> None:
    assert growth_once_warm(run(lambda time: 0.0, samples=12)) is None
