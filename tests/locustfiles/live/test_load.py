"""The load of several processes."""

from __future__ import annotations

from locustfiles.live.load import Load


def test_the_load_of_workers_is_their_sum_and_the_latest_lateness() -> None:
    assert Load.of_all([Load(10, 9, 1, 0.2), Load(20, 20, 0, None), Load(5, 5, 0, 0.7)]) == Load(35, 34, 1, 0.7)
    assert Load.of_all([]) == Load(0, 0, 0, None)


def test_a_load_travels_as_plain_numbers() -> None:
    load = Load(10, 9, 1, 0.2)
    assert Load._make([*load]) == load
