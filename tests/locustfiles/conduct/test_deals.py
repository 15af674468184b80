"""Who shares the arrivals of a phase."""

from __future__ import annotations

import pytest

from locustfiles.conduct.deals import Deals, share_of
from locustfiles.pacing.schedule import Share


def test_the_workers_that_are_present_share_a_phase_as_far_as_there_are_users() -> None:
    deals = Deals(most=2)
    assert [deals.decide(present) for present in ([1, 0], [3, 1, 2], [3])] == [(0, 1), (1, 2), (3,)]
    assert [deals.phases(worker) for worker in range(4)] == [[0], [0, 1], [1], [2]]


def test_a_phase_without_any_worker_goes_to_those_of_the_phase_before() -> None:
    deals = Deals(most=9)
    deals.decide([4, 7])
    assert deals.decide([]) == (4, 7)


def test_a_phase_that_is_not_dealt_out_yet_counts_as_the_last_one_that_is() -> None:
    deals = Deals(most=9)
    assert deals.workers(0) == ()
    deals.decide([4])
    assert (deals.workers(0), deals.workers(5)) == ((4,), (4,))


def test_a_worker_has_its_place_among_those_that_share_a_phase() -> None:
    assert share_of([2, 5, 6], 5) == Share(1, 3)
    with pytest.raises(ValueError, match="not in"):
        share_of([2, 5, 6], 3)
