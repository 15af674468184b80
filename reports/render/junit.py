"""Writes junit.xml for CI systems: the run's validity, its checks and its measured instants as test cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from reports.render.words import legible, who
from tripcurve.run.summary import Measured, Summary
from tripcurve.run.writing import replacing

__all__ = ["write_junit"]

MOST_TRIPS = 100
"""The most trips whose instants have a test case each. The instants of all other trips share one."""


class _Case(NamedTuple):
    """A test case. `failure` None: it passed."""

    group: str
    name: str
    failure: str | None


def write_junit(summary: Summary, path: Path) -> None:
    """Write a case for the run's validity, for each check, and for each instant of a trip whose truth is known."""
    cases = [_validity(summary), *_checks(summary), *_instants(summary)]
    suite = ElementTree.Element(
        "testsuite",
        name=legible(f"tripcurve {summary.lab} {summary.scenario}"),
        tests=str(len(cases)),
        failures=str(sum(case.failure is not None for case in cases)),
        time=f"{summary.duration_s:.3f}",
    )
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", classname=f"tripcurve.{case.group}", name=legible(case.name)
        )
        if case.failure is not None:
            ElementTree.SubElement(element, "failure", message=legible(case.failure))
    with replacing(path) as part:
        ElementTree.ElementTree(suite).write(part, encoding="utf-8", xml_declaration=True)


def _validity(summary: Summary) -> _Case:
    problems = [f"{problem.kind}: {problem.text}" for problem in summary.problems]
    return _Case("run", "the run is a valid measurement", "; ".join(problems) or None)


def _checks(summary: Summary) -> Iterator[_Case]:
    for check in summary.checks:
        value = check.reason or "not observed" if check.value is None else str(check.value)
        yield _Case("checks", check.expression, None if check.passed else f"value: {value}")


def _instants(summary: Summary) -> Iterator[_Case]:
    trips = summary.trips
    for number, trip in enumerate(trips[:MOST_TRIPS], 1):
        for name, (measured, error_s) in trip.errors.items():
            case = f"trip {number} of {who(trip)}: {name} lies within its half-width"
            yield _Case("trips", case, _outside(measured, error_s))
    others = [pair for trip in trips[MOST_TRIPS:] for pair in trip.errors.values()]
    if others:
        outside = sum(_outside(measured, error_s) is not None for measured, error_s in others)
        failure = f"{outside:,} of {len(others):,} lie outside" if outside else None
        yield _Case("trips", "the instants of all other trips lie within their half-widths", failure)


def _outside(measured: Measured, error_s: float) -> str | None:
    """Return the failure if the true instant lies outside the stated interval, or None if it lies inside."""
    if abs(error_s) <= measured.half_width:
        return None
    return f"off by {error_s * 1000:+.3f} ms, more than the half-width of {measured.half_width * 1000:.3f} ms"
