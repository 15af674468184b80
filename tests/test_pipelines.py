"""The GitHub action and the Azure template call the command with what their user gave, whatever it contains."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
AZURE: dict[str, Any] = yaml.safe_load((ROOT / "pipelines" / "azure.yml").read_text("utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
HOSTILE = "a b'; $(touch hacked) `touch hacked` \"x"

RECORDER = """#!/usr/bin/env python3
import json, sys
with open("calls.jsonl", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(CODE)
"""


def executed(script: str, env: dict[str, str], folder: Path, code: int = 0) -> tuple[int, list[list[str]], str]:
    """Run a script with bash and with commands that only record; return its exit code, the calls, and its output."""
    commands = folder / "bin"
    commands.mkdir()
    for name in ("tripcurve", "gh"):
        (commands / name).write_text(RECORDER.replace("CODE", str(code)), "utf-8")
        (commands / name).chmod(0o755)
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{commands}:{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    calls = folder / "calls.jsonl"
    lines = calls.read_text("utf-8").splitlines() if calls.exists() else []
    assert not (folder / "hacked").exists()
    return done.returncode, [json.loads(line) for line in lines], done.stdout


def step(name: str) -> dict[str, Any]:
    return next(each for each in STEPS if each.get("name") == name)


RUN = {"LAB": HOSTILE, "SCENARIO": "s", "TARGET": "local", "RUN_DIR": "run", "CHECKS": "outage_s.max < 10\n\na == 1\n"}
CALLED = [
    *("run", "--scenario", "s", "--target", "local", "--run-dir", "run"),
    *("--check", "outage_s.max < 10", "--check", "a == 1", "--", HOSTILE),
]


def test_the_action_runs_the_lab_with_every_check(tmp_path: Path) -> None:
    assert executed(step("Run")["run"], RUN, tmp_path)[:2] == (0, [CALLED])


def test_without_checks_none_is_passed(tmp_path: Path) -> None:
    _, (call,), _ = executed(step("Run")["run"], {**RUN, "CHECKS": ""}, tmp_path)
    assert "--check" not in call


def test_a_failed_check_fails_the_step(tmp_path: Path) -> None:
    assert executed(step("Run")["run"], RUN, tmp_path, code=1)[0] == 1


def test_the_action_compares_with_the_base(tmp_path: Path) -> None:
    env = {"BASE": HOSTILE, "RUN_DIR": "run", "LIMITS": "outage_s.max=10%\n"}
    expected = ["compare", "--limit", "outage_s.max=10%", "--", HOSTILE, "run"]
    assert executed(step("Compare")["run"], env, tmp_path)[:2] == (0, [expected])


def test_the_comment_is_the_report(tmp_path: Path) -> None:
    env = {"GH_TOKEN": "t", "NUMBER": "7", "REPOSITORY": "o/r", "RUN_DIR": "run"}
    _, (call,), _ = executed(step("Comment on the pull request")["run"], env, tmp_path)
    assert call[:3] == ["pr", "comment", "7"]
    assert call[call.index("--body-file") + 1] == "run/summary.md"


def azure_script() -> str:
    return next(str(each["bash"]) for each in AZURE["steps"] if each.get("displayName") == "Run Tripcurve")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_template_runs_the_lab_shows_the_report_and_keeps_the_exit_code(code: int, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "summary.md").write_text("", "utf-8")
    found, calls, output = executed(azure_script(), RUN, tmp_path, code)
    assert (found, calls) == (code, [CALLED])
    assert output == f"##vso[task.uploadsummary]{tmp_path}/run/summary.md\n"


def test_a_run_without_a_report_uploads_none(tmp_path: Path) -> None:
    assert executed(azure_script(), RUN, tmp_path, 2)[::2] == (2, "")


@pytest.mark.parametrize("each", [*STEPS, *AZURE["steps"]], ids=lambda each: str(each.get("name", "step")))
def test_no_script_contains_an_expression(each: dict[str, Any]) -> None:
    """An input that is pasted into a script is code; scripts get inputs as environment variables."""
    assert "${{" not in str(each.get("run", "")) + str(each.get("bash", ""))


def test_every_input_is_used_and_exists() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps([STEPS, ACTION["outputs"]])))
    assert used == set(ACTION["inputs"])
    parameters = set(re.findall(r"parameters\.(\w+)", json.dumps(AZURE["steps"])))
    assert parameters == {each["name"] for each in AZURE["parameters"]}


FILES = ["action.yml", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*"))]


@pytest.mark.parametrize("file", FILES)
def test_every_action_is_pinned_by_its_commit(file: str) -> None:
    used = re.findall(r"uses: (\S+)", (ROOT / file).read_text("utf-8"))
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)] == []
