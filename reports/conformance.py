"""Configured against observed: what the run proves of each part of the rule, and what it cannot."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from reports.analysis import Analysis
from reports.load import Run
from reports.measures import Answers, Trip, failed_answers
from reports.touches import answers_of
from tripcurve.durations import format_iso
from tripcurve.lab import Backend
from tripcurve.rule import BreakerRule

__all__ = ["Finding", "conformance"]

Verdict = Literal["confirmed", "contradicted", "not shown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of one rule. `remedy`: which scenario would show it; None where the run did."""

    backend: str
    part: str
    configured: str
    observed: str
    verdict: Verdict
    remedy: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def conformance(run: Run, analysis: Analysis) -> list[Finding]:
    """A finding for each part of each backend's rule, in the rule's order."""
    findings: list[Finding] = []
    for backend in run.lab.backends:
        if backend.breaker is None:
            continue
        trips = [trip for trip in analysis.trips if trip.backend == backend.name]
        answers = answers_of(run.requests, backend, run.lab)
        findings += [
            _count(backend, backend.breaker, trips),
            _interval(backend, backend.breaker, trips, answers),
            _statuses(backend, backend.breaker, trips, run.requests),
            _duration(backend, backend.breaker, trips, answers),
            _retry_after(backend, backend.breaker, trips, answers),
        ]
    return findings


def _count(backend: Backend, rule: BreakerRule, trips: list[Trip]) -> Finding:
    if rule.count is None:
        return Finding(
            backend.name, "percentage", f"{rule.percentage} %", "–", "not shown", "the count of a share is not judged"
        )
    part = ("count", str(rule.count))
    bounds = [trip.failures_bounds for trip in trips if trip.failures_bounds is not None and trip.failures_to_trip]
    if not bounds:
        return Finding(backend.name, *part, "no trip seen from its first failure", "not shown", "trip-and-recover")
    fitting = sum(low <= rule.count <= high for low, high in bounds)
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    observed = f"{low} to {high} failures in {fitting} of {len(bounds)} trips" if low != high else f"{low} failures"
    return Finding(backend.name, *part, observed, "confirmed" if fitting == len(bounds) else "contradicted")


def _interval(backend: Backend, rule: BreakerRule, trips: list[Trip], answers: Answers) -> Finding:
    """Confirmed only by enough failures, spread wider than the interval, that did not trip."""
    part = ("interval", format_iso(rule.interval))
    remedy = f"a scenario whose failures come {rule.count or 'a few'} within a little more than {part[1]}"
    if rule.count is None or rule.count < 2:
        return Finding(backend.name, *part, "one failure trips, whatever the interval", "not shown", None)
    ends = np.sort(answers.end[failed_answers(answers, rule)])
    spread = (ends[rule.count - 1 :] - ends[: len(ends) - rule.count + 1]) / 1e9
    if not trips and len(spread):
        if spread.min() > rule.interval:
            return Finding(
                backend.name, *part, f"{rule.count} failures over {spread.min():.2f} s did not trip", "confirmed"
            )
        return Finding(
            backend.name, *part, f"{rule.count} failures within {spread.min():.2f} s did not trip", "contradicted"
        )
    widest = [trip.time_to_trip_s for trip in trips if trip.time_to_trip_s is not None]
    seen = f"trips after failures spread over up to {max(widest):.2f} s" if widest else "nothing that bears on it"
    return Finding(backend.name, *part, seen, "not shown", remedy)


def _statuses(backend: Backend, rule: BreakerRule, trips: list[Trip], frame: pd.DataFrame) -> Finding:
    ranges = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in rule.status_codes) or "none"
    own = frame[(frame["origin"] == "backend") & (frame["backend"].astype(object) == backend.name)]
    seen = sorted(int(status) for status in own["status"].unique())
    counted = [str(status) for status in seen if rule.counts_status(status)]
    others = [str(status) for status in seen if not rule.counts_status(status)]
    if not trips or not counted:
        return Finding(backend.name, "statuses", ranges, "no trip on a counted status", "not shown", "trip-and-recover")
    text = f"tripped on {', '.join(counted)}; others seen: {', '.join(others) or 'none'}"
    return Finding(backend.name, "statuses", ranges, text, "confirmed")


def _duration(backend: Backend, rule: BreakerRule, trips: list[Trip], answers: Answers) -> Finding:
    part = ("open for", format_iso(rule.trip_duration) + (" or Retry-After" if rule.accept_retry_after else ""))
    whole = [trip for trip in trips if trip.open_s is not None and trip.open_error_s is not None]
    if not whole:
        return Finding(backend.name, *part, "no whole open period seen", "not shown", "trip-and-recover")
    widths = [t.tripped_s.half_width + t.reset_s.half_width for t in whole if t.tripped_s and t.reset_s]
    fitting = sum(abs(trip.open_error_s or 0.0) <= width for trip, width in zip(whole, widths, strict=True))
    median = float(np.median([trip.open_s or 0.0 for trip in whole]))
    observed = f"{median:.3f} s ± {max(widths):.3f} in {fitting} of {len(whole)} trips"
    return Finding(backend.name, *part, observed, "confirmed" if fitting == len(whole) else "contradicted")


def _retry_after(backend: Backend, rule: BreakerRule, trips: list[Trip], answers: Answers) -> Finding:
    part = ("Retry-After", "accepted" if rule.accept_retry_after else "ignored")
    told = answers.retry_after_s[failed_answers(answers, rule)]
    told = told[~np.isnan(told)]
    # A header that says what the rule says anyway tells nothing.
    telling = told[np.abs(told - rule.trip_duration) > 0.5]
    whole = [trip for trip in trips if trip.open_error_s is not None and trip.tripped_s and trip.reset_s]
    if not len(telling) or not whole:
        return Finding(
            backend.name,
            *part,
            "no failure told another time than the rule's",
            "not shown",
            "a fault with retry_after_s",
        )
    fitting = sum(
        abs(t.open_error_s or 0.0) <= t.tripped_s.half_width + t.reset_s.half_width  # type: ignore[union-attr]  # chosen so
        for t in whole
    )
    observed = f"failures told {telling.min():g} s; open as {'told' if rule.accept_retry_after else 'configured'}"
    observed += f" in {fitting} of {len(whole)} trips"
    return Finding(backend.name, *part, observed, "confirmed" if fitting == len(whole) else "contradicted")
