"""docs/architecture.md names files that exist and contain what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
ANSWERS = re.findall(r"^\| (.+) \| `([^`]+)`: `([^`]+)` \|$", TEXT, re.MULTILINE)
PATHS = sorted(set(re.findall(r"`((?:tripcurve|provision|locustfiles|reports|simulator|tests)/[^`]*)`", TEXT)))


def test_twelve_questions_are_answered() -> None:
    assert len(ANSWERS) == 12


@pytest.mark.parametrize(("question", "path", "symbol"), ANSWERS)
def test_the_answer_is_in_the_file_that_is_named(question: str, path: str, symbol: str) -> None:
    assert symbol in (ROOT / path).read_text("utf-8"), question


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()
