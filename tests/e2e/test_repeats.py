"""Repeated runs, as a user makes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.e2e.commands import tripcurve
from tests.locustfiles.servers import Gateway, serving

pytestmark = pytest.mark.slow

SCENARIO = """
name: short
users: {ChatUser: 4}
seed: 5
phases:
  - {name: only, for: 1, rate: 20}
"""


def test_two_runs_are_made_with_the_next_seeds_and_summarised(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SCENARIO, "utf-8")
    with serving(Gateway()) as port:
        words = ("--target", f"http://127.0.0.1:{port}", "--scenario", "short.yaml", "--repeat", "2", "--run-dir", "it")
        done = tripcurve("run", *words, "--json", cwd=tmp_path, env={"TRIPCURVE_API_KEY": "k"})
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert [(run["run"], run["seed"], run["counts"]) for run in found["runs"]] == [
        ("run-01", 5, True),
        ("run-02", 6, True),
    ]
    recorded = [yaml.safe_load((tmp_path / "it" / f"run-0{n}" / "scenario.yaml").read_text("utf-8")) for n in (1, 2)]
    assert [scenario["seed"] for scenario in recorded] == [5, 6]
    rate = next(one for one in found["measures"] if one["measure"] == "requests.rate_s")
    assert rate["n"] == 2
    assert (tmp_path / "it" / "report.html").is_file()
