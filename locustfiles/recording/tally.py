"""The counts of a process in a run, which can be sent to another process and added up."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypedDict

from pydantic import JsonValue

from locustfiles.recording.histogram import Histogram
from tripcurve.run.info import CallCounts, Pacing, Probing, TokenGaps

__all__ = ["Tally", "TallyMessage"]


class TallyMessage(TypedDict):
    """A tally as a worker sends it, with histograms as lists of counts."""

    intended: int
    sent: int
    dropped: int
    dropped_probes: int
    dropped_by_phase: dict[str, int]
    rows: int
    lateness: list[int]
    token_gaps: list[int]
    outcomes: dict[str, int]
    calls: dict[str, int]
    attempts: dict[str, int]
    probing: dict[str, JsonValue] | None


@dataclass
class Tally:
    """Counts of open-loop arrivals and of rows, lateness, gaps between tokens, and outcomes of calls that retry.

    For a worker that died, the arrivals in its records count as `sent`. The others count as `untold` if they were due
    before its last message, because its counts are lost, and as `missed` if they were due later, because nobody sent
    them. Those of a phase of which a worker did not hear count as `missed`, too. `dropped_probes` is the part of
    `dropped` that were probes; `dropped_by_phase` leaves them out.
    """

    intended: int = 0
    sent: int = 0
    dropped: int = 0
    rows: int = 0
    dropped_probes: int = 0
    untold: int = 0
    missed: int = 0
    dropped_by_phase: Counter[str] = field(default_factory=Counter)
    missed_by_phase: Counter[str] = field(default_factory=Counter)
    lateness: Histogram = field(default_factory=Histogram)
    token_gaps: Histogram = field(default_factory=Histogram)
    outcomes: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    """Calls of clients that can retry, by the phase in which they began."""
    attempts: Counter[str] = field(default_factory=Counter)
    """Attempts of these calls, by the phase in which they were sent."""
    probing: Probing | None = None
    """What the process with the dense probes sent; None in the others."""

    def add(self, other: Tally) -> None:
        """Add another process's counts."""
        self.intended += other.intended
        self.sent += other.sent
        self.dropped += other.dropped
        self.dropped_probes += other.dropped_probes
        self.dropped_by_phase.update(other.dropped_by_phase)
        self.rows += other.rows
        self.lateness.merge(other.lateness)
        self.token_gaps.merge(other.token_gaps)
        self.outcomes.update(other.outcomes)
        self.calls.update(other.calls)
        self.attempts.update(other.attempts)
        self.probing = self.probing or other.probing

    @property
    def undelivered(self) -> int:
        """Arrivals that were never sent. Dropped probes do not count, because the load does not depend on them."""
        return self.dropped - self.dropped_probes + self.missed

    def describe_undelivered(self) -> str:
        """Return a sentence that says how many arrivals were never sent, and why."""
        causes = []
        if self.missed:
            causes.append(f"{self.missed:,} because a worker died or did not hear of its share in time")
        if dropped := self.dropped - self.dropped_probes:
            causes.append(f"{dropped:,} because every user was busy; give the scenario more users, or a lower rate")
        share = f"{self.undelivered:,} of {self.intended:,} arrivals were never sent"
        return f"the load was not delivered: {share}: {', '.join(causes)}"

    def add_lost(self, due_s: Iterable[float], heard_s: float, end_s: float, recorded: int) -> list[float]:
        """Add the arrivals of a worker that died, up to the run's end, and return when the missed ones were due.

        `due_s`, `heard_s` (the worker's last message) and `end_s` are seconds from the run's start; `due_s` ascends.
        `recorded`: how many of the arrivals are in its records.
        """
        due = list(takewhile(lambda each: each < end_s, due_s))
        before = bisect_left(due, heard_s)
        sent = min(recorded, before)
        self.intended += len(due)
        self.sent += sent
        self.untold += before - sent
        self.missed += len(due) - before
        return due[before:]

    def to_message(self) -> TallyMessage:
        """Return plain data, without `untold`, `missed` and `missed_by_phase`, which only the main process counts."""
        return {
            "intended": self.intended,
            "sent": self.sent,
            "dropped": self.dropped,
            "dropped_probes": self.dropped_probes,
            "dropped_by_phase": dict(self.dropped_by_phase),
            "rows": self.rows,
            "lateness": self.lateness.to_list(),
            "token_gaps": self.token_gaps.to_list(),
            "outcomes": dict(self.outcomes),
            "calls": dict(self.calls),
            "attempts": dict(self.attempts),
            "probing": None if self.probing is None else self.probing.as_written(),
        }

    @classmethod
    def from_message(cls, data: TallyMessage) -> Tally:
        """Return the tally from the data of `to_message`."""
        return cls(
            intended=data["intended"],
            sent=data["sent"],
            dropped=data["dropped"],
            dropped_probes=data["dropped_probes"],
            dropped_by_phase=Counter(data["dropped_by_phase"]),
            rows=data["rows"],
            lateness=Histogram(data["lateness"]),
            token_gaps=Histogram(data["token_gaps"]),
            outcomes=Counter(data["outcomes"]),
            calls=Counter(data["calls"]),
            attempts=Counter(data["attempts"]),
            probing=None if data["probing"] is None else Probing.model_validate(data["probing"]),
        )

    def pacing(self) -> Pacing:
        """Return the counts of open-loop arrivals for run.json."""
        return Pacing(
            intended=self.intended,
            sent=self.sent,
            late_p99_ms=self.lateness.quantile_ms(0.99),
            dropped=self.dropped,
            untold=self.untold,
            missed=self.missed,
            dropped_by_phase=dict(self.dropped_by_phase),
            missed_by_phase=dict(self.missed_by_phase),
        )

    def call_counts(self) -> dict[str, CallCounts] | None:
        """Return the calls and attempts by phase for run.json, or None if no client could retry."""
        names = sorted(self.calls | self.attempts)
        return {name: CallCounts(calls=self.calls[name], attempts=self.attempts[name]) for name in names} or None

    def token_gap_ms(self) -> TokenGaps:
        """Return the gaps between tokens for run.json."""
        gaps = self.token_gaps
        return TokenGaps(n=gaps.total, p50=gaps.quantile_ms(0.5), p99=gaps.quantile_ms(0.99))
