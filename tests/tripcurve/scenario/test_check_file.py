"""Checks in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tripcurve.cli import app
from tripcurve.errors import BadInput
from tripcurve.scenario.check_file import with_files


def test_the_checks_of_a_file_take_its_place(tmp_path: Path) -> None:
    path = tmp_path / "checks.yaml"
    path.write_text("checks:\n  - outage_s.max < 10\n  - sheds > 0\n")
    assert with_files(["throttles > 0", f"@{path}", "sheds < 9"]) == [
        "throttles > 0",
        "outage_s.max < 10",
        "sheds > 0",
        "sheds < 9",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "checks"),
        ("checks: []", "checks"),
        ("checks: [outage_s.max <]", "checks: check .* cannot be parsed"),
        ("checks: [outage_s.max < 10]\nlimits: []", "limits: unknown key"),
        ("[outage_s.max < 10]", "checks"),
    ],
)
def test_a_faulty_file_is_named_with_the_place_of_its_mistake(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "checks.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInput, match=f"(?s){said}") as raised:
        with_files([f"@{path}"])
    assert str(path) in str(raised.value)
    done = CliRunner().invoke(app, ["run", "quick", "--check", f"@{path}"])
    assert done.exit_code != 0
