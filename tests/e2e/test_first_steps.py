"""The commands of docs/first-steps.md do what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "first-steps.md"
BLOCKS = re.findall(r"^```console\n\$ (.+)\n((?:.*\n)*?)```$", PAGE.read_text("utf-8"), re.MULTILINE)


def plain(text: str) -> str:
    """Return a line with its numbers and blanks made equal; whether a check passed depends on the machine."""
    return re.sub(r"\d[\d.,]*", "0", " ".join(text.split())).replace("check failed", "check passed")


def test_a_report_takes_four_commands() -> None:
    words = [shlex.split(command) for command, _ in BLOCKS]
    assert [each[1] if each[0] == "tripcurve" else each[:4] for each in words] == [
        ["python", "-m", "pip", "install"],
        "init",
        "run",
        "open",
    ]


SHORTER = {
    "lab.yaml": {"trip_duration: PT4S": "trip_duration: PT1S"},
    "scenario.yaml": {"PT3S": "PT1S", "PT6S": "PT2S", "PT8S": "PT2S"},
}


def shorten(folder: Path) -> None:
    """Shorten the trip and the phases: the page shows the same lines, with other numbers."""
    for name, changes in SHORTER.items():
        text = (folder / name).read_text("utf-8")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (folder / name).write_text(text, "utf-8")


@pytest.mark.slow
def test_the_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    for command, shown in BLOCKS[1:]:
        done = subprocess.run(
            [sys.executable, "-m", "tripcurve.cli", *shlex.split(command)[1:]],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "80", "BROWSER": "true"},
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        printed = {plain(line) for line in (done.stdout + done.stderr).splitlines()}
        assert [line for line in shown.splitlines() if plain(line) not in printed] == []
        if "init" in shlex.split(command):
            shorten(tmp_path / "mylab")
    assert (tmp_path / "first" / "report.html").is_file()
