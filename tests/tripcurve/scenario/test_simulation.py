"""The simulation object."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.scenario.simulation import LARGEST_BYTES, Behaviour, Simulation, SimulationError

SEED = {
    "default": {"response_status_code": 200, "wait_time_ms": 0},
    "openaimock1.azurewebsites.net": {"response_status_code": 429},
}


def test_the_seeds_object_is_read_per_host_with_its_default() -> None:
    simulation = Simulation.parse(json.dumps(SEED))
    named, other = simulation.behaviour("openaimock1.azurewebsites.net"), simulation.behaviour("elsewhere")
    assert named is not None
    assert other is not None
    assert (named.response_status_code, named.wait_time_ms) == (429, None)
    assert (other.response_status_code, other.wait_time_ms) == (200, 0)


def test_a_host_is_found_in_any_case() -> None:
    behaviour = Simulation.parse({"Mock.Example": {"response_status_code": 429}}).behaviour("mOCK.example")
    assert behaviour is not None
    assert behaviour.response_status_code == 429


def test_without_a_default_other_hosts_are_left_alone() -> None:
    assert Simulation.parse({"a": {}}).behaviour("b") is None


def test_the_header_is_compact_and_leaves_out_what_is_absent() -> None:
    simulation = Simulation({"default": Behaviour(response_status_code=429, retry_after_s=2)})
    assert simulation.to_header() == '{"default":{"response_status_code":429,"retry_after_s":2.0}}'
    assert Simulation.parse(simulation.to_header()) == simulation


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("{", "simulation: this is not valid JSON"),
        ("[]", "simulation"),
        ('{"default": 3}', "default"),
        ('{"h": {"response_status_code": "teapot"}}', "h.response_status_code"),
        ('{"h": {"response_status_code": 600}}', "h.response_status_code"),
        ('{"h": {"wait_time_ms": -1}}', "h.wait_time_ms"),
        ('{"h": {"wait_time_ms": NaN}}', "h.wait_time_ms"),
        ('{"h": {"status": 429}}', "h.status"),
        ('{"h": {"drop": "after"}}', "h.drop"),
        (b"\xff", "simulation"),
        ("x" * (LARGEST_BYTES + 1), "at most"),
    ],
)
def test_a_malformed_simulation_says_where(value: str | bytes, where: str) -> None:
    with pytest.raises(SimulationError, match=where):
        Simulation.parse(value)


@given(st.one_of(st.text(), st.binary()))
def test_any_value_is_a_simulation_or_raises_simulation_error(value: str | bytes) -> None:
    try:
        Simulation.parse(value)
    except SimulationError:
        pass
