"""One trip of a run, with the measures that docs/measures.md defines."""

from __future__ import annotations

from dataclasses import dataclass, field

from reports.trips.instants import By

__all__ = ["Measured", "Trip"]


@dataclass(frozen=True, slots=True)
class Measured:
    """An instant in seconds from the run's start, its bounds, and the kind of evidence that bounds it."""

    estimate: float
    low: float
    high: float
    by: By = "proof"

    @property
    def half_width(self) -> float:
        """The most that the estimate can be off, seconds: its distance from the farther bound."""
        return max(self.estimate - self.low, self.high - self.estimate)


@dataclass(frozen=True, slots=True)
class Trip:
    """One trip, with the measures that `tripcurve.run.summary.Trip` has.

    Times are seconds from the run's start; None means not observed, or not defined for this trip.

    `bounds`: by a measure's name, the least and the most that the true value can be. `truth`: the true `tripped_s` and
    `reset_s`, and `error_s`: measured minus true; both are None if the target does not record its trips.
    """

    backend: str | None
    unit: int | None
    tripped_s: Measured | None
    reset_s: Measured | None
    time_to_trip_s: float | None = None
    failures_to_trip: int | None = None
    failures_bounds: tuple[int, int] | None = None
    first_shed_s: float | None = None
    full_shed_s: Measured | None = None
    partial_shed_share: float | None = None
    overshoot: int | None = None
    open_s: float | None = None
    open_error_s: float | None = None
    recovery_latency_s: float | None = None
    restored_s: float | None = None
    outage_s: float | None = None
    throttled: int = 0
    shed: int = 0
    retrip: bool = False
    truth: dict[str, float | None] | None = None
    error_s: dict[str, float | None] | None = None
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
