"""What people read while a lab lives, at 80 columns, held against golden files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.mgmt.apimanagement.models import BackendContract

from provision import commands
from provision.lifecycle.plan import Action, Plan
from provision.lifecycle.show import plan_text
from provision.resources.differences import Change
from tests.provision.labs import opened
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.lab import Lab, load_lab

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "TRIPCURVE_UPDATE_GOLDEN"


def _steady(text: str) -> str:
    """Without what differs from run to run: ports, ids, sizes of documents, times."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "SUBSCRIPTION", text)
    text = re.sub(r"\(\d+ characters\)", "(N characters)", text)
    text = re.sub(r" +[\d.]+ (ms|s)$", r"  TIME \1", text, flags=re.MULTILINE)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def _matches(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get(UPDATE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"if this is meant, set {UPDATE}=1 and read the new {path.name}"


@pytest.fixture
def lab_file(tmp_path: Path, connection_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The shipped quick lab, under a name of its own, in a file that can be edited; down in the end."""
    monkeypatch.chdir(tmp_path)
    lab = load_lab("quick").model_dump(mode="json")
    lab |= {"name": "golden", "resource_group": "golden"}
    lab["gateway"]["name"] = "golden-aigw-apim"
    lab["backends"][0]["name"] = "goldenmock1"
    path = Path("golden.yaml")  # as a person names it, in the folder they are in
    path.write_text(yaml.safe_dump(lab, sort_keys=False), encoding="utf-8")
    yield path
    commands.down(str(path), commands.CloudOptions("local", connection_file), purge=True)


def test_the_life_of_a_lab_reads_well_at_80_columns(
    lab_file: Path, connection_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story: list[str] = []

    def run(words: str) -> int:
        name, *flags = words.split()
        options = {"purge": True} if "--purge" in flags else {}
        code: int = getattr(commands, name)(str(lab_file), commands.CloudOptions("local", connection_file), **options)
        said = capsys.readouterr()
        assert said.out == ""
        raw = f"$ tripcurve {words.replace(name, f'{name} golden')}\n{said.err}exit {code}\n"
        assert max(map(len, raw.splitlines())) <= 80
        # What the mock says is the mock's to choose.
        story.append(re.sub(r"(?m)^ {6}.*\n", "", _steady(raw)) if name == "smoke" else _steady(raw))
        return code

    assert run("plan") == commands.PLAN_HAS_CHANGES
    assert run("up") == 0
    assert run("up") == 0
    assert run("plan") == 0
    lab_file.write_text(lab_file.read_text(encoding="utf-8").replace("PT4S", "PT6S"), encoding="utf-8")
    assert run("plan") == commands.PLAN_HAS_CHANGES
    assert run("status") == 1
    assert run("up") == 0
    assert run("smoke") == 0
    assert run("status") == 0
    assert run("down") == 0
    assert run("down --purge") == 0
    assert run("status") == 0
    _matches("life.txt", "\n".join(story))


def test_each_command_answers_with_one_json_object(
    lab_file: Path, connection_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {}
    for name in ("doctor", "plan", "up", "status", "smoke", "down"):
        options = {"purge": True} if name == "down" else {}
        getattr(commands, name)(str(lab_file), commands.CloudOptions("local", connection_file), as_json=True, **options)
        (line,) = capsys.readouterr().out.splitlines()
        answers[name] = json.loads(line)
    assert answers["doctor"]["exit_code"] == 0
    assert "error" not in {found["level"] for found in answers["doctor"]["findings"]}
    assert answers["plan"]["has_changes"] is True
    assert {action["action"] for action in answers["plan"]["actions"]} == {"create"}
    assert answers["up"]["changed"] is True
    assert answers["status"]["standing"] == "up"
    assert answers["status"]["rules"]["goldenmock1"]["trip_duration"] == "PT4S"
    assert [result["status"] for result in answers["smoke"]["results"]] == [200, 200, 429]
    assert answers["down"]["purged"] == ["gateway golden-aigw-apim"]


def test_drift_is_shown_with_what_the_lab_says(
    lab_file: Path, connection_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = load_lab(lab_file)
    commands.up(str(lab_file), commands.CloudOptions("local", connection_file))
    with opened(lab, commands.CloudOptions("local", connection_file).choose(lab)) as context:
        backends = context.clients.apim.backend
        entity = backends.get("golden", "golden-aigw-apim", "goldenmock1")
        entity.circuit_breaker = None
        backends.create_or_update("golden", "golden-aigw-apim", "goldenmock1", entity, if_match="*")
    capsys.readouterr()
    assert commands.status(str(lab_file), commands.CloudOptions("local", connection_file)) == 1
    _matches("drift.txt", _steady(capsys.readouterr().err))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("not json", "not the JSON line"),
        ("[]", "not the JSON line"),
        ('{"management_url": "https://127.0.0.1:1"}', "it has no ca_file, subscription_id"),
    ],
)
def test_a_wrong_connection_file_is_told_by_name(content: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "cloud.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=wanted):
        commands.plan("quick", commands.CloudOptions("local", path))


def test_azure_without_a_subscription_says_where_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRIPCURVE_AZURE_SUBSCRIPTION", "AZURE_SUBSCRIPTION_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInput, match=r"subscription_id in the lab.*AZURE_SUBSCRIPTION_ID"):
        commands.plan("quick")


def test_a_changed_policy_is_shown_by_the_elements_that_go_and_come() -> None:
    new = "<policies><inbound><base/></inbound></policies>"
    old = new.replace("<base/>", '<base/><retry count="1"/>')
    action = Action(type="API policy", name="openai", id="/x", action="change", ours=True,
                    changes=[Change(field="document", old=old, new=new)])  # fmt: skip
    plan = Plan(lab="l", cloud="local", subscription_id="s", resource_group="g", actions=[action])
    assert [line.strip() for line in plan_text(plan).splitlines()][3:5] == [
        "document                   (elements removed and added)",
        '- <retry count="1"/>',
    ]


def test_a_local_cloud_that_is_gone_is_told_as_such(connection: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "cloud.json"
    path.write_text(json.dumps({**connection, "ca_file": str(tmp_path / "gone.pem")}), encoding="utf-8")
    with pytest.raises(TargetUnavailable, match="is gone; start `tripcurve local`"):
        commands.plan("quick", commands.CloudOptions("local", path))


def test_a_run_finds_the_rule_really_in_force_beside_the_key(
    lab_file: Path, connection_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = load_lab(lab_file)
    commands.up(str(lab_file), commands.CloudOptions("local", connection_file))
    cloud = commands.CloudOptions("local", connection_file).choose(lab)
    assert (commands.stored_target(lab, cloud).rules or {})["goldenmock1"] == _breaker(lab)
    with opened(lab, cloud) as context:
        backends = context.clients.apim.backend
        body = BackendContract(url="https://goldenmock1.azurewebsites.net/openai", protocol="http")
        backends.create_or_update("golden", "golden-aigw-apim", "goldenmock1", body, if_match="*")
    capsys.readouterr()
    commands.refresh_rules(str(lab_file), commands.CloudOptions("local", connection_file))
    assert "warning: lab golden differs from its file (drifted)" in capsys.readouterr().err
    assert commands.stored_target(lab, cloud).rules == {"goldenmock1": None}


def _breaker(lab: Lab) -> dict[str, Any]:
    breaker = lab.backends[0].breaker
    assert breaker is not None
    return breaker.model_dump(mode="json")


def test_a_run_against_a_lab_that_is_not_up_says_so(lab_file: Path, connection_file: Path) -> None:
    with pytest.raises(TargetUnavailable, match="run `tripcurve up "):
        commands.refresh_rules(str(lab_file), commands.CloudOptions("local", connection_file))
