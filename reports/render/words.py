"""Writes the sentences and table cells that the terminal, Markdown and HTML reports share."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from reports.statistics.verdict import verdict_of
from tripcurve.lab.rule import BreakerRule
from tripcurve.run.instances import Instances
from tripcurve.run.retries import Retries
from tripcurve.run.summary import Instants, Measured, Summary, Trip

__all__ = [
    "TRIP_COLUMNS",
    "UNIT_COLUMNS",
    "answer",
    "count",
    "error",
    "how_ended",
    "in_ms",
    "instances_in_words",
    "legible",
    "more_trips",
    "number",
    "retries_in_words",
    "rule_statuses",
    "rules_in_words",
    "share",
    "signed",
    "status_counts",
    "statuses_in_words",
    "target_in_words",
    "trip_columns",
    "trip_rows",
    "truth",
    "unit_rows",
    "who",
    "with_half_width",
]


def legible(value: object) -> str:
    """Return text with control characters and changes of writing direction as escapes, so that they have no effect.

    The charts' library would end the process at a control character.
    """
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(value))


def number(value: float | None, digits: int = 3) -> str:
    """Format a number for a reader, or a dash for None."""
    return "–" if value is None else f"{value:,.{digits}f}"


def with_half_width(measured: Measured | None) -> str:
    """Format an instant as `5.087 ±0.012`, or a dash for None."""
    return "–" if measured is None else f"{measured.estimate:.3f} ±{measured.half_width:.3f}"


def in_ms(error_s: float | None) -> str:
    """Format an error in ms with its sign, or a dash for None."""
    return "–" if error_s is None else f"{error_s * 1000:+.1f}"


def _with_evidence(measured: Measured | None) -> str:
    """Format an instant as `5.087 ±0.012 by cause`. Summaries of versions before 0.2 do not have the evidence."""
    text = with_half_width(measured)
    return text if measured is None or measured.by is None else f"{text} by {measured.by}"


NOT_KNOWN = Instants(tripped_s=None, reset_s=None)


def truth(trip: Trip) -> Instants:
    """Return the true instants of a trip, each None if the target keeps no record of it."""
    return trip.truth or NOT_KNOWN


def error(trip: Trip) -> Instants:
    """Return the errors of a trip's instants, each None if it was not measured or its true value is not known."""
    return trip.error_s or NOT_KNOWN


TRIP_COLUMNS: dict[str, Callable[[Trip], str]] = {
    "backend": lambda trip: who(trip),
    "tripped, s": lambda trip: _with_evidence(trip.tripped_s),
    "truth, s": lambda trip: number(truth(trip).tripped_s),
    "error, ms": lambda trip: in_ms(error(trip).tripped_s),
    "reset, s": lambda trip: _with_evidence(trip.reset_s),
    "truth, s ": lambda trip: number(truth(trip).reset_s),
    "error, ms ": lambda trip: in_ms(error(trip).reset_s),
    "time to trip, s": lambda trip: number(trip.time_to_trip_s),
    "failures": lambda trip: count(trip.failures_to_trip),
    "overshoot": lambda trip: count(trip.overshoot),
    "open, s": lambda trip: number(trip.open_s),
    "open error, s": lambda trip: signed(trip.open_error_s),
    "recovery, s": lambda trip: number(trip.recovery_latency_s),
    "restored, s": lambda trip: number(trip.restored_s),
    "outage, s": lambda trip: number(trip.outage_s),
    "429": lambda trip: count(trip.throttled),
    "sheds": lambda trip: count(trip.shed),
    "re-trip": lambda trip: "yes" if trip.retrip else "no",
}
"""The columns of the trip table: each heading with the function of its cells. A blank makes two headings differ."""

