"""What keeps a rate from being carried, and what each probe sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from locustfiles.commands.capacity import find_capacity, reason_not_carried
from tripcurve.errors import BadInput
from tripcurve.scenario.search import Bounds


def summary(**changes: Any) -> dict[str, Any]:
    """A run of 1,000 requests that all went well, but for the changes."""
    well = {
        "requests": {"total": 1000, "by_status": {"200": 1000}},
        "pacing": {"dropped": 0},
        "trips": [],
        "throttles": 0,
        "checks": [],
    }
    return well | changes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"requests": {"total": 1000, "by_status": {"200": 991, "500": 9}}}, None),
        ({"requests": {"total": 1000, "by_status": {"200": 989, "500": 11}}}, "11 of 1,000 failed"),
        (
            {"requests": {"total": 1000, "by_status": {"200": 900, "429": 100}}, "throttles": 100},
            "100 of 1,000 were throttled",
        ),
        ({"trips": [{}]}, "the breaker tripped"),
        ({"pacing": {"dropped": 7}}, "7 arrivals found no free user"),
        ({"checks": [{"expression": "latency_ms.backend.p95 < 100", "passed": False}]}, "check failed: latency"),
        ({"checks": [{"expression": "latency_ms.backend.p95 < 100", "passed": True}]}, None),
    ],
)
def test_the_first_cause_is_reported(changes: dict[str, Any], reason: str | None) -> None:
    found = reason_not_carried(summary(**changes), 0.99)
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)


@pytest.mark.parametrize(
    "bounds",
    [Bounds(start=0.5), Bounds(start=10, highest=5), Bounds(tolerance=0), Bounds(tolerance=2), Bounds(probe_s=0)],
)
def test_bounds_that_make_no_sense_are_refused_before_anything_starts(tmp_path: Path, bounds: Bounds) -> None:
    with pytest.raises(BadInput, match=r"--start|--tolerance|--probe"):
        find_capacity("quick", "steady", "local", tmp_path / "capacity", bounds)
    assert list(tmp_path.iterdir()) == []
