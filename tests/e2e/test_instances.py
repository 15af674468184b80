"""A live gateway of three instances behind a lab that does not know how many there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.commands import tripcurve
from tripcurve.documents import write_yaml
from tripcurve.lab import load_lab

pytestmark = pytest.mark.slow

SCENARIO = """\
name: instances
users: {ChatUser: 20}
phases:
  - {name: healthy, for: 1, rate: 60}
  - {name: fault, for: 3, rate: 60, simulate: {default: {status: 429}}}
  - {name: healed, for: 3, rate: 60}
"""


def test_the_report_infers_the_number_and_finds_the_trips_of_the_group(tmp_path: Path) -> None:
    lab = load_lab("quick")
    given = lab.model_copy(
        update={
            "gateway": lab.gateway.model_copy(update={"units": "unknown"}),
            "local": lab.local.model_copy(update={"unit_count_override": 3}),
        }
    )
    (tmp_path / "lab.yaml").write_text(write_yaml(given), "utf-8")
    (tmp_path / "scenario.yaml").write_text(SCENARIO, "utf-8")
    done = tripcurve("run", "lab.yaml", "--scenario", "scenario.yaml", "--run-dir", "it", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    summary = json.loads(done.stdout)
    assert summary["instances"]["estimate"] == 3, summary["instances"]
    assert summary["instances"]["stated"] is None
    opened = [json.loads(line) for line in (tmp_path / "it" / "gateway-events.jsonl").read_text().splitlines()]
    assert {event["data"]["local"]["unit"] for event in opened} == {0, 1, 2}
    assert len(summary["trips"]) == 1
    assert abs(summary["trips"][0]["error_s"]["tripped_s"]) <= summary["trips"][0]["tripped_s"]["half_width"]
