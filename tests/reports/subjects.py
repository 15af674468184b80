"""Subjects of a capacity report with known figures."""

from __future__ import annotations

from datetime import UTC, datetime

from reports.statistics.capacity import of_steps
from reports.statistics.capacity_report import Subject
from reports.statistics.capacity_steps import StepFigures
from reports.statistics.knee import find_knee
from reports.statistics.limiting_cause import find_cause
from tripcurve.lab import Lab


def subject(*steps: StepFigures, lab: Lab | None = None, **changes: object) -> Subject:
    """A search with these steps, in order of their rates."""
    known: dict[str, object] = {
        "name": "quick",
        "source": "search",
        "path": "runs/quick-capacity",
        "lab": "quick",
        "scenario": "steady",
        "target": "local",
        "started": datetime(2026, 11, 29, 10, tzinfo=UTC),
        "success": 0.99,
        "window_s": None,
        "capacity": of_steps([one.step for one in steps], lab),
        "steps": steps,
        "knee": find_knee(steps),
        "cause": find_cause(steps, lab),
    }
    return Subject.model_validate(known | changes)
