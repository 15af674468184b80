"""The scenarios that ship."""

from __future__ import annotations

import pytest

from tripcurve.errors import BadInput
from tripcurve.lab import load_lab
from tripcurve.scenario import SCENARIOS, load_scenario
from tripcurve.shipped import shipped_names

NAMES = shipped_names(SCENARIOS, ".yaml")
CLASSES = {"ChatUser", "ProbeUser", "StreamingChatUser", "SdkChatUser", "StormChatUser", "PatientChatUser"}


def test_what_is_promised_ships() -> None:
    promised = "trip-and-recover steady step-load spike slow-backend flapping quota retry-storm pool-failover"
    assert set(promised.split()) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_loads_and_says_in_a_sentence_what_it_shows(name: str) -> None:
    scenario = load_scenario(name, load_lab("pool"))
    assert scenario.name == name
    assert scenario.description.endswith(".")
    assert "shows" in scenario.description
    assert set(scenario.users) <= CLASSES


def test_a_scenario_fits_itself_to_the_seeds_minute() -> None:
    assert load_scenario("trip-and-recover", load_lab("seed")).duration_s == pytest.approx(30 * 60 / 4)


def test_a_backend_that_the_lab_lacks_is_refused() -> None:
    lab = load_lab("quick")
    alone = lab.model_copy(update={"backends": (lab.backends[0].model_copy(update={"name": "other"}),)})
    with pytest.raises(BadInput, match="no such backend"):
        load_scenario("pool-failover", alone)
