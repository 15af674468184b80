"""The limits' defaults are written down, as they are."""

from __future__ import annotations

from pathlib import Path

from provision.local.wire.limits import limits_table

DOCUMENT = Path(__file__).parents[4] / "docs" / "wire.md"


def test_documented_defaults_are_those_in_force() -> None:
    assert limits_table() in DOCUMENT.read_text(encoding="utf-8")