TRUTH_COLUMNS = ("truth, s", "error, ms", "truth, s ", "error, ms ")
UNIT_COLUMNS: dict[str, Callable[[Trip], str]] = {
    "backend": lambda trip: str(trip.backend or "–"),
    "first shed, s": lambda trip: number(trip.first_shed_s),
    "every unit tripped, s": lambda trip: with_half_width(trip.full_shed_s),
    "shed share between": lambda trip: share(trip.partial_shed_share),
}
"""The columns of the units' table. Units trip one by one, and shed only a part of the load until all have tripped."""


def trip_columns(summary: Summary) -> dict[str, Callable[[Trip], str]]:
    """Return the columns for a run: those of the truth only if the target kept a record."""
    hidden = () if summary.truth_known else TRUTH_COLUMNS
    return {name: cell for name, cell in TRIP_COLUMNS.items() if name not in hidden}


def trip_rows(summary: Summary, most: int | None = None) -> list[list[str]]:
    """Return a row for each of the first `most` trips. None: of all trips."""
    columns = trip_columns(summary).values()
    return [[cell(trip) for cell in columns] for trip in summary.trips[:most]]


def unit_rows(summary: Summary, most: int | None = None) -> list[list[str]]:
    """Return a row for each trip of a group of units. There is none if the gateway has one unit."""
    grouped = [trip for trip in summary.trips if trip.first_shed_s is not None]
    return [[cell(trip) for cell in UNIT_COLUMNS.values()] for trip in grouped[:most]]


def who(trip: Trip) -> str:
    name = str(trip.backend or "–")
    return name if trip.unit in (None, 0) else f"{name}, unit {trip.unit}"


def count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def signed(value: float | None, digits: int = 3) -> str:
    """Format a number with its sign, or a dash for None. A number that rounds to zero is `+0`, never `-0`."""
    return "–" if value is None else f"{round(value, digits) + 0.0:+,.{digits}f}"


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def instances_in_words(instances: Instances) -> str:
    """`3, certain`, `probably 3 (72.0%)`, or that the number is not known."""
    if instances.estimate is None:
        return "cannot be inferred"
    if instances.certain:
        return f"{instances.estimate}, certain"
    return f"probably {instances.estimate} ({share(instances.probability)})"


def more_trips(summary: Summary, shown: int) -> str | None:
    """Return the sentence under a table of the first `shown` trips, or None if these are all."""
    hidden = len(summary.trips) - shown
    return f"{hidden:,} more trips are in summary.json and trips.csv." if hidden > 0 else None


def status_counts(summary: Summary) -> dict[str, int]:
    """Return the number of requests by status, with words where there was no answer."""
    canceled = summary.requests.canceled
    found = {"no response" if status == "0" else status: n for status, n in summary.requests.by_status.items()}
    if canceled:
        found |= {"no response": found["no response"] - canceled, "canceled": canceled}
    return {kind: n for kind, n in found.items() if n}


def statuses_in_words(summary: Summary) -> str:
    """Return text such as `801 × 200, 9 × 429, 3 × no response; 60 of the 2xx broken`, empty without requests."""
    requests = summary.requests
    parts = [f"{n:,} × {kind}" for kind, n in status_counts(summary).items()]
    return ", ".join(parts) + (f"; {requests.broken:,} of the 2xx broken" if requests.broken else "")


def retries_in_words(retries: Retries) -> str:
    """Return text such as `2.9 attempts per call, most in fault (3.8)`."""
    text = f"{number(retries.attempts_per_call, 2)} attempts per call"
    known = [phase for phase in retries.phases if phase.attempts_per_call is not None]
    most = max(known, key=lambda phase: phase.attempts_per_call or 0.0, default=None)
    if most is None or len(known) < 2 or most.attempts == most.calls:
        return text
    return f"{text}, most in {most.phase} ({number(most.attempts_per_call, 2)})"


def target_in_words(summary: Summary) -> str:
    return {"local": "the local cloud", "azure": "Azure"}.get(summary.target, summary.target)


