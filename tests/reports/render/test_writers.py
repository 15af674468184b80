"""CSV, junit.xml and the charts' files."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from lxml import etree

from reports.render.csv_tables import safe, write_csv
from reports.render.writers import write_reports
from tests.reports.conftest import HOSTILE, Reported, typed


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_trips_have_a_row_each_with_what_the_summary_says(good: Reported, tmp_path: Path) -> None:
    written = write_csv(good.run, typed(good.summary), tmp_path)
    trips = rows(written[0])
    assert [float(row["tripped_s"]) for row in trips] == [
        trip["tripped_s"]["estimate"] for trip in good.summary["trips"]
    ]
    assert [row["tripped_s_by"] for row in trips] == [trip["tripped_s"]["by"] for trip in good.summary["trips"]]


def test_no_cell_of_the_trips_holds_a_python_object(good: Reported, tmp_path: Path) -> None:
    path = write_csv(good.run, typed(good.summary), tmp_path)[0]
    text = path.read_text("utf-8")
    assert not set("{}[]'=") & set(text)
    assert float(rows(path)[0]["truth_reset_s"]) == good.summary["trips"][0]["truth"]["reset_s"]
    bounds = good.summary["trips"][0]["bounds"]["open_s"]
    assert [float(rows(path)[0][f"open_s_{end}"]) for end in ("least", "most")] == list(bounds)


def test_every_attempt_is_in_requests_csv(good: Reported, tmp_path: Path) -> None:
    requests = pd.read_csv(write_csv(good.run, typed(good.summary), tmp_path)[2])
    assert len(requests) == good.summary["requests"]["total"]
    assert list(requests["status"]) == list(good.run.requests["status"])


def test_no_cell_is_a_formula(hostile: Reported, tmp_path: Path) -> None:
    for path in write_csv(hostile.run, typed(hostile.summary), tmp_path):
        with path.open(encoding="utf-8", newline="") as lines:
            texts = [cell for row in csv.reader(lines) for cell in row if not _is_number(cell)]
        assert [text for text in texts if text[:1] in "=+@\t\r" and text] == []
    assert rows(tmp_path / "trips.csv")[0]["backend"] == f"'{HOSTILE}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_starts_a_formula_is_quoted(text: str) -> None:
    assert safe(text) == f"'{text}"


def test_plain_names_stay_as_they_are() -> None:
    assert safe("openaimock1") == "openaimock1"


def parsed(path: Path) -> etree._Element:
    return etree.fromstring(path.read_bytes(), etree.XMLParser(no_network=True, resolve_entities=False))


def test_charts_are_drawn_as_vectors_and_pictures(good: Reported) -> None:
    folder = good.folder / "charts"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}.{kind}" for name in ("breaker", "timeline", "latency", "ratio") for kind in ("svg", "png")
    )
    assert all("currentColor" not in path.read_text("utf-8") for path in folder.glob("*.svg"))


def test_a_chart_of_hostile_names_holds_no_markup(hostile: Reported) -> None:
    for path in (hostile.folder / "charts").glob("*.svg"):
        tags = {str(element.tag).rpartition("}")[2] for element in parsed(path).iter()}
        assert not tags & {"script", "b"}


def test_no_output_follows_a_link_out_of_the_run_directory(good: Reported, tmp_path: Path) -> None:
    """A run directory may come from somebody else: its links are replaced, and what they name is not touched."""
    folder, outside = tmp_path / "run", tmp_path / "outside"
    written = _write_everything(good, folder)
    shutil.rmtree(folder)
    folder.mkdir()
    outside.mkdir()
    for path in written:
        if path.parent == folder:
            (outside / path.name).write_text("mine")
            path.symlink_to(outside / path.name)
            path.with_name(f"{path.name}.part").symlink_to(outside / path.name)
    (folder / "charts").symlink_to(outside)
    assert _write_everything(good, folder) == written
    assert {path.read_text() for path in outside.iterdir()} == {"mine"}
    assert [path for path in folder.rglob("*") if path.is_symlink()] == []


def _write_everything(reported: Reported, folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    run = replace(reported.run, folder=folder)
    return [
        *write_reports(run, reported.analysis, typed(reported.summary)),
        *write_csv(run, typed(reported.summary), folder),
    ]
