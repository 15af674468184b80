"""The breakers that each kind of gateway runs for the same rule."""

from __future__ import annotations

import pytest

from tests.tripcurve.breaker.breakers import FAILURE, lab_of
from tripcurve.breaker import Breaker, Closed, Opened, Outcome, Ticket
from tripcurve.breaker.consecutive import Consecutive
from tripcurve.breaker.cooldown import Cooldown
from tripcurve.breaker.machine import Machine
from tripcurve.breaker.machines import machines_of
from tripcurve.gateways.envoy import SWEEP_S
from tripcurve.lab.gateway import KINDS

TICKET = Ticket(None)


def events(machine: Machine, *answers: tuple[float, Outcome]) -> list[Opened | Closed]:
    return [event for at, outcome in answers for event in machine.record(TICKET, at, outcome)]


@pytest.mark.parametrize(
    ("kind", "machine"), [("apim", Breaker), ("envoy", Consecutive), ("litellm", Cooldown), ("generic", Breaker)]
)
def test_each_backend_has_the_breaker_of_its_gateway(kind: str, machine: type[Machine]) -> None:
    made = machines_of(lab_of(kind))
    assert {name: type(one) for name, one in made.items()} == {"m1": machine, "m2": machine}


def test_every_kind_of_gateway_has_a_model() -> None:
    assert {kind: len(machines_of(lab_of(kind))) for kind in KINDS} == {
        "apim": 2, "envoy": 2, "litellm": 2, "portkey": 0, "generic": 2,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["apim", "envoy", "litellm", "generic"])
def test_the_same_failures_open_it_at_the_same_instant(kind: str) -> None:
    (opened,) = events(machines_of(lab_of(kind))["m1"], (0.5, FAILURE), (1.0, FAILURE), (1.5, FAILURE))
    assert isinstance(opened, Opened)
    assert (opened.at, opened.trip_duration_s, opened.failures) == (1.5, 2.0, 3)


@pytest.mark.parametrize(("kind", "opens"), [("apim", True), ("envoy", False), ("litellm", True), ("generic", True)])
def test_a_success_between_failures_matters_to_envoy_only(kind: str, opens: bool) -> None:
    machine = machines_of(lab_of(kind))["m1"]
    answers = [(0.5, FAILURE), (1.0, FAILURE), (1.2, Outcome(200)), (1.5, FAILURE)]
    assert bool(events(machine, *answers)) == opens


@pytest.mark.parametrize(("kind", "opens"), [("apim", True), ("envoy", True), ("litellm", False)])
def test_litellm_counts_no_longer_than_its_cooldown(kind: str, opens: bool) -> None:
    machine = machines_of(lab_of(kind))["m1"]
    assert bool(events(machine, (0.5, FAILURE), (1.0, FAILURE), (2.5, FAILURE))) == opens


def test_an_envoy_host_returns_at_a_sweep() -> None:
    machine = machines_of(lab_of("envoy"), sweep_phase=0.5)["m1"]
    (opened,) = events(machine, (1.0, FAILURE), (1.0, FAILURE), (1.0, FAILURE))
    assert isinstance(opened, Opened)
    assert opened.until == pytest.approx(3.0 + SWEEP_S / 2), "the first sweep is at half an interval"


def test_all_hosts_of_an_envoy_cluster_may_be_ejected() -> None:
    made = machines_of(lab_of("envoy"))
    failures = [(1.0, FAILURE)] * 3
    assert [len(events(machine, *failures)) for machine in made.values()] == [1, 1]


def test_a_deployment_that_is_alone_in_its_group_has_no_breaker_at_litellm() -> None:
    assert machines_of(lab_of("litellm", backends=1)) == {}


def test_a_generic_gateway_judges_half_open_probes_by_the_percentage() -> None:
    made = machines_of(lab_of("generic", count=None, percentage=50, local={"half_open_probes": 2}))["m1"]
    events(made, (0.0, FAILURE))
    tickets = [made.admit(2.0)[0] for _ in range(2)]
    assert None not in tickets
    seen = [
        event
        for ticket, outcome in zip(tickets, [FAILURE, Outcome(200)], strict=True)
        for event in made.record(ticket or TICKET, 2.5, outcome)
    ]
    assert [type(event) for event in seen] == [Opened]


def test_a_backend_without_a_breaker_has_none_anywhere() -> None:
    lab = lab_of("envoy", backends=1)
    plain = lab.model_copy(update={"backends": (lab.backends[0].model_copy(update={"breaker": None}),)})
    assert machines_of(plain) == {}
