"""Compares each part of the configured rule with the observations of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.loading.run import Run
from reports.trips.analysis import Analysis
from reports.trips.answers import failed_answers
from reports.trips.causes import Counts
from reports.trips.evidence import Evidence
from reports.trips.failures import slides
from reports.trips.instants import NS
from reports.trips.rule_interval import interval_bounds, may_count_in_a_row
from reports.trips.trip import Measured, Trip
from tripcurve.durations import format_iso
from tripcurve.gateways import profile_of
from tripcurve.lab import Backend
from tripcurve.lab.rule import BreakerRule

__all__ = ["Finding", "conformance"]

NEAR_ENOUGH = 0.25
"""The interval is confirmed if its two bounds differ by at most this fraction of it."""

Verdict = Literal["confirmed", "contradicted", "not shown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding about one part of one rule. `remedy`: a run that would show it; None: this run showed it."""

    backend: str
    part: str
    configured: str
    observed: str
    verdict: Verdict
    remedy: str | None = None


def conformance(run: Run, analysis: Analysis) -> list[Finding]:
    """Return a finding for each part of each backend's rule, in the rule's order."""
    findings: list[Finding] = []
    for backend in run.lab.backends:
        if backend.breaker is None:
            continue
        trips = [trip for trip in analysis.trips if trip.backend == backend.name]
        evidence = analysis.evidence[backend.name]
        findings += [
            _count(backend, backend.breaker, trips, evidence, analysis.counts.get(backend.name)),
            _interval(backend, backend.breaker, trips, evidence, known=run.info.target in ("local", "simulated")),
            _statuses(backend, backend.breaker, trips, run),
            _duration(backend, backend.breaker, trips, evidence),
            _retry_after(backend, evidence.rule or backend.breaker, trips, evidence),
        ]
    return findings


def _count(
    backend: Backend, rule: BreakerRule, trips: list[Trip], evidence: Evidence, counts: Counts | None
) -> Finding:
    """Judge the count by the failures before each trip. `counts`: those that the causes of all trips allow."""
    if rule.count is None:
        return _percentage(backend, rule, trips, evidence)
    part = ("count", str(rule.count))
    bounds = [trip.failures_bounds for trip in trips if trip.failures_bounds is not None and trip.failures_to_trip]
    if not bounds:
        return Finding(backend.name, *part, "no trip whose failures were observed", "not shown", "trip-and-recover")
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if evidence.units > 1:
        fitting = sum(high >= rule.count for _, high in bounds)
        observed = f"up to {high} failures on several units together, each of which counts its own"
        verdict: Verdict = "not shown" if fitting == len(bounds) else "contradicted"
        return Finding(backend.name, *part, observed, verdict, "trip-and-recover on a lab with one unit")
    if evidence.pooled and evidence.retries and high < rule.count:
        settings = evidence.profile.settings
        seen = f"up to {high} failures; the {settings}'s retries hide the others"
        remedy = f"trip-and-recover with a {settings} that does not retry"
        return Finding(backend.name, *part, seen, "not shown", remedy)
    fitting = sum(low <= rule.count <= high for low, high in bounds)
    if fitting == len(bounds) and counts is not None and not counts[0] <= rule.count <= counts[1]:
        return Finding(backend.name, *part, _possible(counts), "contradicted")
    observed = f"{low} to {high}" if low != high else f"{low}"
    observed += f" failures; a count of {rule.count} fits {fitting} of {len(bounds)} trips"
    return Finding(backend.name, *part, observed, "confirmed" if fitting == len(bounds) else "contradicted")


def _possible(counts: Counts) -> str:
    fewest, most = counts
    if fewest > most:
        return "no count fits all trips"
    return f"only a count of {fewest}{'' if fewest == most else f' to {most}'} fits all trips"


