"""junit.xml: validity, checks and instants as cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lxml import etree

from reports.render.junit import write_junit
from tests.reports.conftest import Reported, typed


def suite_of(summary: dict[str, Any], folder: Path) -> etree._Element:
    write_junit(typed(summary), folder / "junit.xml")
    return etree.fromstring(
        (folder / "junit.xml").read_bytes(), etree.XMLParser(no_network=True, resolve_entities=False)
    )


def cases(suite: etree._Element, group: str) -> list[tuple[str, str | None]]:
    """Name and failure of each case of a group."""
    return [
        (str(case.get("name")), None if not len(case) else str(case[0].get("message")))
        for case in suite
        if case.get("classname") == f"tripcurve.{group}"
    ]


def test_a_run_without_checks_still_has_cases(good: Reported, tmp_path: Path) -> None:
    suite = suite_of(good.summary, tmp_path)
    assert cases(suite, "run") == [("the run is a valid measurement", None)]
    assert len(cases(suite, "trips")) == good.summary["accuracy"]["n"] > 0
    assert (suite.get("tests"), suite.get("failures")) == (str(1 + good.summary["accuracy"]["n"]), "0")


def test_a_failed_check_is_a_failure_with_its_value(tripped: Reported, tmp_path: Path) -> None:
    suite = suite_of(tripped.summary, tmp_path)
    [passed, failed] = cases(suite, "checks")
    assert passed == ("time_to_trip_s.max < 2", None)
    assert failed[0] == "outage_s.max < 1"
    assert str(failed[1]).startswith("value: ")
    assert suite.get("failures") == "1"


def test_a_problem_fails_the_case_of_validity(good: Reported, tmp_path: Path) -> None:
    problems = [{"kind": "workers lost", "text": "worker 2 died during the run"}]
    suite = suite_of({**good.summary, "problems": problems}, tmp_path)
    assert cases(suite, "run") == [("the run is a valid measurement", "workers lost: worker 2 died during the run")]


def test_an_instant_outside_its_half_width_fails(good: Reported, tmp_path: Path) -> None:
    first = good.summary["trips"][0]
    off = {**first, "error_s": {"tripped_s": first["tripped_s"]["half_width"] * 2, "reset_s": None}}
    suite = suite_of({**good.summary, "trips": [off]}, tmp_path)
    [(name, failure)] = cases(suite, "trips")
    assert name == "trip 1 of m1: tripped_s lies within its half-width"
    assert "more than the half-width" in str(failure)


def test_ten_thousand_trips_are_few_cases(many: Callable[[int], dict[str, Any]], tmp_path: Path) -> None:
    assert len(cases(suite_of(many(10_000), tmp_path), "trips")) == 201


def test_it_stays_well_formed_whatever_the_names(hostile: Reported, tmp_path: Path) -> None:
    suite = suite_of(hostile.summary, tmp_path)
    assert "</script>" in cases(suite, "checks")[0][0]
