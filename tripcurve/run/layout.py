"""The files of a run directory. Only this module creates one.

runs/<lab>-<scenario>-<UTC time>/ lab.yaml scenario.yaml        as resolved, without secrets run.json see
`tripcurve.run.info` requests-<worker>.arrows      rows of one process, written while it runs requests.parquet all rows,
sorted by start gateway-events.jsonl          local cloud only: the gateway's record of its breakers summary.json and
the other reports
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path

from tripcurve.documents import write_yaml
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.run.lock import LOCK, RunLock
from tripcurve.run.writing import write_whole
from tripcurve.scenario import Scenario

__all__ = [
    "CALIBRATION",
    "CHARTS",
    "EVENTS",
    "INDEX",
    "INFO",
    "JUNIT",
    "LAB",
    "PROBES",
    "REPORT",
    "REQUESTS",
    "RUNS",
    "SCENARIO",
    "SUMMARY",
    "SUMMARY_TEXT",
    "TREND",
    "claim_run_dir",
    "has_records",
    "make_run_dir",
    "shard_path",
    "shard_paths",
    "write_documents",
]

RUNS = Path("runs")
"""The folder of runs, unless the user names a run directory."""

LAB = "lab.yaml"
SCENARIO = "scenario.yaml"
INFO = "run.json"
REQUESTS = "requests.parquet"
EVENTS = "gateway-events.jsonl"
SUMMARY = "summary.json"
SUMMARY_TEXT = "summary.md"
REPORT = "report.html"
JUNIT = "junit.xml"
INDEX = "index.html"
TREND = "trend.html"
"""In a folder of runs: the list of them, and how their measures changed."""
CHARTS = "charts"
PROBES = "probes.json"
"""Folders of a capacity search only: the rates that were tried, each with the folder of its run."""
CALIBRATION = "calibration.json"
"""Simulated runs only: the parameters that were fitted to a recorded run."""


def shard_path(folder: Path, worker: int) -> Path:
    """Return the file into which process number `worker` of a run records."""
    return folder / f"requests-{worker}.arrows"


def shard_paths(folder: Path) -> list[Path]:
    """Return the files of a run's processes that exist, sorted by name."""
    return sorted(folder.glob("requests-*.arrows"))


def has_records(folder: Path) -> bool:
    """Return whether the folder has records of requests."""
    return (folder / REQUESTS).exists() or bool(shard_paths(folder))


def make_run_dir(given: Path | None, lab: str, scenario: str) -> Path:
    """Make the folder of a new run and return it: the given one, or one named after lab, scenario and UTC time.

    Raises BadInput when it cannot be created or is not empty.
    """
    try:
        if given is None:
            return _new_folder(RUNS / f"{lab}-{scenario}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        given.mkdir(parents=True, exist_ok=True)
        _refuse_unless_empty(given)
    except OSError as error:
        raise BadInput(f"--run-dir {given or RUNS} cannot be used: {error.strerror}") from None
    return given


def claim_run_dir(given: Path | None, lab: str, scenario: str) -> RunLock:
    """Make the folder of a new run as `make_run_dir` does, and lock it. `RunLock.folder` is the folder.

    Raises BadInput when it cannot be made, is not empty, or is being written by another run.
    """
    folder = make_run_dir(None, lab, scenario) if given is None else given
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = RunLock.take(folder)
        try:
            _refuse_unless_empty(folder)
        except BaseException:
            lock.release()
            raise
    except OSError as error:
        raise BadInput(f"--run-dir {folder} cannot be used: {error.strerror}") from None
    return lock


def _new_folder(name: Path) -> Path:
    """Make a new folder, with a number after its name if another run began in the same second."""
    name.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = name if number == 1 else name.with_name(f"{name.name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("the count has no end")


def _refuse_unless_empty(folder: Path) -> None:
    if any(path.name != LOCK for path in folder.iterdir()):
        raise BadInput(f"--run-dir {folder} is not empty; a run needs a folder of its own")


def write_documents(folder: Path, lab: Lab, scenario: Scenario) -> None:
    """Write the resolved lab and scenario into the folder. Raises BadInput if it is not writable."""
    try:
        write_whole(folder / LAB, write_yaml(lab))
        write_whole(folder / SCENARIO, write_yaml(scenario))
    except OSError as error:
        raise BadInput(f"--run-dir {folder} cannot be used: {error.strerror}") from None
