"""Reported runs, made once: by the virtual gateway, so the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from reports.loading.run import Run, load
from reports.render.charts import draw_charts
from reports.render.writers import write_reports
from reports.statistics.summary import summarise
from reports.trips.analysis import Analysis, analyse
from tests.reports.runs import TRIP, fault, lab_of, scenario_of, write
from tripcurve.run.record import SCHEMA
from tripcurve.run.summary import Summary

HOSTILE = "=cmd|' /C calc'!A0</script><script>alert(1)</script><b>\x1b[31mred\u202e"
"""HTML, an ending script, ANSI colour, a spreadsheet formula and a turn of the reading direction in one name."""


@dataclass(frozen=True)
class Reported:
    run: Run
    analysis: Analysis
    summary: dict[str, Any]
    """The content of summary.json."""

    @cached_property
    def folder(self) -> Path:
        """The run directory with every report in it, which are written when they are first asked for."""
        write_reports(self.run, self.analysis, typed(self.summary))
        return self.run.folder

    @cached_property
    def page(self) -> Path:
        """report.html, written without the charts as files: drawing those takes most of the time."""
        drawn = draw_charts(self.run, self.analysis, lambda _: Future())
        write_reports(self.run, self.analysis, typed(self.summary), replace(drawn, svgs={}))
        return self.run.folder / "report.html"


def typed(summary: dict[str, Any]) -> Summary:
    """The content of a summary.json as the renderers take it."""
    return Summary.model_validate(summary)


def report(folder: Path) -> Reported:
    run = load(folder)
    analysis = analyse(run)
    return Reported(run, analysis, summarise(run, analysis, []))


@pytest.fixture(scope="session")
def tripped(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """One backend, one unit: trips, re-trips, recovers; two checks, one of which fails."""
    scenario = TRIP.model_copy(update={"checks": ("time_to_trip_s.max < 2", "outage_s.max < 1")})
    return report(write(tmp_path_factory.mktemp("tripped") / "run", lab_of(), scenario, seed=1))


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return report(write(tmp_path_factory.mktemp("good") / "run", lab_of(), TRIP, seed=1))


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return report(write(tmp_path_factory.mktemp("healthy") / "run", lab_of(), scenario_of({"for": 3}), seed=1))


@pytest.fixture(scope="session")
def units(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """A fault that is over before any unit resets, so that the reset of the whole group is known."""
    scenario = scenario_of({"for": 2}, {"for": 0.8, "simulate": fault()}, {"for": 5})
    return report(write(tmp_path_factory.mktemp("units") / "run", lab_of(units=3), scenario, seed=3))


@pytest.fixture(scope="session")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """A rising load, so that the report states a capacity and draws its curve."""
    scenario = scenario_of(*({"for": 2, "rate": rate} for rate in (20, 40, 80)))
    return report(write(tmp_path_factory.mktemp("steps") / "run", lab_of(), scenario, seed=1))


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """As on Azure: no record by the gateway itself."""
    folder = write(tmp_path_factory.mktemp("live") / "run", lab_of(), TRIP, seed=1)
    (folder / "gateway-events.jsonl").unlink()
    return report(folder)


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    folder = write(tmp_path_factory.mktemp("killed") / "run", lab_of(), TRIP, seed=1)
    (folder / "run.json").unlink()
    return report(folder)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Every name that a run carries is an attack."""
    folder = write(tmp_path_factory.mktemp("hostile") / "run", lab_of(), TRIP, seed=1)
    with ipc.open_stream((folder / "requests-0.arrows").read_bytes()) as stream:
        table = stream.read_all().cast(SCHEMA)
    named = pa.array([HOSTILE + name for name in table["phase"].to_pylist()]).dictionary_encode()
    at = table.column_names.index("phase")
    pq.write_table(table.set_column(at, SCHEMA.field("phase"), named), folder / "requests.parquet")
    run = load(folder)
    # A lab and a scenario refuse such names; a record from elsewhere may hold them all the same.
    for part in (run.lab, run.scenario, *run.scenario.phases):
        part.__dict__["name"] = HOSTILE
    analysis = analyse(run)
    analysis = replace(analysis, trips=[replace(trip, backend=HOSTILE) for trip in analysis.trips])
    run.notes.append(HOSTILE)
    summary = summarise(run, analysis, [])
    summary["target"] = HOSTILE
    summary["checks"] = [{"expression": HOSTILE, "value": None, "passed": False}]
    return Reported(run, analysis, summary)


@pytest.fixture
def many(good: Reported) -> Callable[[int], dict[str, Any]]:
    """The good run's summary with its first trip repeated."""

    def repeat(times: int) -> dict[str, Any]:
        return {**good.summary, "trips": good.summary["trips"][:1] * times}

    return repeat
