"""junit.xml: the run's validity, its checks and its measured instants as test cases, as CI systems read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from reports.render.words import legible, who

__all__ = ["write_junit"]

MOST_TRIPS = 100
"""Trips whose instants have a case each; the instants of the others share one."""


class _Case(NamedTuple):
    """A test case. `failure` None: it passed."""

    group: str
    name: str
    failure: str | None


def write_junit(summary: dict[str, Any], path: Path) -> None:
    """Write a case for the run's validity, for each check, and for each instant of a trip whose truth is known."""
    cases = [_validity(summary), *_checks(summary), *_instants(summary)]
    suite = ElementTree.Element(
        "testsuite",
        name=legible(f"tripcurve {summary['lab']} {summary['scenario']}"),
        tests=str(len(cases)),
        failures=str(sum(case.failure is not None for case in cases)),
        time=f"{summary['duration_s']:.3f}",
    )
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", classname=f"tripcurve.{case.group}", name=legible(case.name)
        )
        if case.failure is not None:
            ElementTree.SubElement(element, "failure", message=legible(case.failure))
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _validity(summary: dict[str, Any]) -> _Case:
    problems = [f"{problem['kind']}: {problem['text']}" for problem in summary.get("problems") or []]
    return _Case("run", "the run is a valid measurement", "; ".join(problems) or None)


def _checks(summary: dict[str, Any]) -> Iterator[_Case]:
    for check in summary["checks"]:
        value = check.get("reason") or "not observed" if check["value"] is None else str(check["value"])
        yield _Case("checks", check["expression"], None if check["passed"] else f"value: {value}")


def _instants(summary: dict[str, Any]) -> Iterator[_Case]:
    trips = summary["trips"]
    for number, trip in enumerate(trips[:MOST_TRIPS], 1):
        for name, error_s in _errors(trip):
            yield _Case(
                "trips",
                f"trip {number} of {who(trip)}: {name} lies within its half-width",
                _outside(trip[name], error_s),
            )
    others = [(trip[name], error_s) for trip in trips[MOST_TRIPS:] for name, error_s in _errors(trip)]
    if others:
        outside = sum(_outside(measured, error_s) is not None for measured, error_s in others)
        failure = f"{outside:,} of {len(others):,} lie outside" if outside else None
        yield _Case("trips", "the instants of all other trips lie within their half-widths", failure)


def _errors(trip: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The instants of a trip that were measured and whose truth is known, each with its error, s."""
    for name in ("tripped_s", "reset_s"):
        error_s = (trip["error_s"] or {}).get(name)
        if trip[name] is not None and error_s is not None:
            yield name, error_s


def _outside(measured: dict[str, float], error_s: float) -> str | None:
    """What is wrong where the true instant lies outside the stated interval; None where it lies inside."""
    if abs(error_s) <= measured["half_width"]:
        return None
    return f"off by {error_s * 1000:+.3f} ms, more than the half-width of {measured['half_width'] * 1000:.3f} ms"
