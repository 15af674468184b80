"""The files of a run directory, and the only code that makes one.

runs/<lab>-<scenario>-<UTC time>/
  lab.yaml scenario.yaml        as resolved, without secrets
  run.json                      see `tripcurve.run.info`
  requests-<worker>.arrows      rows of one process, written while it runs
  requests.parquet              all rows, sorted by start
  gateway-events.jsonl          local cloud only: the breakers' own record
  summary.json and the other reports
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tripcurve.documents import write_yaml
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

__all__ = [
    "CALIBRATION",
    "CHARTS",
    "EVENTS",
    "INFO",
    "JUNIT",
    "LAB",
    "REPORT",
    "REQUESTS",
    "RUNS",
    "SCENARIO",
    "SUMMARY",
    "SUMMARY_TEXT",
    "has_records",
    "make_run_dir",
    "shard_path",
    "shard_paths",
    "write_documents",
]

RUNS = Path("runs")
"""Where runs go unless the user names a folder."""

LAB = "lab.yaml"
SCENARIO = "scenario.yaml"
INFO = "run.json"
REQUESTS = "requests.parquet"
EVENTS = "gateway-events.jsonl"
SUMMARY = "summary.json"
SUMMARY_TEXT = "summary.md"
REPORT = "report.html"
JUNIT = "junit.xml"
CHARTS = "charts"
CALIBRATION = "calibration.json"
"""Simulated runs only: what was fitted to the run that they are calibrated from."""


def shard_path(folder: Path, worker: int) -> Path:
    """The file that the `worker`-th process of a run records into."""
    return folder / f"requests-{worker}.arrows"


def shard_paths(folder: Path) -> list[Path]:
    """The files of a run's processes that exist, sorted by name."""
    return sorted(folder.glob("requests-*.arrows"))


def has_records(folder: Path) -> bool:
    """Whether a run in this folder got as far as recording."""
    return (folder / REQUESTS).exists() or bool(shard_paths(folder))


def make_run_dir(given: Path | None, lab: str, scenario: str) -> Path:
    """Make the folder of a new run and return it: the given one, or one named after lab, scenario and UTC time.

    Raises BadInput when it cannot be made or is not empty.
    """
    folder = RUNS / f"{lab}-{scenario}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}" if given is None else given
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadInput(f"--run-dir {folder} is not empty; a run needs a folder of its own")
    except OSError as error:
        raise BadInput(f"--run-dir {folder} cannot be used: {error.strerror}") from None
    return folder


def write_documents(folder: Path, lab: Lab, scenario: Scenario) -> None:
    """Keep the lab and the scenario as resolved. Raises BadInput when the folder cannot be written."""
    try:
        (folder / LAB).write_text(write_yaml(lab), "utf-8")
        (folder / SCENARIO).write_text(write_yaml(scenario), "utf-8")
    except OSError as error:
        raise BadInput(f"--run-dir {folder} cannot be used: {error.strerror}") from None
