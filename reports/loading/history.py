"""Reads the summaries of the runs in a folder, oldest first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tripcurve.errors import BadInput
from tripcurve.run.layout import LAB, SUMMARY
from tripcurve.run.measures import number_at
from tripcurve.run.summary import SUMMARY_VERSION, Summary

__all__ = ["Broken", "History", "by_lab", "history", "lab_name", "survey"]


@dataclass(frozen=True)
class History:
    """One run that has a summary. `started` is UTC."""

    folder: Path
    started: datetime
    summary: Summary

    def measure(self, path: str) -> float | None:
        """Return a number of the summary by its dotted path; None: it was not observed or does not exist."""
        return number_at(self.summary, tuple(path.split(".")))


@dataclass(frozen=True)
class Broken:
    """A folder that holds a run without a readable summary, and a sentence that says why."""

    folder: Path
    text: str


def lab_name(run: History) -> str:
    """Return the name of what a run measured, its lab and scenario: runs of the same name make a trend."""
    return f"{run.summary.lab}, {run.summary.scenario}"


def by_lab(runs: Sequence[History]) -> dict[str, list[History]]:
    """Return the runs by `lab_name`, in their order."""
    found: dict[str, list[History]] = {}
    for run in runs:
        found.setdefault(lab_name(run), []).append(run)
    return found


def history(folder: Path) -> tuple[list[History], list[str]]:
    """Return the runs in `folder`, oldest first, and a sentence for each that has no readable summary.

    Raises BadInput when there is no such folder.
    """
    found, broken = survey(folder)
    return found, [one.text for one in broken]


def survey(folder: Path) -> tuple[list[History], list[Broken]]:
    """Return the runs in `folder`, oldest first, and those that have no readable summary.

    Raises BadInput when there is no such folder.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder; give the one that contains run directories, such as runs")
    found, broken = [], []
    for run in sorted(path for path in folder.iterdir() if (path / LAB).exists()):
        try:
            found.append(_read(run))
        except FileNotFoundError:
            broken.append(Broken(run, f"{run.name} has no report yet; make it with `tripcurve report {run}`"))
        except BadInput as error:
            broken.append(Broken(run, f"{run.name}: {error}"))
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            path = run / SUMMARY
            text = f"{run.name}: {path} is not readable; make it again with `tripcurve report {run}`"
            broken.append(Broken(run, text))
    return sorted(found, key=lambda one: one.started), broken


def _read(run: Path) -> History:
    """Read a run's summary. Raises BadInput where its schema is newer than this Tripcurve reads."""
    path = run / SUMMARY
    if path.exists() and not path.is_file():
        raise ValueError("not a file")  # a pipe would never end
    content = json.loads(path.read_text("utf-8"))
    if content["schema"] > SUMMARY_VERSION:
        raise BadInput(
            f"{path} has schema {content['schema']}; this Tripcurve reads up to {SUMMARY_VERSION}: "
            "use the newer Tripcurve that wrote it"
        )
    summary = Summary.model_validate(content)
    return History(run, datetime.fromtimestamp(summary.start_ns / 1e9, UTC), summary)
