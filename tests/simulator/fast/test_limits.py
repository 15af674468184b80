"""What the fast method leaves to the reference."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.fast.limits import obstacle, refuse_other_rules
from tests.tripcurve.breaker.breakers import lab_of
from tripcurve.errors import BadInput
from tripcurve.scenario import Scenario

SCENARIO = Scenario.model_validate(
    {"name": "s", "users": {"ChatUser": 1}, "phases": [{"name": "p", "for": 1, "rate": 5}]}
)


@pytest.mark.parametrize("kind", ["envoy", "litellm", "portkey", "generic"])
def test_other_gateways_need_the_reference_method(kind: str) -> None:
    assert f"kind {kind}" in str(obstacle(lab_of(kind, backends=1), SCENARIO))


def test_api_managements_rule_does_not() -> None:
    assert obstacle(lab_of("apim", backends=1), SCENARIO) is None
    refuse_other_rules(lab_of("apim"))


def test_a_curve_of_another_rule_is_refused_with_a_remedy() -> None:
    with pytest.raises(BadInput, match=r"gateway\.kind: envoy: .*use `tripcurve simulate`"):
        refuse_other_rules(lab_of("envoy"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"users": {"cancel": 1}}, "CancelChatUser waits for answers for another time"),
        ({"users": {"storm": 1}}, "StormChatUser retries"),
        ({"simulate": {"default": {"status": 429, "which": "first 2"}}}, "phase p has a fault for requests by their"),
    ],
)
def test_clients_and_faults_that_depend_on_answers_need_the_reference_method(
    fields: dict[str, Any], reason: str
) -> None:
    phase = {"name": "p", "for": 1, "rate": 1, "simulate": fields.pop("simulate", {})}
    scenario = Scenario.model_validate({"name": "s", "phases": [phase]} | fields)
    assert reason in str(obstacle(lab_of("apim", backends=1), scenario))


@pytest.mark.parametrize("spread", ["poisson", {"gamma": {"cv": 3}}])
def test_arrivals_of_any_kind_are_possible(spread: object) -> None:
    scenario = SCENARIO.model_validate(SCENARIO.model_dump(mode="json") | {"arrivals": spread})
    assert obstacle(lab_of("apim", backends=1), scenario) is None
