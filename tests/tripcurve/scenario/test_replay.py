"""Scenarios that replay a trace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab
from tripcurve.scenario import Scenario
from tripcurve.scenario.replay import load_replay

S = 1_000_000_000
LAB = Lab.model_validate({"name": "l", "gateway": {"name": "g"}, "backends": [{"name": "m1"}]})


def written(folder: Path, **fields: Any) -> Path:
    (folder / "t.csv").write_text("time,prompt_tokens\n0,30\n2.5,\n")
    phases = [{"name": "a", "for": 1}, {"name": "b", "for": 1, "simulate": {"m1": {"status": 429}}}]
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "s", "phases": phases} | fields))
    return path


def test_the_file_is_found_beside_the_scenario(tmp_path: Path) -> None:
    scenario, found = load_replay(written(tmp_path, trace={"file": "t.csv", "speed": 5}), LAB)
    assert found is not None
    assert found.due_ns.tolist() == [0, S / 2]
    assert scenario.distribution == "trace"
    assert [phase.duration_s for phase in scenario.phases] == [1, 1]


def test_the_last_phase_lasts_as_long_as_the_whole_trace(tmp_path: Path) -> None:
    scenario, _ = load_replay(written(tmp_path, trace={"file": "t.csv", "whole": True}), LAB)
    assert [phase.duration_s for phase in scenario.phases] == [1, 2]
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario


def test_a_trace_replaces_the_loads_of_another_scenario_and_keeps_its_faults(tmp_path: Path) -> None:
    written(tmp_path, trace={"file": "other"})
    scenario, found = load_replay("trip-and-recover", load_lab("quick"), str(tmp_path / "t.csv"))
    assert found is not None
    assert [phase.has_load for phase in scenario.phases] == [False] * 3
    assert scenario.phases[1].simulate
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario, "the run's own file must read back"


def test_the_shipped_scenario_replays_its_own_trace_or_another_one(tmp_path: Path) -> None:
    written(tmp_path, trace={"file": "other"})
    scenario, found = load_replay("replay", LAB)
    assert found is not None
    assert (scenario.duration_s, len(found.due_ns)) == (30, 178)
    other, _ = load_replay("replay", LAB, str(tmp_path / "t.csv"))
    assert other.duration_s == 3


def test_a_scenario_without_a_trace_has_none() -> None:
    assert load_replay("steady", LAB)[1] is None


def test_a_trace_of_more_than_a_week_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, trace={"file": "t.csv", "whole": True, "speed": 0.000001})
    with pytest.raises(BadInput, match=r"the trace lasts 28.9 days; at most 7"):
        load_replay(path, LAB)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, r"phases\[0\]: give exactly one of rate"),
        ({"trace": {"file": "t"}, "phases": [{"name": "a", "for": 1, "rate": 4}]}, "have no rate"),
        ({"trace": {"file": "t"}, "users": {"ProbeUser": 1}}, "needs users to send it"),
        ({"trace": {"file": "t", "speed": 0}}, "greater than 0"),
    ],
)
def test_a_bad_scenario_with_a_trace_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Scenario.model_validate({"name": "s", "phases": [{"name": "a", "for": 1}]} | fields)


def test_a_scenario_of_probes_alone_cannot_replay(tmp_path: Path) -> None:
    phases = [{"name": "a", "for": 1, "users": 1}]
    path = written(tmp_path, users={"ProbeUser": 1}, phases=phases)
    with pytest.raises(BadInput, match="a trace needs users to send it"):
        load_replay(path, LAB, str(tmp_path / "t.csv"))


def test_a_run_without_a_trace_imports_no_array_library_before_it_starts() -> None:
    code = (
        "import sys, locustfiles.commands.repeat\n"
        "from tripcurve.lab import load_lab\n"
        "from tripcurve.scenario.replay import load_replay\n"
        "load_replay('steady', load_lab('quick'))\n"
        "print([name for name in ('numpy', 'pandas', 'pyarrow') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
