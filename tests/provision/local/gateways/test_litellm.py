"""LiteLLM's configuration says what the lab says, and its cooldowns are recorded and read back."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from provision.local.gateways.litellm import CALLBACK, LITELLM, configuration
from provision.local.gateways.program import Change, UnknownRecord
from tests.provision.local.gateways.setups import KEY, RULE, lab_of, setup_of

LINE = '{"deployment": "m1", "at_ns": 1795949052345000000, "until_ns": 1795949057345000000}'


def test_each_backend_is_a_deployment_of_one_group(tmp_path: Path) -> None:
    lab = lab_of("litellm", {"name": "m1", "breaker": RULE, "priority": 1, "weight": 2}, {"name": "m2"})
    made: Any = configuration(setup_of(lab, tmp_path))
    assert [each["model_name"] for each in made["model_list"]] == ["gpt-5.1", "gpt-5.1"]
    assert [each["model_info"]["id"] for each in made["model_list"]] == ["m1", "m2"]
    parameters = [each["litellm_params"] for each in made["model_list"]]
    assert [each["api_base"] for each in parameters] == ["http://127.0.0.1:8001", "http://127.0.0.1:8002"]
    assert (parameters[0]["order"], parameters[0]["weight"]) == (1, 2)
    assert not {"order", "weight"} & set(parameters[1])


def test_the_rule_becomes_router_settings(tmp_path: Path) -> None:
    made: Any = configuration(setup_of(lab_of("litellm"), tmp_path))
    settings = made["router_settings"]
    assert (settings["allowed_fails"], settings["cooldown_time"], settings["num_retries"]) == (2, 4, 0)


def test_the_key_is_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    launch = LITELLM.prepare(setup_of(lab_of("litellm"), tmp_path), Path("/opt/litellm"))
    file = Path(launch.command[launch.command.index("--config") + 1])
    assert json.loads(file.read_text())["general_settings"]["master_key"] == KEY
    assert file.stat().st_mode & 0o077 == 0
    assert KEY not in str(launch)


def test_nothing_is_downloaded_or_reported(tmp_path: Path) -> None:
    launch = LITELLM.prepare(setup_of(lab_of("litellm"), tmp_path), Path("/opt/litellm"))
    assert launch.environment["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert launch.environment["LITELLM_TELEMETRY"] == "False"


def test_the_version_is_that_of_the_package_beside_the_program(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "litellm"
    program.parent.mkdir()
    program.touch()
    assert LITELLM.version(program) is None
    metadata = tmp_path / "lib" / "python3.12" / "site-packages" / "litellm-1.110.2.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: litellm\nVersion: 1.110.2\n")
    assert LITELLM.version(program) == "1.110.2"


def test_a_cooldown_is_read_with_its_end() -> None:
    assert LITELLM.read is not None
    assert LITELLM.read(LINE) == Change(True, "m1", 1795949052345000000, 0, 1795949057345000000)


@pytest.mark.parametrize(
    "line", ["", "[]", '{"unknown": "AttributeError"}', LINE.replace("1795949052345000000", '"x"')]
)
def test_a_line_in_another_form_is_refused(line: str) -> None:
    assert LITELLM.read is not None
    with pytest.raises(UnknownRecord):
        LITELLM.read(line)


class _Router:
    """Has LiteLLM's cooldowns where its version 1.110 has them."""

    def __init__(self, found: dict[str, dict[str, float]]) -> None:
        self.found = found

    def health(self) -> _Router:
        return self

    @property
    def cooldowns(self) -> _Router:
        return self

    @property
    def cooldown_store(self) -> _Router:
        return self

    def snapshot(self) -> dict[str, dict[str, float]]:
        return self.found


@pytest.fixture
def callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ModuleType]:
    """The callback as LiteLLM would load it, and the module in which it looks for the router."""
    names = ("integrations", "integrations.custom_logger", "proxy", "proxy.proxy_server")
    modules = {"litellm": ModuleType("litellm")} | {f"litellm.{name}": ModuleType(f"litellm.{name}") for name in names}
    modules["litellm.integrations.custom_logger"].CustomLogger = object  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    LITELLM.prepare(setup_of(lab_of("litellm"), tmp_path), Path("/opt/litellm"))
    monkeypatch.setenv("TRIPCURVE_COOLDOWNS", str(tmp_path / "cooldowns.jsonl"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, CALLBACK, raising=False)
    return importlib.import_module(CALLBACK).cooldowns, modules["litellm.proxy.proxy_server"]


async def _failures(callback: Any, count: int) -> None:
    for _ in range(count):
        await callback.async_log_failure_event({}, None, None, None)


async def test_the_callback_writes_each_cooldown_once(callback: tuple[Any, Any], tmp_path: Path) -> None:
    cooldowns, server = callback
    server.llm_router = _Router({})
    await _failures(cooldowns, 1)
    server.llm_router.found = {"deployment:m1:cooldown": {"timestamp": 1795949052.5, "cooldown_time": 5.0}}
    await _failures(cooldowns, 2)
    server.llm_router.found = {"deployment:m1:cooldown": {"timestamp": 1795949060.0, "cooldown_time": 5.0}}
    await _failures(cooldowns, 1)
    assert LITELLM.read is not None
    changes = [LITELLM.read(line) for line in (tmp_path / "cooldowns.jsonl").read_text().splitlines()]
    assert [(change.backend, change.at_ns // 1_000_000) for change in changes if change] == [
        ("m1", 1795949052500),
        ("m1", 1795949060000),
    ]
    assert all(change and change.until_ns == change.at_ns + 5_000_000_000 for change in changes)


async def test_an_unknown_version_is_recorded_as_unknown(callback: tuple[Any, Any], tmp_path: Path) -> None:
    cooldowns, server = callback
    server.llm_router = object()
    await _failures(cooldowns, 1)
    (line,) = (tmp_path / "cooldowns.jsonl").read_text().splitlines()
    assert LITELLM.read is not None
    with pytest.raises(UnknownRecord, match="AttributeError"):
        LITELLM.read(line)
