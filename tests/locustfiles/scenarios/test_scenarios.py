"""The scenarios that ship."""

from __future__ import annotations

import pytest

from simulator.virtual import run_virtual
from tripcurve.breaker import Opened
from tripcurve.errors import BadInput
from tripcurve.lab import load_lab
from tripcurve.scenario import SCENARIOS, load_scenario
from tripcurve.shipped import shipped_names

NAMES = shipped_names(SCENARIOS, ".yaml")
CLASSES = {"ChatUser", "ProbeUser", "StreamingChatUser", "SdkChatUser", "StormChatUser", "PatientChatUser"}


def test_the_promised_scenarios_are_included() -> None:
    promised = "trip-and-recover steady step-load spike slow-backend flapping quota retry-storm pool-failover interval"
    assert set(promised.split()) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_loads_and_says_in_a_sentence_what_it_shows(name: str) -> None:
    scenario = load_scenario(name, load_lab("quick" if name == "interval" else "pool"))
    assert scenario.name == name
    assert scenario.description.endswith(".")
    assert "shows" in scenario.description
    assert set(scenario.users) <= CLASSES


def test_a_scenario_fits_itself_to_the_seeds_minute() -> None:
    assert load_scenario("trip-and-recover", load_lab("seed")).duration_s == pytest.approx(30 * 60 / 4)


def trips(actual_interval_s: float, lab_name: str) -> list[str]:
    """The phases in which `interval`, as written for a lab's rule, trips a breaker that really counts over another."""
    lab = load_lab(lab_name)
    scenario = load_scenario("interval", lab)
    backend = lab.backends[0]
    assert backend.breaker is not None
    rule = backend.breaker.model_copy(update={"interval": actual_interval_s})
    actual = lab.model_copy(update={"backends": (backend.model_copy(update={"breaker": rule}),)})
    opened = [each.event.at for each in run_virtual(actual, scenario).events if isinstance(each.event, Opened)]
    return [scenario.phases[place[0]].name for at in opened if (place := scenario.phase_at(at)) is not None]


@pytest.mark.parametrize("lab", ["quick", "seed"])
@pytest.mark.parametrize(
    ("share", "phases"),
    [(0.9, []), (1.0, ["in-time"]), (1.15, ["too-late", "in-time"])],
)
def test_the_scenario_interval_distinguishes_the_rules_interval_from_others(
    lab: str, share: float, phases: list[str]
) -> None:
    breaker = load_lab(lab).backends[0].breaker
    assert breaker is not None
    assert trips(breaker.interval * share, lab) == phases


def test_interval_needs_a_rule_that_counts_more_than_one_failure() -> None:
    with pytest.raises(BadInput, match="leaves no request of a count of 1"):
        load_scenario("interval", load_lab("pool"))


def test_a_backend_that_the_lab_lacks_is_refused() -> None:
    lab = load_lab("quick")
    alone = lab.model_copy(update={"backends": (lab.backends[0].model_copy(update={"name": "other"}),)})
    with pytest.raises(BadInput, match="no such backend"):
        load_scenario("pool-failover", alone)
