"""Every test that SECURITY.md names exists, in the file that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
NAMES = sorted(set(re.findall(r"`(test_\w+)`", TEXT)))
FILES = sorted(set(re.findall(r"`((?:[\w/]+/)?test_\w+\.py)`", TEXT)) - {"tests/test_security.py"})
DEFINED = {
    name: path
    for path in sorted((ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("name", NAMES)
def test_a_test_that_is_named_exists(name: str) -> None:
    assert name in DEFINED


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_named_has_a_test_that_is_named(file: str) -> None:
    assert any(str(DEFINED[name]).endswith(f"/{file}") for name in NAMES if name in DEFINED)