def rules_in_words(rules: dict[str, BreakerRule]) -> list[str]:
    """Return a line for each different rule, with the backends that have it."""
    backends: dict[str, list[str]] = {}
    for backend, rule in rules.items():
        backends.setdefault(_rule_in_words(rule), []).append(backend)
    return [f"Rule of {', '.join(names)}: {text}." for text, names in backends.items()]


def _rule_in_words(rule: BreakerRule) -> str:
    few = "failure" if rule.count == 1 else "failures"
    at = f"at {rule.count} {few}" if rule.count is not None else f"when {rule.percentage} % of answers fail"
    heeds = ", or as Retry-After says" if rule.accept_retry_after else ""
    statuses = rule_statuses(rule) or "of other kinds"
    return f"trips {at} ({statuses}) within {rule.interval:g} s, then stays open for {rule.trip_duration:g} s{heeds}"


def rule_statuses(rule: BreakerRule) -> str:
    """Return the statuses that the rule counts, such as `429, 500-599`."""
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in rule.status_codes)


def how_ended(summary: Summary) -> str | None:
    """Return how a run was interrupted or killed, or None if it was not."""
    if not summary.interrupted:
        return None
    killed = any("was killed" in note for note in summary.notes)
    return f"{'killed' if killed else 'interrupted'}: the report covers what was recorded until then"


def answer(summary: Summary) -> list[str]:
    """Return three sentences about a run: the verdict with its reasons, the events, and their accuracy."""
    return [verdict_of(summary).sentence, _what_happened(summary), _how_sure(summary)]


def _what_happened(summary: Summary) -> str:
    trips, requests = len(summary.trips), summary.requests
    unseen = "Whether the breaker opened is not observable" if summary.unobservable else None
    text = f"The breaker opened {_times(trips)}" if trips else unseen or "The breaker was not seen to open"
    if summary.retrips:
        text += f", {summary.retrips:,} of them again while the fault lasted"
    text += f"; of {requests.total:,} requests, backends answered {summary.throttles:,} with 429"
    text += f" and the gateway shed {summary.sheds:,}{_with_statuses(summary.sheds_by_status)}"
    if summary.ratio_503_429 is not None:
        text += f" ({summary.ratio_503_429:.1f} for each 429)"
    longest = summary.outage_s.max
    return text + (f", and the longest outage lasted {longest:.1f} s." if longest is not None else ".")


def _with_statuses(sheds: dict[str, int]) -> str:
    """Return ` with 503`, or ` (5 with 429, 2 with 503)` for several statuses, or an empty text for none."""
    if len(sheds) < 2:
        return "".join(f" with {status}" for status in sheds)
    return f" ({', '.join(f'{n:,} with {status}' for status, n in sheds.items())})"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _how_sure(summary: Summary) -> str:
    accuracy = summary.accuracy
    if accuracy.median_error_s is not None and accuracy.max_error_s is not None:
        outside = "none" if not accuracy.outside else str(accuracy.outside)
        differ = "The measured instant differs" if accuracy.n == 1 else f"The {accuracy.n:,} measured instants differ"
        return (
            f"{differ} from the gateway's own record by {accuracy.median_error_s * 1000:.1f} ms (median) and at most "
            f"{accuracy.max_error_s * 1000:.1f} ms; {outside} of them by more than the stated half-width."
        )
    if summary.truth_known:
        missed = len(summary.unobserved_trips)
        if missed:
            opened = f"{missed:,} opening" + ("" if missed == 1 else "s")
            return f"The gateway's own record has {opened} that no request shows."
        return "The gateway's own record has no opening either."
    widths = [one.half_width for trip in summary.trips for one in (trip.tripped_s, trip.reset_s) if one is not None]
    if not widths:
        return "A live target keeps no record of its own, so there is nothing to compare with."
    return (
        "A live target keeps no record of its own, so the half-widths are all that is known of the accuracy: "
        f"{median(widths) * 1000:.1f} ms (median), at most {max(widths) * 1000:.1f} ms."
    )
