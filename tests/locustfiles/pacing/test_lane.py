"""Arrivals that nobody takes are dropped, and it is known when they were due."""

from __future__ import annotations

from time import monotonic_ns

import tests.locustfiles.unpatched  # noqa: F401  # before any test imports Locust
from locustfiles.pacing.lane import Lane


def test_each_dropped_arrival_is_reported_with_its_due_time() -> None:
    now = monotonic_ns()
    due, dropped = [now - 9_000_000_000, now - 8_000_000_000, now - 1_000_000_000], list[int]()
    lane = Lane(iter(due), patience_s=5, on_drop=dropped.append)
    lane._hand_out()
    assert lane.take() == due[2]  # the others waited longer than a user may be late
    assert (dropped, lane.intended, lane.sent, lane.dropped) == (due[:2], 3, 1, 2)
    lane.close()


def test_arrivals_that_wait_at_the_end_are_dropped() -> None:
    due, dropped = [monotonic_ns() - 1000, monotonic_ns() - 500], list[int]()
    lane = Lane(iter(due), patience_s=5, on_drop=dropped.append)
    lane._hand_out()
    lane.close()
    assert (dropped, lane.dropped, lane.empty) == (due, 2, True)


def test_arrivals_can_be_added_part_by_part_until_the_end() -> None:
    now = monotonic_ns()
    lane = Lane(iter(()), patience_s=5)
    lane.append(iter(()))
    lane.append(iter([now - 9, now - 8]))
    lane.append(iter(()))
    lane.append(iter([now - 7]))
    lane._hand_out()
    assert lane.intended == 3
    lane.append(iter([now - 6]))
    lane._hand_out()
    assert [lane.take() for _ in range(4)] == [now - 9, now - 8, now - 7, now - 6]
    lane.close()
    lane.append(iter([now - 5]))
    lane._hand_out()
    assert (lane.intended, lane.sent) == (4, 4)
