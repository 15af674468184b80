"""One fault of most kinds in a whole run: flushed rows are kept, and exit code and verdict say what happened."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.injection import KINDS, LENGTH_S, Fault, Outcome, inject

SEED = 20
"""Of the instants; `make soak-faults` tries others."""
DETAILS = {"slow disk": "0.4", "clock step": "-3600"}
TRIED = [kind for kind in KINDS if kind not in ("target hangs", "target resets", "target lies")]
"""The kinds without those that test_targets.py tries; `make soak-faults` tries all."""
NO_FULL_DISK = [pytest.param(kind, marks=pytest.mark.no_coverage) if kind == "full disk" else kind for kind in TRIED]
"""Those kinds, without a full disk while coverage is measured."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """One run for each kind, a few at a time."""
    rng, folder = random.Random(SEED), tmp_path_factory.mktemp("faults")
    faults = [Fault(kind, round(rng.uniform(0.2, LENGTH_S / 2), 3), DETAILS.get(kind, "")) for kind in TRIED]
    with ThreadPoolExecutor(5) as pool:
        return dict(zip(TRIED, pool.map(lambda fault: inject(fault, folder / fault.kind), faults), strict=True))


@pytest.mark.parametrize("kind", NO_FULL_DISK)
def test_every_promise_is_kept(outcomes: dict[str, Outcome], kind: str) -> None:
    assert outcomes[kind].problems() == []


@pytest.mark.parametrize("kind", TRIED)
def test_most_of_the_rows_are_there(outcomes: dict[str, Outcome], kind: str) -> None:
    """So that the test above is not passed by an empty run."""
    assert outcomes[kind].recorded > 20


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("full disk", "cannot record requests: File too large; the {0.recorded:,} recorded before are safe. Make room"),
        ("read-only folder", "the run could not be completed: Permission denied; the requests recorded in it are safe"),
        ("generator", "the load generator was killed (SIGKILL): the requests recorded until then are in run"),
        ("mock", "a process of the local cloud ended during the run: mock (pid"),
        ("target refuses", "the target stopped answering"),
    ],
)
def test_the_message_says_what_happened(outcomes: dict[str, Outcome], kind: str, text: str) -> None:
    assert text.format(outcomes[kind]) in outcomes[kind].messages


def test_a_step_of_the_clock_moves_no_row(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["clock step"].span_s < 10


def test_the_lateness_of_a_slow_disk_is_recorded(outcomes: dict[str, Outcome]) -> None:
    pacing = outcomes["slow disk"].info.pacing
    assert pacing is not None
    assert pacing.late_p99_ms is not None
    assert pacing.late_p99_ms > 200


def test_the_record_says_that_a_full_disk_ended_the_run(outcomes: dict[str, Outcome]) -> None:
    ended = outcomes["full disk"].info.ended
    assert ended is not None
    assert ended.kind == "not recorded"