def _percentage(backend: Backend, rule: BreakerRule, trips: list[Trip], evidence: Evidence) -> Finding:
    """Judge the percentage by the share of failures among the answers that can have been in the window at each trip."""
    part = ("percentage", f"{rule.percentage} %")
    remedy = "a fault whose share is slightly above the percentage, on a lab with one unit"
    pairs = zip(trips, [None, *trips], strict=False)
    shares = [_share_at(trip, earlier, rule, evidence) for trip, earlier in pairs]
    seen = [share for share in shares if share is not None]
    if not seen or rule.percentage is None or evidence.units > 1:
        return Finding(backend.name, *part, "no trip whose whole window was observed", "not shown", remedy)
    fitting = sum(high * 100 >= rule.percentage for _, high in seen)
    observed = f"{min(low for low, _ in seen):.0%} to {max(high for _, high in seen):.0%} of answers were failures"
    observed += f", which is enough in {fitting} of {len(seen)} trips"
    if fitting < len(seen):
        return Finding(backend.name, *part, observed, "contradicted")
    near = all(low * 100 <= rule.percentage for low, _ in seen)
    return Finding(backend.name, *part, observed, "confirmed" if near else "not shown", None if near else remedy)


def _share_at(trip: Trip, earlier: Trip | None, rule: BreakerRule, evidence: Evidence) -> tuple[float, float] | None:
    """Return the least and the largest possible share of failures in the window at a trip, or None if unknown."""
    if trip.tripped_s is None or (earlier is not None and earlier.reset_s is None):
        return None
    answers, doubt_ns, zero_ns = evidence.answers, evidence.doubt_ns, evidence.zero_ns
    low, high = _range_ns(trip.tripped_s, zero_ns)
    since_low, since_high = low - rule.interval * NS, high - rule.interval * NS
    if earlier is not None and earlier.reset_s is not None:
        reset_low, reset_high = _range_ns(earlier.reset_s, zero_ns)
        since_low, since_high = max(since_low, reset_low), max(since_high, reset_high)
    arrived, ended = answers.arrived_from - doubt_ns, answers.end + doubt_ns
    failed = failed_answers(answers, rule)
    sure = answers.by_backend & (arrived > since_high) & (ended <= low)
    maybe = answers.by_backend & (ended > since_low) & (arrived <= high) & ~sure
    fails, others = int(np.sum(sure & failed)), int(np.sum(sure & ~failed))
    more_fails, more_others = int(np.sum(maybe & failed)), int(np.sum(maybe & ~failed))
    if not fails + more_fails:
        return None
    return fails / max(fails + others + more_others, 1), (fails + more_fails) / (fails + more_fails + others)


def _range_ns(measured: Measured, zero_ns: int) -> tuple[float, float]:
    return zero_ns + measured.low * NS, zero_ns + measured.high * NS


def _interval(backend: Backend, rule: BreakerRule, trips: list[Trip], evidence: Evidence, *, known: bool) -> Finding:
    """Judge the interval by the times between failures that tripped the breaker, and between those that did not.

    `known`: the lab's options state how the breaker counts. If not, a success may reset its count.
    """
    part = ("interval", format_iso(rule.interval))
    if evidence.profile.counting != "window":
        seen = f"{evidence.profile.title} has no such window"
        return Finding(backend.name, *part, seen, "not shown", "a gateway whose rule has one")
    if rule.count is None:
        seen = "a percentage does not show its interval"
        return Finding(backend.name, *part, seen, "not shown", "the same run with a count instead of a percentage")
    if rule.count == 1:
        seen = "one failure trips the breaker, whatever the interval is"
        return Finding(backend.name, *part, seen, "not shown", "a count of two or more")
    hidden = evidence.units > 1 or (evidence.pooled and evidence.retries) or not slides(evidence.options)
    ends = evidence.answers.end
    if hidden or not len(ends):
        seen = "the breaker counted failures that cannot be observed one by one"
        return Finding(
            backend.name, *part, seen, "not shown", "the scenario interval on a lab with one unit and no retries"
        )
    longer, up_to = interval_bounds(trips, evidence.failures, rule.count, evidence.zero_ns, int(ends.max()))
    seen = _between(longer, up_to)
    if longer < rule.interval and not known and may_count_in_a_row(trips, evidence, rule.count):
        seen = f"{_between(longer, None)}; this breaker may reset its count after a success"
        remedy = "failures spread over the interval, without a success between them"
        return Finding(backend.name, *part, seen, "not shown", remedy)
    if longer >= rule.interval or (up_to is not None and up_to < rule.interval):
        return Finding(backend.name, *part, seen, "contradicted")
    if up_to is not None and up_to - longer <= rule.interval * NEAR_ENOUGH:
        return Finding(backend.name, *part, seen, "confirmed")
    return Finding(backend.name, *part, seen, "not shown", "the scenario interval")


