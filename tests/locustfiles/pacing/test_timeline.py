"""Phases on the clock, and how many users each moment wants."""

from __future__ import annotations

import pytest

from locustfiles.pacing.timeline import Timeline, user_count
from tripcurve.scenario import Scenario

SCENARIO = Scenario.model_validate(
    {
        "name": "s",
        "users": {"ChatUser": 8, "ProbeUser": 2},
        "phases": [
            {"name": "a", "for": 0.1, "rate": 1},
            {"name": "b", "for": 0.2, "users": 3},
            {"name": "c", "for": 10, "users": {"from": 0, "to": 20}},
        ],
    }
)
START = 1_000_000_000_007


@pytest.mark.parametrize(
    ("after_ns", "name"),
    [(-5, "a"), (0, "a"), (99_999_999, "a"), (100_000_000, "b"), (299_999_999, "b"), (300_000_000, "c"), (10**12, "c")],
)
def test_a_phase_begins_at_its_instant_and_ends_before_the_next(after_ns: int, name: str) -> None:
    assert Timeline(SCENARIO, START).at(START + after_ns).phase.name == name


def test_the_end_is_the_sum_of_the_phases() -> None:
    assert Timeline(SCENARIO, START).end_ns == START + 10_300_000_000


@pytest.mark.parametrize(
    ("phase", "into_s", "users"), [(0, 0.0, 10), (1, 0.1, 5), (2, 0.0, 2), (2, 5.0, 12), (2, 10.0, 22)]
)
def test_user_count_is_all_users_in_open_loop_and_those_of_the_phase_plus_probes_in_closed_loop(
    phase: int, into_s: float, users: int
) -> None:
    assert user_count(SCENARIO, SCENARIO.phases[phase], into_s) == users
