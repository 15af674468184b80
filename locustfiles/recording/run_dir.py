"""Files in a run directory beside the records: a mark for workers, and a copy of the gateway's events."""

from __future__ import annotations

import shutil
from pathlib import Path

from tripcurve.run.layout import EVENTS
from tripcurve.run.writing import replacing

__all__ = ["copy_events", "holds_run", "mark_run", "unmark_run"]

_MARK = ".run"


def mark_run(folder: Path, start_ns: int) -> None:
    """Write a mark by which a worker recognises that it shares this folder with the main process."""
    (folder / _MARK).write_text(str(start_ns), "ascii")


def holds_run(folder: Path, start_ns: int) -> bool:
    """Return whether this path is the main process's run directory here too."""
    try:
        return (folder / _MARK).read_text("ascii") == str(start_ns)
    except OSError:
        return False


def unmark_run(folder: Path) -> None:
    """Remove the mark of `mark_run`, if it is there."""
    (folder / _MARK).unlink(missing_ok=True)


def copy_events(events_file: str | None, folder: Path) -> None:
    """Copy the gateway's breaker events into the run directory, completely or not at all.

    `events_file` None: the target writes no events. Raises OSError.
    """
    if events_file is None or not Path(events_file).exists():
        return
    with replacing(folder / EVENTS) as part:
        shutil.copyfile(events_file, part)
