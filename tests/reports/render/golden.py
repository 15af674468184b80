"""Golden files: what a page looked like when somebody last looked at it.

To accept a change: TRIPCURVE_GOLDEN=write pytest tests/reports/render, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).with_name("golden")


def matches(name: str, text: str) -> bool:
    """Whether `text` is the golden file; trailing blanks, which tables pad with, do not count."""
    lines = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    path = FOLDER / name
    if os.environ.get("TRIPCURVE_GOLDEN") == "write":
        path.write_text(lines, "utf-8")
    return path.read_text("utf-8") == lines
