"""The number of instances in summary.json, in the notes, and in the table of data quality."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from reports.loading.run import load
from reports.render.markdown import render_markdown
from reports.render.terminal import print_summary
from reports.render.writers import write_reports
from reports.statistics.facts import quality_rows
from reports.statistics.instances import instance_notes, instances
from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from reports.trips.instance_count import InstanceCount
from tests.planted import Plan, plant

THREE = InstanceCount(None, 3, 0.9999, {3: 0.9999}, certain=True)
LIKELY = InstanceCount(None, 3, 0.72, {3: 0.72, 4: 0.28}, reason="too few requests")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        pytest.param(None, None, id="nothing to infer"),
        pytest.param(InstanceCount(1, 1, 1.0, {1: 1.0}, certain=True), None, id="as the lab says"),
        pytest.param(THREE, "shows that the gateway has 3 instances, each with breakers of its own", id="unknown"),
        pytest.param(replace(THREE, stated=1), "the lab says 1 unit, but the order of sheds", id="contradicted"),
        pytest.param(replace(THREE, estimate=1), "has 1 instance, so 1 breaker for each backend", id="one"),
        pytest.param(LIKELY, "too few requests; most likely 3 (72.0%), 4 (28.0%); the trips are found", id="likely"),
        pytest.param(replace(LIKELY, stated=1), "has several instances, or another rule", id="either"),
        pytest.param(InstanceCount(None, reason="no request was shed"), "no request was shed", id="no shed"),
    ],
)
def test_the_note(found: InstanceCount | None, sentence: str | None) -> None:
    notes = instance_notes(found)
    assert (sentence is None) == (notes == [])
    assert sentence is None or sentence in notes[0]


def test_an_uncertain_number_assumes_the_largest_possible() -> None:
    assert [one.assumed for one in (THREE, LIKELY, replace(LIKELY, stated=1))] == [3, 4, 1]
    assert InstanceCount(None, reason="no request was shed").assumed == 16


def test_the_summary_has_the_candidates() -> None:
    part = instances(LIKELY)
    assert part is not None
    assert part.model_dump() == {
        "stated": None,
        "estimate": 3,
        "probability": 0.72,
        "certain": False,
        "candidates": {"3": 0.72, "4": 0.28},
        "reason": "too few requests",
    }
    assert instances(None) is None


def test_every_report_states_the_number(tmp_path: Path) -> None:
    plant(tmp_path / "run", Plan(rate=50, fault_until=4, length=9, units=2, stated_units="unknown", seed=1))
    run = load(tmp_path / "run")
    analysis = analyse(run)
    summary = build_summary(run, analysis, [])
    write_reports(run, analysis, summary)
    assert ("instances of the gateway", "2, certain") in quality_rows(summary)
    terminal = io.StringIO()
    print_summary(summary, [tmp_path], Console(file=terminal, width=200))
    texts = render_markdown(summary), terminal.getvalue(), (run.folder / "report.html").read_text("utf-8")
    for text in texts:
        assert "shows that the gateway has 2 instances" in text
    for likely, words in ((LIKELY, "probably 3 (72.0%)"), (InstanceCount(None), "cannot be inferred")):
        other = summary.model_copy(update={"instances": instances(likely)})
        assert ("instances of the gateway", words) in quality_rows(other)
