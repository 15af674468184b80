"""Whether the rule is good, and why: the one sentence a reader of the first line takes away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Verdict", "judge"]

SYMBOLS = {"good": "✓", "not good": "✗", "not shown": "?"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`label`: good, not good or not shown. `reasons`: short clauses, the weightiest first, never empty."""

    label: Literal["good", "not good", "not shown"]
    reasons: list[str]

    @property
    def symbol(self) -> str:
        """A shape beside the colour."""
        return SYMBOLS[self.label]

    @property
    def sentence(self) -> str:
        subject = {
            "good": "The rule is good in this scenario",
            "not good": "The rule is not good in this scenario",
            "not shown": "Whether the rule is good was not shown",
        }[self.label]
        if (
            self.label == "not shown" and len(self.reasons) > 1
        ):  # what stands against it, then what was seen all the same
            return f"{subject}: {self.reasons[0]}; {_joined(self.reasons[1:])}."
        return f"{subject}: {_joined(self.reasons)}."


def judge(summary: dict[str, Any]) -> Verdict:
    """Judge by what was asked and seen.

    Not good: a check failed, an observation contradicts the rule, or an instant lay outside its stated interval. Not
    shown: nothing opened; nothing was seen whole and no check asked for; or the run was cut short or ended before
    service was back. Else good.
    """
    against = [*_failed_checks(summary), *_contradictions(summary), *_doubtful(summary)]
    if against:
        return Verdict("not good", against)
    if not summary["trips"]:
        return Verdict("not shown", [_no_trip(summary)])
    if summary["interrupted"]:
        return Verdict("not shown", ["the run was cut short", *_favour(summary)])
    if not _restored(summary):
        return Verdict("not shown", ["the run ended before service was seen restored", *_favour(summary)])
    if summary["time_to_trip_s"]["median"] is None and summary["open_s"]["median"] is None and not summary["checks"]:
        return Verdict("not shown", ["no trip was seen from its first failure, nor to its reset", *_favour(summary)])
    return Verdict("good", _favour(summary))


def _failed_checks(summary: dict[str, Any]) -> list[str]:
    failed = [check for check in summary["checks"] if not check["passed"]]
    shown = [f"the check {c['expression']} failed ({_value(c['value'])})" for c in failed[:2]]
    return shown if len(failed) < 3 else [*shown, f"so did {len(failed) - 2} more"]


def _value(value: float | None) -> str:
    return "no value observed" if value is None else f"it was {value:,.3f}"


def _contradictions(summary: dict[str, Any]) -> list[str]:
    return [
        f"{found['backend']}'s {found['part']} is {found['configured']}, observed {found['observed']}"
        for found in summary["conformance"]
        if found["verdict"] == "contradicted"
    ]


def _doubtful(summary: dict[str, Any]) -> list[str]:
    outside = summary["accuracy"]["outside"]
    return [f"{outside} measured instants lay outside their stated interval, so trust none"] if outside else []


def _no_trip(summary: dict[str, Any]) -> str:
    throttles = summary["throttles"]
    if summary.get("unobservable"):
        return f"the breaker is not observable: {summary['unobservable']}"
    if not throttles:
        return "no backend answered 429 and the breaker was not seen to open"
    return f"backends answered 429 {throttles:,} times, which did not open the breaker"


def _restored(summary: dict[str, Any]) -> bool:
    """After the last trip: by its own backend, or, where others took its place, by whichever served clients."""
    last = max(summary["trips"], key=lambda trip: (trip["tripped_s"] or {"estimate": 0.0})["estimate"])
    return last["recovery_latency_s"] is not None or last["outage_s"] is not None


def _favour(summary: dict[str, Any]) -> list[str]:
    reasons = []
    time, opened, error = summary["time_to_trip_s"], summary["open_s"], summary["open_error_s"]
    if time["median"] is not None:
        soon = time["median"] < 0.001  # the first failure trips, or as good as
        reasons.append(
            "it tripped " + ("at the first failure" if soon else f"{time['median']:.3f} s after the first failure")
        )
    if opened["median"] is not None:
        as_set = error["max"] is not None and max(abs(error["min"]), abs(error["max"])) < 0.1
        grouped = any(trip["first_shed_s"] is not None for trip in summary["trips"])
        who = "had some unit open for" if grouped else "stayed open"
        reasons.append(f"{who} {opened['median']:.2f} s" + (" as configured" if as_set else ""))
    if summary["absorption"] is not None:
        reasons.append(f"kept {summary['absorption']:.0%} of the refused load off the backend")
    if summary["checks"]:
        count = len(summary["checks"])
        reasons.append("its one check passed" if count == 1 else f"all {count} checks passed")
    else:
        reasons.append("though no check was set to hold it to")
    return reasons


def _joined(reasons: list[str]) -> str:
    if len(reasons) == 1:
        return reasons[0]
    link = ", " if reasons[-1].startswith("though") else " and " if len(reasons) == 2 else ", and "
    return ", ".join(reasons[:-1]) + link + reasons[-1]
