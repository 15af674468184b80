"""Prints a command's result: as one JSON object, or as lines of name and value."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

__all__ = ["show"]


def show(result: Mapping[str, object], as_json: bool) -> None:
    """Print `result` on stdout, in its order. None is printed as a dash."""
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    width = max((len(name) for name in result), default=0)
    for name, value in result.items():
        sys.stdout.write(f"{name.replace('_', ' '):{width}}  {_text(value)}\n")


def _text(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
