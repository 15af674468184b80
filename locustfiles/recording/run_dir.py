"""What traffic keeps in a run directory beside its records: a mark for workers, and the gateway's own events."""

from __future__ import annotations

import shutil
from pathlib import Path

from tripcurve.run.layout import EVENTS

__all__ = ["copy_events", "holds_run", "mark_run", "unmark_run"]

_MARK = ".run"


def mark_run(folder: Path, start_ns: int) -> None:
    """Leave a mark by which a worker knows that this path is the same folder for it."""
    (folder / _MARK).write_text(str(start_ns), "ascii")


def holds_run(folder: Path, start_ns: int) -> bool:
    """Whether the main process's run directory is reachable here under the same path."""
    try:
        return (folder / _MARK).read_text("ascii") == str(start_ns)
    except OSError:
        return False


def unmark_run(folder: Path) -> None:
    (folder / _MARK).unlink(missing_ok=True)


def copy_events(events_file: str | None, folder: Path) -> None:
    """Copy the gateway's record of its breakers into the run directory, whole or not at all.

    `events_file` None: the target keeps no such record. Raises OSError.
    """
    if events_file is None or not Path(events_file).exists():
        return
    part = folder / f"{EVENTS}.part"
    try:
        shutil.copyfile(events_file, part)
        part.replace(folder / EVENTS)
    except OSError:
        part.unlink(missing_ok=True)
        raise
