"""The run directory: made, filled with what was resolved, and completed at the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tripcurve.documents import write_yaml
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

__all__ = ["copy_events", "holds_run", "make_run_dir", "mark_run", "shard_path", "unmark_run", "write_run_json"]

_MARK = ".run"


def make_run_dir(given: str, lab: Lab, scenario: Scenario) -> Path:
    """The folder, holding lab.yaml and scenario.yaml as resolved. Raises BadInput when it cannot be used."""
    folder = Path(given) if given else Path("runs") / f"{lab.name}-{scenario.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadInput(f"--run-dir {folder} is not empty; a run needs a folder of its own")
        (folder / "lab.yaml").write_text(write_yaml(lab), "utf-8")
        (folder / "scenario.yaml").write_text(write_yaml(scenario), "utf-8")
    except OSError as error:
        raise BadInput(f"--run-dir {folder} cannot be used: {error.strerror}") from None
    return folder


def shard_path(folder: Path, worker: int) -> Path:
    return folder / f"requests-{worker}.arrows"


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
    """Keep the breaker's own account beside the records; without one there is no file."""
    if events_file is not None and Path(events_file).exists():
        shutil.copyfile(events_file, folder / "gateway-events.jsonl")


def write_run_json(folder: Path, content: Mapping[str, Any]) -> None:
    """Write run.json whole or not at all."""
    part = folder / "run.json.part"
    part.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    part.replace(folder / "run.json")
