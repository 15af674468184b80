"""A live gateway of three instances behind a lab that does not know how many there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.brief import brief_lab
from tests.e2e.live import live_summary

pytestmark = pytest.mark.slow

SCENARIO = """\
name: instances
users: {ChatUser: 20}
phases:
  - {name: healthy, for: 1, rate: 60}
  - {name: fault, for: 1.8, rate: 60, simulate: {default: {status: 429}}}
  - {name: healed, for: 2, rate: 60}
"""


def test_the_report_infers_the_number_and_finds_the_trips_of_the_group(tmp_path: Path) -> None:
    lab = brief_lab(trip_duration=2.0)
    given = lab.model_copy(
        update={
            "gateway": lab.gateway.model_copy(update={"units": "unknown"}),
            "local": lab.local.model_copy(update={"unit_count_override": 3}),
        }
    )
    summary = live_summary(tmp_path, given, SCENARIO)
    assert summary["instances"]["estimate"] == 3, summary["instances"]
    assert summary["instances"]["stated"] is None
    opened = [json.loads(line) for line in (tmp_path / "run" / "gateway-events.jsonl").read_text().splitlines()]
    assert {event["data"]["local"]["unit"] for event in opened} == {0, 1, 2}
    assert len(summary["trips"]) == 1
    assert abs(summary["trips"][0]["error_s"]["tripped_s"]) <= summary["trips"][0]["tripped_s"]["half_width"]
