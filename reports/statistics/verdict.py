"""Judges a run: whether it is a valid measurement, whether the rule is good, and why."""

from __future__ import annotations

from tripcurve.run.summary import CheckOutcome, Label, Summary, Verdict

__all__ = ["HEADLINES", "judge", "verdict_of"]

SYMBOLS: dict[Label, str] = {
    "good": "✓",
    "as configured": "=",
    "not good": "✗",
    "not shown": "?",
    "not valid": "!",
    "target lost": "!",
}
HEADLINES: dict[str, str] = {
    "good": "Rule good",
    "as configured": "Breaker as configured",
    "not good": "Rule not good",
    "not shown": "Not shown",
    "not valid": "Not a valid measurement",
    "target lost": "Target lost",
}
"""The first words of a report, by label."""
SUBJECTS: dict[Label, str] = {
    "good": "The rule is good in this scenario",
    "as configured": "The breaker behaved as configured in this scenario",
    "not good": "The rule is not good in this scenario",
    "not shown": "This run does not show whether the rule is good",
    "not valid": "This run is not a valid measurement",
    "target lost": "The target was lost",
}
CHECK_FAILED, TARGET_LOST, NOT_VALID, INTERRUPTED = 1, 3, 4, 130
NO_CHECK = "no check was set"


def judge(summary: Summary) -> Verdict:
    """Judge a run by its problems first, then by its checks and observations. The labels, in that order:

    * target lost, not valid: the run has a problem.
    * not good: a check failed, an observation contradicts the rule, or a measured instant was outside its interval.
    * not shown: no breaker opened, the run was interrupted or ended before service was restored, or trips were missed.
    * as configured: no check was set, and some part of the rule was confirmed.
    * good: no trip was missed, service was restored, and all checks passed.
    """
    serious = [problem.text for problem in summary.problems if problem.kind != "interrupted"]
    against = [*_failed_checks(summary), *_contradictions(summary), *_doubtful(summary)]
    code = _exit_code(summary)
    if serious:
        lost = summary.problems[0].kind == "target lost"
        return _verdict("target lost" if lost else "not valid", [*serious, *against], code)
    if against:
        return _verdict("not good", against, code)
    missing = _missing(summary)
    if missing is not None:
        return _verdict("not shown", [missing, *(_favour(summary) if summary.trips else [])], code)
    return _verdict("good" if summary.checks else "as configured", _favour(summary), code)


def verdict_of(summary: Summary) -> Verdict:
    """Return the verdict in a summary, or judge a summary without one, which a version before 0.2 wrote."""
    return summary.verdict or judge(summary)


def _verdict(label: Label, reasons: list[str], code: int) -> Verdict:
    first = label in ("not shown", "not valid", "target lost") and len(reasons) > 1
    said = f"{reasons[0]}; {_joined(reasons[1:])}" if first else _joined(reasons)
    sentence = f"{SUBJECTS[label]}: {said}."
    return Verdict(label=label, symbol=SYMBOLS[label], sentence=sentence, reasons=tuple(reasons), exit_code=code)


def _exit_code(summary: Summary) -> int:
    kinds = [problem.kind for problem in summary.problems]
    if "target lost" in kinds:
        return TARGET_LOST
    if kinds == ["interrupted"]:
        return INTERRUPTED
    if kinds:
        return NOT_VALID
    return 0 if all(check.passed for check in summary.checks) else CHECK_FAILED


def _missing(summary: Summary) -> str | None:
    """Return what a run without problems lacks for the labels good and as configured, or None if it has one of them."""
    if summary.interrupted:
        return "the run was cut short"
    if not summary.trips:
        return _no_trip(summary)
    if not _restored(summary):
        return "the run ended before service was restored"
    missed = len(summary.unobserved_trips)
    if missed:
        true = len(summary.trips) + missed
        return f"{missed:,} of the {true:,} openings in the gateway's record were not measured"
    if summary.checks:
        return None
    if summary.time_to_trip_s.median is None and summary.open_s.median is None:
        return "no trip was observed from its first failure or to its reset"
    if not any(found.verdict == "confirmed" for found in summary.conformance):
        return "no part of the rule was confirmed"
    return None


