"""The README's lab, scenario and commands are ones that Tripcurve accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from tripcurve.cli import app
from tripcurve.lab import LABS, load_lab
from tripcurve.scenario import load_scenario
from tripcurve.shipped import shipped_names

ROOT = Path(__file__).parent.parent
PAGES = {path.name: path.read_text("utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
COMMANDS = typer.main.get_group(app).commands
USED = sorted(
    {
        (page, name, line.partition("#")[0].strip())
        for page, text in PAGES.items()
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        for name in re.findall(r"^(?:\$ )?tripcurve ([a-z]+)", line.strip())
    }
)


def test_the_lab_and_the_scenario_are_valid_and_fit(tmp_path: Path) -> None:
    lab, scenario = re.findall(r"```yaml\n(.*?)```", PAGES["README.md"], re.DOTALL)
    (tmp_path / "lab.yaml").write_text(lab, "utf-8")
    (tmp_path / "scenario.yaml").write_text(scenario, "utf-8")
    assert load_scenario(str(tmp_path / "scenario.yaml"), load_lab(tmp_path / "lab.yaml")).phases


def test_the_built_in_labs_are_listed() -> None:
    (listed,) = re.findall(r"Built-in labs: (.*?)\.\n", PAGES["README.md"], re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed)) == set(shipped_names(LABS, ".yaml"))


@pytest.mark.parametrize(("page", "name", "line"), USED)
def test_a_command_and_its_options_exist(page: str, name: str, line: str) -> None:
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert set(re.findall(r"(?<=\s)--[a-z-]+", line)) <= known
