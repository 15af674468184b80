"""Turns in a pool prove a member open only if it certainly had one."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.trips.touches import touches_of
from tripcurve.lab import Lab

RULE = {"count": 3, "interval": 60, "status_codes": [500], "trip_duration": 4}
MS = 1_000_000


def pool_of(kind: str, weights: list[int]) -> Lab:
    backends = [{"name": f"m{i}", "weight": weight, "breaker": RULE} for i, weight in enumerate(weights)]
    return Lab.model_validate({"name": "pool", "gateway": {"name": "g", "kind": kind}, "backends": backends})


def refusals(lab: Lab, member: str, answered_by: list[str]) -> int:
    """How many requests prove the member open, if these members answered 10 ms apart, each in 5 ms."""
    number = len(answered_by)
    frame = pd.DataFrame(
        {
            "start_ns": [index * 10 * MS for index in range(number)],
            "latency_us": [5000] * number,
            "backend_us": [5000] * number,
            "origin": ["backend"] * number,
            "backend": answered_by,
            "shed": [False] * number,
            "dense": [False] * number,
            "left_out": [0] * number,
        }
    )
    backend = next(each for each in lab.backends if each.name == member)
    return len(touches_of(frame, backend, lab).shed_start)


def turns(weights: list[int], members: list[int], start: int, count: int) -> list[str]:
    """The members asked in `count` turns, if each has its weight in every round and the first turn is any of one."""
    order = [f"m{i}" for i in members for _ in range(weights[i])]
    return [order[(start + index) % len(order)] for index in range(count)]


@given(
    weights=st.lists(st.integers(1, 4), min_size=2, max_size=6),
    out=st.integers(1, 5),
    starts=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    counts=st.tuples(st.integers(0, 40), st.integers(1, 40)),
)
def test_a_member_is_not_proved_open_because_another_one_returns(
    weights: list[int], out: int, starts: tuple[int, int], counts: tuple[int, int]
) -> None:
    """Envoy makes a new order of turns whenever a host is ejected or returns."""
    everybody = list(range(len(weights)))
    others = [i for i in everybody if i != 1 + (out - 1) % (len(weights) - 1)]
    asked = turns(weights, others, starts[0], counts[0]) + turns(weights, everybody, starts[1], counts[1])
    assert refusals(pool_of("envoy", weights), "m0", asked) == 0


def test_an_order_that_starts_anew_would_prove_it_open_within_one_round() -> None:
    weights, asked = [1, 4], ["m0", *["m1"] * 4, *["m1"] * 4, "m0"]
    assert refusals(pool_of("apim", weights), "m0", asked) > 0
    assert refusals(pool_of("envoy", weights), "m0", asked) == 0


@pytest.mark.parametrize(("kind", "rounds"), [("apim", 1), ("envoy", 2)])
def test_a_member_that_gets_no_turn_is_proved_open(kind: str, rounds: int) -> None:
    due = 2 * rounds
    lab = pool_of(kind, [1, 1])
    assert refusals(lab, "m0", ["m0"] + ["m1"] * due) == 0
    assert refusals(lab, "m0", ["m0"] + ["m1"] * (due + 1)) == 1


def test_a_member_that_is_drawn_is_never_proved_open_by_turns() -> None:
    assert refusals(pool_of("litellm", [1, 1]), "m0", ["m1"] * 100) == 0
