"""The answer of `tripcurve capacity` from its probes' runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reports.commands.capacity import capacity_command, capacity_of_probes
from reports.commands.report import report
from simulator.virtual import run_virtual
from tests.virtual_run import write_virtual_run
from tripcurve.errors import BadInput
from tripcurve.lab import load_lab
from tripcurve.scenario import Phase, load_scenario


def probes(folder: Path, *told: tuple[float, str | None]) -> Path:
    """A folder of probes at these rates, all healthy; each with what was said of it."""
    lab = load_lab("quick")
    base = load_scenario("steady", lab)
    listed = []
    for index, (rate, reason) in enumerate(told, 1):
        phase = Phase.model_validate({"name": f"rate-{rate:.0f}", "for": 3, "rate": rate})
        scenario = base.model_copy(update={"phases": (phase,), "users": {"ChatUser": 50}})
        write_virtual_run(folder / f"probe-{index:02d}", lab, scenario, run_virtual(lab, scenario, seed=index))
        listed.append({"rate": rate, "carried": reason is None, "reason": reason, "run": f"probe-{index:02d}"})
    (folder / "probes.json").write_text(json.dumps({"success": 0.99, "probes": listed}))
    return folder


def test_the_answer_lies_between_the_probes_that_bracket_it(tmp_path: Path) -> None:
    lab, capacity = capacity_of_probes(
        probes(tmp_path, (50, None), (100, None), (200, "7 arrivals found no free user"))
    )
    assert lab == "quick"
    assert capacity.carried is not None
    assert capacity.failed is not None
    assert capacity.carried.offered_s == pytest.approx(100, rel=0.05)
    assert capacity.failed.cause == "7 arrivals found no free user"
    assert [step.phase for step in capacity.curve] == ["rate-50", "rate-100", "rate-200"]


def test_the_answer_is_written_and_its_exit_code_says_whether_there_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert capacity_command(probes(tmp_path, (50, None)), True) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "capacity.json").read_text())
    assert (tmp_path / "capacity.svg").stat().st_size > 1000
    assert (tmp_path / "capacity.png").stat().st_size > 1000
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Carried: " in page
    assert "<svg" in page
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page) == []


def test_report_understands_the_folder_of_a_capacity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(probes(tmp_path, (50, None)), [], as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["carried"]["phase"] == "rate-50"


def test_nothing_carried_is_said_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert capacity_command(probes(tmp_path, (50, "the breaker tripped")), False) == 1
    assert "Not even the lowest rate was carried" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [None, "", "{}", '{"success": 0.99, "probes": []}', '{"success": 0.9, "probes": [{}]}']
)
def test_a_folder_without_probes_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "probes.json").write_text(content)
    with pytest.raises(BadInput, match="probe"):
        capacity_command(tmp_path, False)
