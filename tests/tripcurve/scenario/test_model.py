"""Scenarios: phases, their loads and faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tripcurve.documents import read_document
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import Phase, Scenario, load_scenario, simulation_of
from tripcurve.scenario.arrivals import arrival_times
from tripcurve.shipped import shipped_folder

RULE = {"count": 3, "interval": 300, "status_codes": [429], "trip_duration": 60}
LAB = Lab.model_validate(
    {"name": "l", "gateway": {"name": "g"}, "backends": [{"name": "m1", "breaker": RULE}, {"name": "m2"}]}
)


def phase(**changes: Any) -> dict[str, Any]:
    return {"name": "p", "for": "PT10S", "rate": 40} | changes


def scenario(*phases: dict[str, Any], **changes: Any) -> Scenario:
    return Scenario.model_validate({"name": "s", "phases": list(phases or [phase()])} | changes)


@pytest.mark.parametrize("path", sorted(shipped_folder("locustfiles/scenarios").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_built_in_scenario_is_valid_and_says_what_it_shows(path: Path) -> None:
    assert len(read_document(path, Scenario, "scenario").description) > 20


def test_phases_are_scaled_to_the_labs_longest_trip() -> None:
    scaled = scenario(phase(), phase(name="q", **{"for": 2}), trip_duration="PT4S").resolved(LAB)
    assert [p.duration_s for p in scaled.phases] == [150.0, 30.0]
    assert scaled.duration_s == 180.0
    assert scaled.phases[0].rate == 40, "scaling is of time, not of load"


def test_phases_written_for_an_interval_are_scaled_to_the_labs_longest_one() -> None:
    scaled = scenario(phase(), interval="PT20S").resolved(LAB)
    assert (scaled.duration_s, scaled.interval) == (150.0, 300.0)


@pytest.mark.parametrize("written", [{"trip_duration": "PT4S"}, {"interval": "PT20S"}])
def test_a_resolved_scenario_resolves_to_itself(written: dict[str, Any]) -> None:
    once = scenario(phase(rate=None, requests=7), **written).resolved(LAB)
    assert once.resolved(LAB) == once


@given(requests=st.integers(1, 5000), duration=st.floats(0.001, 1e5), interval=st.floats(0.01, 1e5))
def test_a_number_of_requests_is_sent_however_long_the_phase_becomes(
    requests: int, duration: float, interval: float
) -> None:
    written = scenario(phase(rate=None, requests=requests, **{"for": duration}), interval=interval)
    one = written.model_copy(update={"phases": (written.phases[0].fitted(300 / interval, None),)}).phases[0]
    due = list(arrival_times(one))
    assert len(due) == requests
    assert due[0] == 0
    assert due[-1] < one.duration_s


def test_a_number_of_requests_may_go_by_the_rules_count() -> None:
    resolved = scenario(phase(rate=None, requests={"below_count": 1})).resolved(LAB)
    assert len(list(arrival_times(resolved.phases[0]))) == 2


@pytest.mark.parametrize(
    ("rule", "said"),
    [({"count": 1}, "leaves no request of a count of 1"), ({"percentage": 50}, "needs a rule with a count")],
)
def test_a_number_of_requests_that_the_rule_reduces_to_none_is_refused(rule: dict[str, Any], said: str) -> None:
    backend = {"name": "m1", "breaker": {**RULE, "count": None, **rule}}
    lab = Lab.model_validate({"name": "l", "gateway": {"name": "g"}, "backends": [backend]})
    with pytest.raises(BadInput, match=rf"phases\[0\].requests: lab l: below_count.*{said}"):
        scenario(phase(rate=None, requests={"below_count": 1})).resolved(lab)


def test_without_a_trip_duration_nothing_is_scaled() -> None:
    assert scenario().resolved(LAB).duration_s == 10.0


@pytest.mark.parametrize(
    ("elapsed", "found"), [(-0.1, None), (0.0, (0, 0.0)), (9.999, (0, 9.999)), (10.0, (1, 0.0)), (20.0, None)]
)
def test_a_phase_begins_at_its_start_and_ends_before_its_end(elapsed: float, found: tuple[int, float] | None) -> None:
    assert scenario(phase(), phase(name="q")).phase_at(elapsed) == found


@pytest.mark.parametrize(("elapsed", "rate"), [(0.0, 10.0), (5.0, 15.0), (10.0, 20.0), (99.0, 20.0)])
def test_a_ramp_moves_in_a_straight_line(elapsed: float, rate: float) -> None:
    assert Phase.model_validate(phase(rate={"from": 10, "to": 20})).rate_at(elapsed) == rate


def test_a_closed_loop_phase_has_users_and_no_rate() -> None:
    closed = Phase.model_validate(phase(rate=None, users={"from": 0, "to": 10}))
    assert (closed.rate_at(5.0), closed.users_at(5.0)) == (None, 5)


def test_the_simulation_is_keyed_by_host() -> None:
    faulty = scenario(phase(simulate={"m1": {"status": 429, "retry_after_s": 2}, "default": {"wait_ms": 5}})).phases[0]
    simulation = simulation_of(faulty, LAB)
    assert simulation is not None
    assert set(simulation.root) == {"m1.azurewebsites.net", "default"}
    assert simulation.root["m1.azurewebsites.net"].response_status_code == 429
    assert simulation.root["default"].wait_time_ms == 5


def test_a_phase_without_faults_has_no_simulation() -> None:
    assert simulation_of(scenario().phases[0], LAB) is None


def test_an_unknown_backend_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"phases\[0\].simulate.m22: lab l has no such backend; did you mean 'm2'\? "):
        scenario(phase(simulate={"m22": {"status": 429}})).resolved(LAB)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phases": [phase(rate=None)]}, "exactly one of rate"),
        ({"phases": [phase(users=3)]}, "exactly one of rate"),
        ({"phases": [phase(rate=0)]}, "rate: must be more than 0"),
        ({"phases": [phase(rate={"from": 0, "to": 0})]}, "a ramp from 0 to 0 sends nothing"),
        ({"phases": [phase(**{"for": 0})]}, "greater than 0"),
        ({"phases": [phase(**{"for": "soon"})]}, "PT5M"),
        ({"phases": [phase(), phase()]}, "two have the name 'p'"),
        ({"phases": []}, "at least 1"),
        ({"phases": [phase(simulate={"m1": {"status": 42}})]}, "greater than or equal to 200"),
        ({"phases": [phase(simulate={"m1": {"share": 0}})]}, "greater than 0"),
        ({"phases": [phase(simulate={"m1": {"colour": 1}})]}, "Extra inputs"),
        ({"users": {"ProbeUser": 1}}, "a phase with a rate needs users"),
        ({"checks": ["time_to_trip_s.max"]}, "cannot be parsed at its end"),
    ],
)
def test_a_bad_scenario_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        scenario(**changes)


def test_a_bad_file_is_named_with_its_field(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "s", "phases": [phase(rat=1)]}))
    with pytest.raises(BadInput, match=r"mine.yaml: phases\[0\].rat: unknown key"):
        load_scenario(path, LAB)


def test_a_missing_scenario_lists_the_built_in_ones() -> None:
    with pytest.raises(BadInput, match=r"scenario 'nosuch' not found: .*trip-and-recover"):
        load_scenario("nosuch", LAB)
