"""The incidents that rules are judged by."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from simulator.incidents import BEFORE_S, INCIDENTS, incident, lab_for
from simulator.virtual import run_virtual
from tripcurve.errors import BadInput
from tripcurve.lab import Lab


def lab(**rule: Any) -> Lab:
    breaker = {"count": 3, "interval": 10, "status_codes": [429], "trip_duration": 2} | rule
    return Lab.model_validate({"name": "v", "gateway": {"name": "g"}, "backends": [{"name": "m1", "breaker": breaker}]})


def played(kind: str, given: Lab) -> Counter[tuple[str, int]]:
    """Return how many requests of each phase got each status, without a breaker."""
    bare = given.model_copy(update={"backends": (given.backends[0].model_copy(update={"breaker": None}),)})
    scenario = incident(kind, given, rate=20, during_s=20, after_s=20)
    run = run_virtual(lab_for(kind, bare, 20), scenario, seed=1)
    return Counter((sample.phase, sample.status) for sample in run.samples)


@pytest.mark.parametrize("kind", INCIDENTS)
def test_a_backend_is_healthy_before_and_after_each_incident(kind: str) -> None:
    scenario = incident(kind, lab(), rate=20, during_s=20, after_s=20)
    assert [phase.duration_s for phase in scenario.phases] == [BEFORE_S, 20, 20]
    counts = played(kind, lab())
    good = counts["before", 200] / sum(n for (phase, _), n in counts.items() if phase == "before")
    assert good == 1


def test_a_brown_out_fails_three_in_ten() -> None:
    counts = played("brown-out", lab())
    assert counts["incident", 429] / (counts["incident", 429] + counts["incident", 200]) == pytest.approx(0.3, abs=0.08)


def test_a_hard_failure_fails_every_answer() -> None:
    assert played("hard-fail", lab())["incident", 200] == 0


def test_a_quota_throttles_about_half_of_twice_the_load() -> None:
    counts = played("quota", lab())
    total = counts["incident", 429] + counts["incident", 200]
    assert total == pytest.approx(800, rel=0.1)
    assert counts["incident", 429] / total == pytest.approx(0.45, abs=0.15)


def test_slow_answers_are_time_outs_for_clients() -> None:
    assert set(played("slow", lab())) == {("before", 200), ("incident", 0), ("after", 200)}


def test_the_failures_are_of_a_status_that_the_rule_counts() -> None:
    assert played("hard-fail", lab(status_codes=["502-503"]))["incident", 502] > 0


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("earthquake", lab(), "unknown incident 'earthquake'; the kinds are: brown-out"),
        ("hard-fail", lab(status_codes=[], error_reasons=["Timeout"]), "counts no status"),
    ],
)
def test_an_incident_that_cannot_be_simulated_is_refused(kind: str, given: Lab, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        incident(kind, given, rate=20, during_s=20, after_s=20)
