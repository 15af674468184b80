"""`tripcurve validate` finds the mistakes of a lab or scenario and starts nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tripcurve.errors import BadInput
from tripcurve.lab import LABS
from tripcurve.scenario import SCENARIOS
from tripcurve.shipped import shipped_names
from tripcurve.validate import validate

LAB = {"name": "l", "gateway": {"name": "g"}, "backends": [{"name": "mock1"}]}
SCENARIO = {"name": "s", "phases": [{"name": "p", "for": 1, "rate": 2, "simulate": {"mock2": {"status": 429}}}]}


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(content: dict[str, Any], name: str = "file.yaml") -> str:
        (tmp_path / name).write_text(yaml.safe_dump(content), "utf-8")
        return str(tmp_path / name)

    return write


def answered(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", sorted({*shipped_names(LABS, ".yaml"), *shipped_names(SCENARIOS, ".yaml")}))
def test_everything_built_in_is_valid(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(name, as_json=True) == 0
    kinds = [
        kind for kind, folder in (("lab", LABS), ("scenario", SCENARIOS)) if name in shipped_names(folder, ".yaml")
    ]
    found = answered(capsys)
    assert (found["valid"], [each["kind"] for each in found["files"]]) == (True, kinds)


@pytest.mark.parametrize(("content", "kind"), [(LAB, "lab"), (SCENARIO, "scenario")])
def test_a_good_file_is_valid(content: Any, kind: str, written: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(content)
    assert validate(path) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"{path}: this {kind} is valid\n")


def test_every_mistake_is_one_line_and_one_entry(written: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(LAB | {"gatway": 1, "backends": [{"name": "m1", "kind": "mok"}]})
    assert validate(path, as_json=True) == 2
    shown = capsys.readouterr()
    errors = json.loads(shown.out)["files"][0]["errors"]
    assert errors == shown.err.splitlines()
    assert [line.removeprefix(path) for line in errors] == [
        ": backends[0].kind: must be one of mock, openai, existing, not 'mok'; did you mean 'mock'?",
        ": gatway: unknown key; did you mean 'gateway'? Known keys: api, backends, description, events, existing, "
        "gateway, local, location, model, name, pool, resource_group, subscription_id",
    ]


def test_a_missing_policy_is_a_mistake_of_the_lab(written: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(written(LAB | {"api": {"policy": "singel-backend.xml"}})) == 2
    assert "api.policy: policy 'singel-backend.xml' not found" in capsys.readouterr().err


def test_a_scenario_is_checked_against_a_lab_if_one_is_given(written: Any, capsys: pytest.CaptureFixture[str]) -> None:
    scenario, lab = written(SCENARIO), written(LAB, "lab.yaml")
    assert validate(scenario) == 0
    assert validate(scenario, lab) == 2
    assert "phases[0].simulate.mock2: lab l has no such backend; did you mean 'mock1'?" in capsys.readouterr().err


@pytest.mark.parametrize("content", [{}, {"name": "x"}, {"name": "x", "phases": [], "gateway": {}}])
def test_a_file_of_neither_kind_gets_a_message_that_describes_both(
    content: Any, written: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(written(content), as_json=True) == 2
    (found,) = answered(capsys)["files"]
    assert found["kind"] is None
    assert "neither a lab, which has the keys `gateway` and `backends`, nor a scenario" in found["errors"][0]


def test_a_file_that_is_not_yaml_is_a_mistake_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.yaml").write_text("name: x\nname: y\n", "utf-8")
    assert validate(str(tmp_path / "x.yaml"), as_json=True) == 2
    assert "line 2, column 1: duplicate key 'name' (first on line 1)" in answered(capsys)["files"][0]["errors"][0]


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(BadInput, match=r"'quik' is neither .*; did you mean 'quick'\? Built-in names: envoy, flapping"):
        validate("quik")


def test_nothing_is_left_behind(written: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    validate(written(LAB))
    assert [path.name for path in tmp_path.iterdir()] == ["file.yaml"]


def test_a_retired_model_on_an_account_is_a_warning(written: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = {"name": "gpt-35-turbo", "version": "0613"}
    path = written(LAB | {"model": model, "backends": [{"name": "m1", "kind": "openai"}]})
    assert validate(path, as_json=True) == 0
    shown = capsys.readouterr()
    (warning,) = json.loads(shown.out)["files"][0]["warnings"]
    assert warning.startswith(f"{path}: model.version: Azure retired gpt-35-turbo 0613 on 2025-02-13")
    assert f"warning: {warning}\n" in shown.err
