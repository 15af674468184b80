"""A run in, its trips out: which requests touched which breaker, and what the breaker itself says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.load import Run
from reports.measures import NS, Answers, Trip, measure_trips
from reports.trips import Touches, find_open_periods
from tripcurve.rule import BreakerRule

__all__ = ["Analysis", "TrueTrip", "analyse"]


@dataclass(frozen=True, slots=True)
class TrueTrip:
    """A trip as the breaker itself tells it, seconds from the run's start. `reset_s` None: still open at the end."""

    backend: str
    unit: int | None
    tripped_s: float
    reset_s: float | None


@dataclass(frozen=True)
class Analysis:
    """What a run showed. `truth` None: the target keeps no account. `unobserved`: true trips no request touched."""

    trips: list[Trip]
    truth: list[TrueTrip] | None
    unobserved: list[TrueTrip]


def analyse(run: Run) -> Analysis:
    """Find the trips of a run and, where the breaker's own account exists, set it beside them."""
    trips = _trips(run)
    truth = _truth(run)
    unobserved = _match(trips, truth) if truth is not None else []
    return Analysis(trips, truth, unobserved)


def _trips(run: Run) -> list[Trip]:
    frame = run.requests
    if frame.empty:
        return []
    backend = run.lab.backends[0]
    answers = _answers(frame)
    touches = _touches(frame, answers, backend.breaker)
    return measure_trips(find_open_periods(touches), answers, backend.breaker, backend.name, run.start_ns)


def _answers(frame: pd.DataFrame) -> Answers:
    start = frame["start_ns"].to_numpy()
    return Answers(
        start=start,
        end=start + frame["latency_us"].to_numpy().astype(np.int64) * 1000,
        status=frame["status"].to_numpy(),
        by_backend=(frame["origin"] == "backend").to_numpy(),
        retry_after_s=frame["retry_after_s"].to_numpy(dtype=np.float32, na_value=np.nan),
    )


def _touches(frame: pd.DataFrame, answers: Answers, rule: BreakerRule | None) -> Touches:
    shed = ((frame["origin"] == "gateway") & (frame["status"] == 503)).to_numpy()
    answered = answers.by_backend
    waited = frame["backend_us"].to_numpy(dtype=np.float64, na_value=0.0) * 1000
    admitted_by = np.maximum(answers.end - waited.astype(np.int64), answers.start)
    failed = np.ones(len(frame), dtype=bool)
    if rule is not None and rule.status_codes:
        failed = np.zeros(len(frame), dtype=bool)
        for low, high in rule.status_codes:
            failed |= (answers.status >= low) & (answers.status <= high)
    return Touches(
        answer_start=answers.start[answered],
        answer_admitted_by=admitted_by[answered],
        answer_end=answers.end[answered],
        answer_failed=failed[answered],
        shed_start=answers.start[shed],
        shed_end=answers.end[shed],
    )


def _truth(run: Run) -> list[TrueTrip] | None:
    if run.events is None:
        return None
    trips: list[TrueTrip] = []
    opened: dict[tuple[str, int | None], float] = {}
    for event in run.events:
        key, at_s = (event.backend, event.unit), (event.at_ns - run.start_ns) / NS
        if event.kind == "opened":
            opened[key] = at_s
        elif key in opened:
            trips.append(TrueTrip(*key, opened.pop(key), at_s))
    trips += [TrueTrip(*key, at_s, None) for key, at_s in opened.items()]
    return sorted(trips, key=lambda trip: trip.tripped_s)


def _match(trips: list[Trip], truth: list[TrueTrip]) -> list[TrueTrip]:
    """Set each measured trip beside the nearest true one of its backend; what is left was not observed."""
    left = list(truth)
    for trip in trips:
        seen = trip.tripped_s or trip.reset_s
        own = [true for true in left if trip.backend in (None, true.backend)]
        if seen is None or not own:
            continue
        at_trip = trip.tripped_s is not None
        nearest = min(own, key=lambda true: abs((true.tripped_s if at_trip else true.reset_s or 0.0) - seen.estimate))
        left.remove(nearest)
        trip.unit = nearest.unit
        trip.truth = {"tripped_s": nearest.tripped_s, "reset_s": nearest.reset_s}
        trip.error_s = {
            "tripped_s": None if trip.tripped_s is None else trip.tripped_s.estimate - nearest.tripped_s,
            "reset_s": None
            if trip.reset_s is None or nearest.reset_s is None
            else trip.reset_s.estimate - nearest.reset_s,
        }
    return left
