"""A unit's choice of backends, and its answer while they are open."""

from __future__ import annotations

import pytest

from simulator.service import Answer
from simulator.unit import Unit
from tests.tripcurve.breaker.breakers import lab_of
from tripcurve.breaker import Outcome, Ticket
from tripcurve.gateways import profile_of


def unit_of(kind: str, index: int = 0, seed: int = 0) -> Unit:
    lab = lab_of(kind)
    return Unit(lab, profile_of(lab), index, seed)


def failed(unit: Unit, name: str, at: float) -> None:
    for _ in range(3):
        unit.breakers[name].record(Ticket(None), at, Outcome(429))


@pytest.mark.parametrize(
    ("kind", "status", "wait_s"), [("apim", 503, 2.0), ("envoy", 503, None), ("litellm", 429, None)]
)
def test_each_gateway_sheds_in_its_own_way(kind: str, status: int, wait_s: float | None) -> None:
    unit = unit_of(kind)
    for name in ("m1", "m2"):
        failed(unit, name, 1.0)
    assert unit.choose(1.5) is None
    assert unit.shed(1.5) == Answer(status, "gateway", retry_after_s=wait_s)


@pytest.mark.parametrize("kind", ["apim", "envoy", "litellm"])
def test_an_open_member_gets_no_request(kind: str) -> None:
    unit = unit_of(kind)
    failed(unit, "m1", 1.0)
    assert {unit.choose(1.5) for _ in range(20)} == {"m2"}


def test_members_are_asked_in_turns_or_at_random() -> None:
    unit = unit_of("envoy")
    assert [unit.choose(0.0) for _ in range(4)] == ["m1", "m2", "m1", "m2"]
    unit = unit_of("litellm")
    chosen = [unit.choose(0.0) for _ in range(40)]
    assert {"m1", "m2"} == set(chosen)
    assert chosen != ["m1", "m2"] * 20


def test_units_sweep_at_instants_of_their_own_that_the_seed_decides() -> None:
    def returns(index: int, seed: int) -> float | None:
        unit = unit_of("envoy", index, seed)
        failed(unit, "m1", 1.0)
        return unit.breakers["m1"].open_until

    assert returns(0, 1) == returns(0, 1)
    assert len({returns(0, 1), returns(1, 1), returns(0, 2)}) == 3
