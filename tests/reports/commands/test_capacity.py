"""The answer of `tripcurve capacity` from its probes' runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reports.commands.capacity import CapacityOptions, capacity_command, prices_of, report_folder, simulated_from
from reports.commands.report import report
from reports.statistics.capacity_sources import Reading, read_subject
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
    found = read_subject(probes(tmp_path, (50, None), (100, None), (200, "7 arrivals found no free user")), Reading())
    capacity = found.capacity
    assert found.lab == "quick"
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
    assert "# Capacity of quick" in (tmp_path / "capacity.md").read_text("utf-8")
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


LOG = "time,status,latency_ms,prompt_tokens,completion_tokens\n" + "".join(
    f"{1_764_000_000 + n / 20:.2f},200,{20 + n % 7},40,20\n" for n in range(600)
)


def log_in(folder: Path) -> Path:
    path = folder / "gateway.csv"
    path.write_text(LOG)
    return path


def test_several_sources_are_set_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search, log, out = probes(tmp_path / "search", (50, None)), log_in(tmp_path), tmp_path / "out"
    out.mkdir()
    assert capacity_command(out, True, CapacityOptions((log, search))) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["source"], [other["source"] for other in found["beside"]]) == ("log", ["search"])
    assert "Side by side" in (out / "report.html").read_text("utf-8")


def test_a_source_that_cannot_be_read_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    out = report_folder([tmp_path / "bad.csv"], tmp_path / "out", None)
    with pytest.raises(BadInput, match="no column of the time"):
        capacity_command(out, False, CapacityOptions((tmp_path / "bad.csv",)))
    assert not out.exists()


def test_an_interrupted_search_is_reported_as_far_as_it_went(tmp_path: Path) -> None:
    folder = probes(tmp_path, (50, None), (100, "interrupted"))
    assert capacity_command(folder, False, code=130) == 130
    assert "The search was interrupted" in (folder / "report.html").read_text("utf-8")


def test_a_search_that_was_interrupted_at_once_has_no_report(tmp_path: Path) -> None:
    assert capacity_command(probes(tmp_path, (50, "interrupted")), False, code=130) == 130
    assert not (tmp_path / "report.html").exists()


def test_the_report_of_a_search_is_written_into_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    search, log = probes(tmp_path / "search", (50, None)), log_in(tmp_path)
    assert report_folder([search], None, None) == search
    assert report_folder([search], tmp_path / "out", None) == tmp_path / "out"
    assert report_folder([log], None, None).name.startswith("gateway-capacity-")
    assert report_folder([log], None, "pool").name.startswith("pool-capacity-")


def test_a_rate_where_a_source_belongs_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the first rate of a search is --start 25"):
        report_folder([Path("25")], tmp_path / "out", None)
    assert not (tmp_path / "out").exists()


def test_prices_come_from_a_file_or_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("input: 0.25\noutput: 2\ncurrency: EUR\n")
    both = prices_of(tmp_path / "prices.yaml", 0.5, None)
    assert both is not None
    assert (both.input, both.output, both.currency) == (0.5, 2, "EUR")
    assert prices_of(None, None, None) is None
    (tmp_path / "prices.yaml").write_text("input: free\n")
    with pytest.raises(BadInput, match="input"):
        prices_of(tmp_path / "prices.yaml", None, None)


def test_a_log_needs_a_lab_to_be_simulated(tmp_path: Path) -> None:
    log, search = log_in(tmp_path), probes(tmp_path / "search", (50, None))
    with pytest.raises(BadInput, match="--what-if needs the lab behind"):
        simulated_from([log], None, None)
    assert simulated_from([log], "quick", None) == ("quick", "steady")
    assert simulated_from([search], None, None)[0] == str(search / "probe-01" / "lab.yaml")
