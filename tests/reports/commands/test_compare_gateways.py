"""`tripcurve compare-gateways` after its runs: page, JSON and exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.commands.compare_gateways import compare_gateways_command
from reports.commands.report import report
from tests.planted import Plan, plant
from tripcurve.errors import BadInput
from tripcurve.run.gateways import COMPARISON, GATEWAY_RUNS, GatewayRun, GatewayRuns

MISSING = GatewayRun(kind="envoy", title="Envoy", reason="Envoy is not installed")


def folder_of(folder: Path, *runs: GatewayRun) -> Path:
    for each in runs:
        if each.run is not None:
            plant(folder / each.run, Plan(length=12))
    content = GatewayRuns(lab="planted", scenario="planted", gateways=runs)
    (folder / GATEWAY_RUNS).write_text(content.model_dump_json(), "utf-8")
    return folder


def test_it_writes_page_and_json_and_prints_the_same_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path, GatewayRun(kind="apim", title="API Management", run="apim"), MISSING)
    assert compare_gateways_command(folder, as_json=True) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((folder / COMPARISON).read_text("utf-8"))
    assert [each["kind"] for each in printed["gateways"]] == ["apim", "envoy"]
    assert "Envoy is not installed" in (folder / "report.html").read_text("utf-8")


def test_report_makes_the_page_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path, GatewayRun(kind="apim", title="API Management", run="apim"))
    assert report(folder, [], as_json=False) == 0
    assert "time to trip" in capsys.readouterr().out


def test_it_fails_if_no_gateway_could_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare_gateways_command(folder_of(tmp_path, MISSING), as_json=False) == 3
    assert "Envoy: Envoy is not installed" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "", "{}", "[]"])
def test_another_folder_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / GATEWAY_RUNS).write_text(content, "utf-8")
    with pytest.raises(BadInput, match=r"no readable gateways\.json"):
        compare_gateways_command(tmp_path, as_json=False)
