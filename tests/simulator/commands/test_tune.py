"""`tripcurve tune`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.commands.simulate import simulate
from simulator.commands.tune import Grid, candidates, durations_of, to_json, tune_lab, weights_of
from simulator.commands.tune_output import rule_text, rule_yaml, show_tuned
from simulator.engines import Local
from simulator.incidents import incident
from simulator.trials import Plan
from tests.tripcurve.breaker.breakers import lab_file
from tripcurve.errors import BadInput
from tripcurve.lab import load_lab
from tripcurve.lab.rule import BreakerRule
from tripcurve.scenario import load_scenario

OWN = BreakerRule.model_validate({"count": 3, "interval": 20, "status_codes": [429], "trip_duration": 4})
PLAN = Plan({"hard-fail": 1.0}, 5.0, 0.0, 0.0, 0.001, healthy_s=1000.0, seeds=(0, 1, 2))


def test_the_grid_holds_the_labs_own_rule_first_and_each_rule_once() -> None:
    rules = candidates(OWN, Grid(counts=(3, 5), intervals=(20, 20), durations=(4, 8)))
    assert rules[0] == OWN
    assert [(rule.count, rule.trip_duration) for rule in rules] == [(3, 4), (3, 8), (5, 4), (5, 8)]


def test_a_grid_of_shares_has_no_counts() -> None:
    rules = candidates(OWN, Grid(percentages=(50,), intervals=(20,), durations=(4,)))
    assert [(rule.count, rule.percentage) for rule in rules] == [(3, None), (None, 50)]


def test_without_values_some_around_the_labs_own_are_tried() -> None:
    rules = candidates(OWN, Grid())
    assert {rule.trip_duration for rule in rules} == {1, 2, 4, 8}
    assert {rule.count for rule in rules} == {1, 2, 3, 5, 10}


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (Grid(counts=(0,)), "--count 0"),
        (Grid(percentages=(101,)), "--percentage 101"),
        (Grid(counts=tuple(range(1, 2000))), "too many to try"),
        (Grid(counts=(1,), durations=(0.0,)), "--duration 0"),
    ],
)
def test_values_that_no_gateway_takes_are_refused(grid: Grid, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        candidates(OWN, grid)


@pytest.mark.parametrize("text", ["earthquake=1", "slow=x", "slow=-1", "slow=nan", "", "slow=0", "slow=1e9"])
def test_weights_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--weights"):
        weights_of(text)


def test_weights_of_nothing_are_left_out() -> None:
    assert weights_of("slow=0, brown-out=2,quota") == {"brown-out": 2, "quota": 1}


def test_durations_are_read_as_labs_write_them() -> None:
    assert durations_of("PT1M, 5", "--interval") == (60, 5)
    with pytest.raises(BadInput, match="--interval: 'soon'"):
        durations_of("soon", "--interval")


def test_a_lab_without_a_rule_has_nothing_to_tune(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("name: v\ngateway: {name: g}\nbackends: [{name: m1}]\n", "utf-8")
    with pytest.raises(BadInput, match="no breaker"):
        tune_lab(str(path), Grid(), PLAN)


def test_the_whole_command_names_a_rule_and_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = Grid(counts=(3,), intervals=(20,), durations=(2, 4))
    tuned = tune_lab("quick", grid, PLAN, least_kept_off=0.0, most_false_trips=1e9, engine=Local(2))
    show_tuned(tuned, tmp_path / "out", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found == to_json(tuned) | {"files": found["files"]}
    assert found["advised"]["rule"]["trip_duration"] == "PT2S", "the shorter trip costs clients less"
    lab = load_lab(tmp_path / "out" / "lab.yaml")
    assert lab.backends[0].breaker is not None
    assert lab.backends[0].breaker.trip_duration == 2
    page = (tmp_path / "out" / "tune.html").read_text("utf-8")
    assert "3 in PT20S, open PT2S" in page
    assert "<svg" in page
    assert "<script" not in page
    written = load_scenario(tmp_path / "out" / "hard-fail.yaml", lab)
    assert written == incident("hard-fail", tuned.lab, rate=5.0, during_s=8.0, after_s=8.0)


def test_the_terminal_names_the_advised_rule_as_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    tuned = tune_lab(
        "quick", Grid(counts=(3,), intervals=(20,), durations=(2,)), PLAN, least_kept_off=0, engine=Local(1)
    )
    show_tuned(tuned, None, as_json=False)
    out = capsys.readouterr().out
    assert "Advised: 3 in PT20S, open PT2S" in out
    assert "trip_duration: PT2S" in out
    assert max(len(line) for line in out.splitlines()) <= 100


def test_demands_that_no_rule_fulfils_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    tuned = tune_lab(
        "quick", Grid(counts=(3,), intervals=(20,), durations=(2,)), PLAN, least_kept_off=1.0, engine=Local(1)
    )
    show_tuned(tuned, None, as_json=False)
    assert "No rule fulfils the demands" in capsys.readouterr().out
    assert to_json(tuned)["advised"] is None


def test_the_healthy_share_comes_from_a_recorded_run(tmp_path: Path) -> None:
    run, _ = simulate("quick", "trip-and-recover", run_dir=tmp_path / "run")
    grid = Grid(counts=(3,), intervals=(20,), durations=(4,))
    tuned = tune_lab("quick", grid, PLAN, healthy_from=run, engine=Local(1))
    assert tuned.plan.healthy_share == 0, "nothing fails in its healthy phases"


def test_a_rule_in_words() -> None:
    assert rule_text(OWN) == "3 in PT20S, open PT4S"
    shared = BreakerRule.model_validate(
        {"percentage": 50, "interval": 60, "status_codes": [503], "trip_duration": 5, "accept_retry_after": True}
    )
    assert rule_text(shared) == "50 % in PT1M, open PT5S, or Retry-After"
    assert "percentage: 50" in rule_yaml(shared)
    assert "count" not in rule_yaml(shared)


def test_a_trip_longer_than_any_scenario_is_refused() -> None:
    with pytest.raises(BadInput, match="--duration: a trip of PT1000000000H would need"):
        tune_lab("quick", Grid(counts=(3,), durations=(3.6e12,)), PLAN, engine=Local(1))


def test_a_rule_that_cannot_trip_keeps_nothing_off() -> None:
    tuned = tune_lab("quick", Grid(counts=(10_000,), intervals=(0.001,), durations=(4,)), PLAN, engine=Local(1))
    found = to_json(tuned)["tried"][1]  # type: ignore[index,call-overload]  # JSON
    assert found["kept_off"]["mean"] == 0
    assert found["false_trips_a_day"]["mean"] == 0


def test_another_gateways_rule_is_not_tuned(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gateway\.kind: envoy"):
        tune_lab(lab_file(tmp_path, "envoy"), Grid(), PLAN)
