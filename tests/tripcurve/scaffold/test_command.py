"""`tripcurve init` writes a lab and a scenario that are valid, fit each other, and replace nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tripcurve.cli import app
from tripcurve.errors import BadInput
from tripcurve.lab import load_lab
from tripcurve.scaffold.command import init, suggested_name, write_scaffold
from tripcurve.scenario import load_scenario


@pytest.mark.parametrize("name", ["mylab", "A", "a-1", "x" * 30])
def test_the_scenario_runs_on_the_lab(name: str, tmp_path: Path) -> None:
    lab_file, scenario_file = write_scaffold(tmp_path / "new" / "folder", name)
    lab = load_lab(lab_file)
    scenario = load_scenario(str(scenario_file), lab)
    assert (lab.name, scenario.name) == (name, f"{name}-outage")
    assert [set(phase.simulate) for phase in scenario.phases] == [set(), {lab.backends[0].name}, set()]


@pytest.mark.parametrize("name", ["", "1a", "a_b", "a b", "-a", "x" * 31, "a\n", "../a", "ä"])
def test_a_name_that_does_not_fit_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--name .*begins with a letter"):
        write_scaffold(tmp_path / "new", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("existing", ["lab.yaml", "scenario.yaml"])
def test_an_existing_file_is_kept_and_nothing_is_written(existing: str, tmp_path: Path) -> None:
    (tmp_path / existing).write_text("mine", "utf-8")
    with pytest.raises(BadInput, match=f"{existing} exists and is not overwritten"):
        write_scaffold(tmp_path, "mylab")
    assert [(path.name, path.read_text("utf-8")) for path in tmp_path.iterdir()] == [(existing, "mine")]


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="exists"):
        write_scaffold(tmp_path, "mylab")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(BadInput, match=r"/file: cannot write"):
        write_scaffold(tmp_path / "file", "mylab")


@pytest.mark.parametrize(
    ("folder", "name"), [("My lab", "my-lab"), ("2026", "mylab"), ("ä", "mylab"), ("x" * 40, "x" * 30)]
)
def test_the_folder_suggests_the_name(folder: str, name: str) -> None:
    assert suggested_name(Path("/somewhere") / folder) == name


def test_without_a_terminal_nothing_is_asked(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", str(tmp_path / "demo"), "--json"], input="other\n")
    assert (done.exit_code, json.loads(done.stdout)["name"]) == (0, "demo")


def test_on_a_terminal_the_name_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = os.openpty()
    with open(leader, "rb", buffering=0), open(follower) as keyboard, open(os.dup(follower), "w") as screen:
        monkeypatch.setattr("sys.stdin", keyboard)
        monkeypatch.setattr("sys.stderr", screen)
        os.write(leader, b"other\n")
        assert init(tmp_path / "demo", None, False) == 0
    assert load_lab(tmp_path / "demo" / "lab.yaml").name == "other"