def _failed_checks(summary: Summary) -> list[str]:
    failed = [check for check in summary.checks if not check.passed]
    shown = [f"the check {c.expression} failed ({_value(c)})" for c in failed[:2]]
    return shown if len(failed) < 3 else [*shown, f"so did {len(failed) - 2} more"]


def _value(check: CheckOutcome) -> str:
    return check.reason or "not observed" if check.value is None else f"it was {check.value:,.3f}"


def _contradictions(summary: Summary) -> list[str]:
    return [
        f"{found.backend}'s {found.part} is {found.configured}, observed {found.observed}"
        for found in summary.conformance
        if found.verdict == "contradicted"
    ]


def _doubtful(summary: Summary) -> list[str]:
    outside = summary.accuracy.outside
    if not outside:
        return []
    were = "1 measured instant was outside its" if outside == 1 else f"{outside} measured instants were outside their"
    return [f"{were} stated interval, so no instant of this run is reliable"]


def _no_trip(summary: Summary) -> str:
    throttles = summary.throttles
    if summary.unobservable:
        return f"the breaker is not observable: {summary.unobservable}"
    missed = len(summary.unobserved_trips)
    if missed:
        if missed == 1:
            return "the only opening in the gateway's record was not measured"
        return f"none of the {missed:,} openings in the gateway's record was measured"
    if not throttles:
        return "no backend answered 429 and the breaker was not seen to open"
    times = "once" if throttles == 1 else f"{throttles:,} times"
    return f"backends answered 429 {times}, which did not open the breaker"


def _restored(summary: Summary) -> bool:
    """Return whether service was restored after the last trip, by its own backend or by others."""
    last = max(summary.trips, key=lambda trip: 0.0 if trip.tripped_s is None else trip.tripped_s.estimate)
    return last.recovery_latency_s is not None or last.outage_s is not None


def _favour(summary: Summary) -> list[str]:
    """Return the observations in favour: the slowest trip, the open time, the load that was shed, and the checks."""
    reasons = [*_trip_times(summary), *_open_times(summary)]
    total = summary.requests.total
    if summary.sheds and total:
        reasons.append(f"the gateway shed {summary.sheds / total:.0%} of all requests")
    if summary.checks:
        count = len(summary.checks)
        passed = all(check.passed for check in summary.checks)
        reasons += [] if not passed else ["the check passed" if count == 1 else f"all {count} checks passed"]
    else:
        reasons.append(NO_CHECK)
    return reasons


def _trip_times(summary: Summary) -> list[str]:
    time, trips = summary.time_to_trip_s, len(summary.trips)
    if time.max is None:
        return []
    soon = time.max < 0.001  # the first failure tripped the breaker, or nearly
    when = "at the first failure" if soon else f"{time.max:.3f} s after the first failure"
    if trips == 1:
        return [f"it tripped {when}"]
    seen = f"{trips:,} trips" if time.n == trips else f"the {time.n:,} trips (of {trips:,}) with a known first failure"
    if soon:
        return [f"each of {seen} came {when}"]
    worst = next((trip for trip in summary.trips if trip.time_to_trip_s == time.max), None)
    at = f", at {worst.tripped_s.estimate:.2f} s" if worst is not None and worst.tripped_s else ""
    return [f"the slowest of {seen} came {when}{at}"]


def _open_times(summary: Summary) -> list[str]:
    opened, error = summary.open_s, summary.open_error_s
    if opened.median is None or opened.min is None or opened.max is None:
        return []
    as_set = error.min is not None and error.max is not None and max(abs(error.min), abs(error.max)) < 0.1
    grouped = any(trip.first_shed_s is not None for trip in summary.trips)
    who = "some unit was open for" if grouped else "it stayed open for"
    spread = opened.max - opened.min >= 0.01
    length = f"{opened.min:.2f} to {opened.max:.2f} s" if spread else f"{opened.median:.2f} s"
    return [f"{who} {length}" + (" as configured" if as_set else "")]


def _joined(reasons: list[str]) -> str:
    if len(reasons) == 1:
        return reasons[0]
    link = " and " if len(reasons) == 2 else ", and "
    return ", ".join(reasons[:-1]) + link + reasons[-1]
