"""Reads a run, finds its trips and writes its reports, for the commands and from Python (docs/python.md).

Names are imported on first use, so that commands start quickly and load the chart library only if they draw.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.loading.run import Run, load
    from reports.render.charts import figures, linked
    from reports.statistics.series import (
        latency_lines,
        latency_sample,
        open_spans,
        outcomes_over_time,
        phase_spans,
        ratio_over_time,
    )
    from reports.statistics.summary import summarise
    from reports.trips.analysis import Analysis, analyse

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
    "Analysis": "reports.trips.analysis",
    "Run": "reports.loading.run",
    "analyse": "reports.trips.analysis",
    "figures": "reports.render.charts",
    "latency_lines": "reports.statistics.series",
    "latency_sample": "reports.statistics.series",
    "linked": "reports.render.charts",
    "load": "reports.loading.run",
    "open_spans": "reports.statistics.series",
    "outcomes_over_time": "reports.statistics.series",
    "phase_spans": "reports.statistics.series",
    "ratio_over_time": "reports.statistics.series",
    "summarise": "reports.statistics.summary",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
