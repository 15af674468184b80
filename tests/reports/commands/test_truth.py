"""`tripcurve truth`: what it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.reports.exports.azure import published, recorded_and_logged
from tests.reports.runs import RULE, TRIP, lab_of, scenario_of, write
from tripcurve.cli import app
from tripcurve.run.layout import EVENTS
from tripcurve.scenario import Scenario

LAB = lab_of(RULE, median_ms=20)


def test_it_writes_the_events_and_says_how_well_the_clocks_agree(tmp_path: Path) -> None:
    run, export = tmp_path / "run", tmp_path / "events.json"
    truth, _ = recorded_and_logged(run, LAB, TRIP)
    export.write_text(json.dumps(published(LAB, truth)), "utf-8")
    done = CliRunner().invoke(app, ["truth", str(run), "--from", str(export)])
    assert done.exit_code == 0, done.output
    assert "Azure's clock minus the run's: +13" in done.output
    lines = (run / EVENTS).read_text("utf-8").splitlines()
    assert len(lines) == len(truth.events)
    assert json.loads(lines[0])["data"]["local"]["source"] == "event grid"


@pytest.mark.parametrize("content", ["[]", '{"a": 1}', "x,y\n1,2\n"])
def test_a_foreign_file_changes_nothing(tmp_path: Path, content: str) -> None:
    run, export = tmp_path / "run", tmp_path / "file"
    recorded_and_logged(run, LAB, TRIP)
    export.write_text(content, "utf-8")
    before = sorted(path.name for path in run.iterdir())
    done = CliRunner().invoke(app, ["truth", str(run), "--from", str(export)])
    assert done.exit_code != 0
    assert sorted(path.name for path in run.iterdir()) == before


@pytest.mark.parametrize("scenario", [TRIP, scenario_of({"for": 2})], ids=["trips", "no trip"])
def test_the_gateways_own_record_is_never_replaced(tmp_path: Path, scenario: Scenario) -> None:
    run, export = write(tmp_path / "run", LAB, scenario), tmp_path / "events.json"
    own = (run / EVENTS).read_text("utf-8")
    truth, _ = recorded_and_logged(tmp_path / "other", LAB, TRIP)
    export.write_text(json.dumps(published(LAB, truth)), "utf-8")
    done = CliRunner().invoke(app, ["truth", str(run), "--from", str(export)])
    assert done.exit_code != 0
    assert "knows better" in str(done.exception or done.output)
    assert (run / EVENTS).read_text("utf-8") == own
