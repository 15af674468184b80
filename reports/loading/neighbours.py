"""Finds the pages beside a run's report: the index of its folder, the run before it, the summary of repeated runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

from tripcurve.run.layout import INDEX, REPORT, SUMMARY
from tripcurve.run.repeats import REPEATS
from tripcurve.run.summary import Summary

__all__ = ["Link", "links_of", "quoted"]

Link = tuple[str, str]
"""The text of a link, and its relative address."""


def quoted(name: str) -> str:
    """Return a file's name as a part of an address. No character of it has a meaning there."""
    return quote(os.fsencode(name))


def links_of(folder: Path, summary: Summary) -> list[Link]:
    """Return links from the report in a run's folder to the pages beside it. Empty if there is none.

    Other runs are looked for only where `tripcurve report --index` has listed them.
    """
    parent, found = folder.resolve().parent, []
    if (parent / REPEATS).is_file():
        found.append(("Repeated runs", f"../{REPORT}"))
    if (parent / INDEX).is_file():
        found.append(("All runs", f"../{INDEX}"))
        before = _before(folder.resolve(), summary)
        if before is not None:
            found.append((f"Run before: {before}", f"../{quoted(before)}/{REPORT}"))
    return found


def _before(folder: Path, summary: Summary) -> str | None:
    """Return the folder of the newest older run of the same lab, scenario and target that has a report, or None."""
    starts: dict[int, str] = {}
    try:
        beside = sorted(folder.parent.iterdir())
    except OSError:
        return None
    for path in beside:
        if path != folder and not path.is_symlink() and (path / REPORT).is_file():
            started = _started(path / SUMMARY, summary)
            if started is not None and started < summary.start_ns:
                starts[started] = path.name
    return starts[max(starts)] if starts else None


def _started(path: Path, like: Summary) -> int | None:
    """Return when a run of the same kind started, or None if it is of another kind or cannot be read."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    same = all(content.get(name) == getattr(like, name) for name in ("lab", "scenario", "target"))
    started = content.get("start_ns")
    return started if same and isinstance(started, int) else None
