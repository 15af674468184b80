"""Reads a run, finds its trips, writes its reports; and the same from Python, as docs/python.md shows.

Names load on first use: the command stays quick to start, and only who draws pays for the charts' library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.analysis import Analysis, analyse
    from reports.charts import charts, linked
    from reports.load import Run, load
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
    "charts",
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
    "reports.analysis": ("Analysis", "analyse"),
    "reports.charts": ("charts", "linked"),
    "reports.load": ("Run", "load"),
    "reports.series": (
        "latency_lines",
        "latency_sample",
        "open_spans",
        "outcomes_over_time",
        "phase_spans",
        "ratio_over_time",
    ),
    "reports.summary": ("summarise",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'reports' has no attribute {name!r}")
