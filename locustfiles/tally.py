"""What a process counted in a run, fit to travel and to be added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from locustfiles.histogram import Histogram

__all__ = ["Tally"]


@dataclass
class Tally:
    """Counts of open-loop arrivals and of rows; lateness, gaps between tokens, outcomes of calls that retry."""

    intended: int = 0
    sent: int = 0
    dropped: int = 0
    rows: int = 0
    lateness: Histogram = field(default_factory=Histogram)
    token_gaps: Histogram = field(default_factory=Histogram)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add another process's counts."""
        self.intended += other.intended
        self.sent += other.sent
        self.dropped += other.dropped
        self.rows += other.rows
        self.lateness.merge(other.lateness)
        self.token_gaps.merge(other.token_gaps)
        self.outcomes.update(other.outcomes)

    def to_message(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "counts": [self.intended, self.sent, self.dropped, self.rows],
            "lateness": self.lateness.to_list(),
            "token_gaps": self.token_gaps.to_list(),
            "outcomes": dict(self.outcomes),
        }

    @classmethod
    def from_message(cls, data: dict[str, Any]) -> Tally:
        intended, sent, dropped, rows = data["counts"]
        lateness, gaps = Histogram(data["lateness"]), Histogram(data["token_gaps"])
        return cls(intended, sent, dropped, rows, lateness, gaps, Counter(data["outcomes"]))

    def describe(self) -> dict[str, Any]:
        """The part of run.json that it fills."""
        return {
            "pacing": {
                "intended": self.intended,
                "sent": self.sent,
                "late_p99_ms": self.lateness.quantile_ms(0.99),
                "dropped": self.dropped,
            },
            "token_gap_ms": {"p50": self.token_gaps.quantile_ms(0.5), "p99": self.token_gaps.quantile_ms(0.99)},
            "outcomes": dict(self.outcomes),
        }