def _between(longer: float, up_to: float | None) -> str:
    parts = [f"longer than {longer:.2f} s"] if longer else []
    parts += [] if up_to is None else [f"no longer than {up_to:.2f} s"]
    return " and ".join(parts) or "no failures that show the interval"


def _statuses(backend: Backend, rule: BreakerRule, trips: list[Trip], run: Run) -> Finding:
    ranges = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in rule.status_codes) or "none"
    kinds = run.tally.kinds
    named = kinds["backend"] == backend.name
    if not run.lab.has_pool and profile_of(run.lab).only_the_labs:
        named |= kinds["backend"].isna()  # an answer without a mark is also its own
    own = kinds[(kinds["origin"] == "backend") & named]
    seen = sorted(int(status) for status in own["status"].unique())
    counted = [str(status) for status in seen if rule.counts_status(status)]
    others = [str(status) for status in seen if not rule.counts_status(status)]
    if not trips or not counted:
        return Finding(backend.name, "statuses", ranges, "no trip on a counted status", "not shown", "trip-and-recover")
    text = f"tripped on {', '.join(counted)}; other statuses: {', '.join(others) or 'none'}"
    return Finding(backend.name, "statuses", ranges, text, "confirmed")


def _duration(backend: Backend, rule: BreakerRule, trips: list[Trip], evidence: Evidence) -> Finding:
    part = ("open for", format_iso(rule.trip_duration) + (" or Retry-After" if rule.accept_retry_after else ""))
    whole = [trip for trip in trips if trip.open_s is not None and trip.open_error_s is not None]
    if not whole:
        grouped = any(trip.first_shed_s is not None for trip in trips)
        where = "trip-and-recover on a lab with one unit" if grouped else "trip-and-recover"
        seen = "the open time of the units together, not of each" if grouped else "no whole open period"
        return Finding(backend.name, *part, seen, "not shown", where)
    widths = [t.tripped_s.half_width + t.reset_s.half_width for t in whole if t.tripped_s and t.reset_s]
    fitting = sum(_open_as_configured(trip, evidence.profile.late_s) for trip in whole)
    median = float(np.median([trip.open_s or 0.0 for trip in whole]))
    observed = f"{median:.3f} s ± {max(widths):.3f}, as configured in {fitting} of {len(whole)} trips"
    return Finding(backend.name, *part, observed, "confirmed" if fitting == len(whole) else "contradicted")


def _open_as_configured(trip: Trip, late_s: float) -> bool:
    """Return whether the breaker may have been open for exactly the rule's duration or an accepted Retry-After.

    `late_s`: how much longer than that the gateway may keep it open.
    """
    least, most = trip.bounds["open_s"]
    return least - late_s <= (trip.open_s or 0.0) - (trip.open_error_s or 0.0) <= most


def _retry_after(backend: Backend, rule: BreakerRule, trips: list[Trip], evidence: Evidence) -> Finding:
    answers, late_s = evidence.answers, evidence.profile.late_s
    part = ("Retry-After", "accepted" if rule.accept_retry_after else "ignored")
    waits_s = answers.retry_after_s[failed_answers(answers, rule)]
    waits_s = waits_s[~np.isnan(waits_s)]
    # A Retry-After that equals the rule's duration does not show which of the two applied.
    other_s = waits_s[np.abs(waits_s - rule.trip_duration) > 0.5]
    whole = [trip for trip in trips if trip.open_error_s is not None and trip.tripped_s and trip.reset_s]
    if not len(other_s) or not whole:
        seen = "no whole open period" if len(other_s) else "no failure had a Retry-After other than the trip duration"
        remedy = "trip-and-recover with a retry_after_s that differs from the trip duration"
        return Finding(backend.name, *part, seen, "not shown", remedy)
    fitting = sum(_open_as_configured(trip, late_s) for trip in whole)
    least, most = float(other_s.min()), float(other_s.max())
    sent = f"{least:g} s" if least == most else f"{least:g} to {most:g} s"
    length = "that long" if rule.accept_retry_after else "for the trip duration"
    observed = f"failures had a Retry-After of {sent}; open {length} in {fitting} of {len(whole)} trips"
    return Finding(backend.name, *part, observed, "confirmed" if fitting == len(whole) else "contradicted")
