"""Reads a run, finds its trips, writes its reports; and the same from Python, as docs/python.md shows.

Names load on first use: the command stays quick to start, and only who draws pays for the charts' library.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.analysis import Analysis, analyse
    from reports.charts import figures, linked
    from reports.load import Run
    from reports.series import (
        latency_lines,
        latency_sample,
        open_spans,
        outcomes_over_time,
        phase_spans,
        ratio_over_time,
    )
    from reports.summary import summarise

__all__ = [
    "Analysis",
    "Run",
    "analyse",
    "figures",
    "latency_lines",
    "latency_sample",
    "linked",
    "load",
    "open_spans",
    "outcomes_over_time",
    "phase_spans",
    "ratio_over_time",
    "summarise",
]

_HOMES = {
    "Analysis": "analysis",
    "Run": "load",
    "analyse": "analysis",
    "figures": "charts",
    "latency_lines": "series",
    "latency_sample": "series",
    "linked": "charts",
    "open_spans": "series",
    "outcomes_over_time": "series",
    "phase_spans": "series",
    "ratio_over_time": "series",
    "summarise": "summary",
}


def load(folder: Path | str) -> Run:
    """The run in a folder. Raises BadInput when it holds none, or a file is damaged or of a newer version."""
    from reports.load import load as read

    return read(folder)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    return getattr(import_module(f"reports.{_HOMES[name]}"), name)


class _Room(ModuleType):
    """Keeps `reports.load` the function: importing the module of that name would put the module in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if name != "load":
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room
