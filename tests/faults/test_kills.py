"""Each process of a run is killed with SIGKILL: the rows that were flushed are kept, and the exit code says it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.injection import LENGTH_S, VICTIMS, Fault, Outcome, inject

SEED = 20
"""Of the instants; `make soak-faults` tries others."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """One run for each victim, a few at a time."""
    rng, folder = random.Random(SEED), tmp_path_factory.mktemp("kills")
    faults = [Fault(victim, round(rng.uniform(0.2, LENGTH_S / 2), 3)) for victim in VICTIMS]
    with ThreadPoolExecutor(3) as pool:
        return dict(zip(VICTIMS, pool.map(lambda fault: inject(fault, folder / fault.victim), faults), strict=True))


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_killed_process_costs_no_more_than_its_last_second(outcomes: dict[str, Outcome], victim: str) -> None:
    assert outcomes[victim].problems() == []


@pytest.mark.parametrize("victim", VICTIMS)
def test_most_of_the_rows_are_there(outcomes: dict[str, Outcome], victim: str) -> None:
    """So that the tests above are not passed by an empty run."""
    assert outcomes[victim].recorded > 20
