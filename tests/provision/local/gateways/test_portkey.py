"""Portkey's requests carry the configuration, and a missing program names the command that installs it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from provision.local.gateways.portkey import LOOPBACK, PACKAGE, PORTKEY, START, VARIABLE, config_header
from tests.provision.local.gateways.setups import lab_of, setup_of
from tripcurve.errors import TargetUnavailable


def test_one_backend_is_the_only_target(tmp_path: Path) -> None:
    found = json.loads(config_header(setup_of(lab_of("portkey"), tmp_path)))
    assert found["custom_host"] == "http://127.0.0.1:8001/openai/v1"
    assert found["forward_headers"] == ["x-simulation"]
    assert "strategy" not in found


@pytest.mark.parametrize(("second", "mode"), [(1, "loadbalance"), (2, "fallback")])
def test_several_backends_are_balanced_or_in_order(tmp_path: Path, second: int, mode: str) -> None:
    lab = lab_of("portkey", {"name": "m1", "priority": 1, "weight": 3}, {"name": "m2", "priority": second})
    found = json.loads(config_header(setup_of(lab, tmp_path)))
    assert found["strategy"] == {"mode": mode}
    assert [target.get("weight") for target in found["targets"]] == [3, None]


def test_the_first_priority_is_the_first_target(tmp_path: Path) -> None:
    lab = lab_of("portkey", {"name": "m1", "priority": 2}, {"name": "m2", "priority": 1})
    found = json.loads(config_header(setup_of(lab, tmp_path)))
    assert [target["custom_host"].rpartition(":")[2] for target in found["targets"]] == [
        "8002/openai/v1",
        "8001/openai/v1",
    ]


def test_the_program_is_found_in_the_folder_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = tmp_path / PACKAGE / START
    start.parent.mkdir(parents=True)
    start.touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert PORTKEY.find(lab_of("portkey")) == start
    monkeypatch.setenv(VARIABLE, str(tmp_path / PACKAGE))
    assert PORTKEY.find(lab_of("portkey")) == start


@pytest.mark.parametrize(
    ("content", "version"), [('{"version": "1.15.2"}', "1.15.2"), ('{"version": 1}', None), ("[]", None), ("", None)]
)
def test_the_version_is_that_of_the_package(tmp_path: Path, content: str, version: str | None) -> None:
    assert PORTKEY.version(tmp_path / START) is None
    (tmp_path / "package.json").write_text(content)
    assert PORTKEY.version(tmp_path / START) == version


def test_a_missing_portkey_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetUnavailable, match=rf"npm install @portkey-ai/gateway.*{VARIABLE}"):
        PORTKEY.find(lab_of("portkey"))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("call", ["(0, undefined, done)", "(0, done)", "({port: 0}, done)"])
def test_a_program_of_node_listens_on_the_loopback_address_alone(call: str) -> None:
    script = (
        f"const s = require('node:http').createServer(); const done = () => {{ console.log(s.address().address); "
        f"s.close(); }}; s.listen{call};"
    )
    done = subprocess.run(
        ["node", "--require", str(LOOPBACK), "-e", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "127.0.0.1\n"
