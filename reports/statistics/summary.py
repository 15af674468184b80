"""Computes the content of summary.json: the figures of a run, each with its n."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from reports.loading.run import Run
from reports.statistics.capacity import from_run, is_step_load
from reports.statistics.conformance import conformance
from reports.statistics.population import by_phase, latency_ms, quantiles_ms
from reports.statistics.problems import broken_answers, find_problems
from reports.statistics.verdict import judge
from reports.trips.analysis import Analysis
from reports.trips.trip import Trip
from reports.trips.truth import TrueTrip
from tripcurve import __version__
from tripcurve.run.info import Counts, Pacing, TokenGaps
from tripcurve.run.record import ORIGINS
from tripcurve.run.summary import SUMMARY_VERSION
from tripcurve.scenario.checks import parse

__all__ = ["summarise"]

NO_GAPS = TokenGaps(n=0, p50=None, p99=None)
NO_PACING = Pacing(intended=None, sent=None, late_p99_ms=None, dropped=None)
"""Used for a run that was killed before it wrote its counts."""


def summarise(run: Run, analysis: Analysis, checks: list[str]) -> dict[str, Any]:
    """Return the summary as plain JSON values. `checks` are added to the scenario's own; a bad one raises BadInput."""
    tally = run.tally
    shed, throttled = tally.count("503 shed"), tally.count("429 backend")
    summary: dict[str, Any] = {
        "schema": SUMMARY_VERSION,
        "tripcurve": __version__,
        "lab": run.lab.name,
        "scenario": run.scenario.name,
        "target": run.info.target or "unknown",
        "interrupted": run.info.interrupted,
        "start_ns": run.start_ns,
        "duration_s": run.duration_s,
        "requests": _requests(run),
        "latency_ms": latency_ms(tally),
        "latency_intended_ms": latency_ms(tally, intended=True),
        "first_token_ms": quantiles_ms(tally.first_tokens),
        "token_gap_ms": (run.info.token_gap_ms or NO_GAPS).as_written(),
        "phases": by_phase(tally),
        "sheds": shed,
        "sheds_by_status": _by_status(tally.kinds[tally.kinds["outcome"] == "503 shed"]),
        "throttles": throttled,
        "ratio_503_429": shed / throttled if throttled else None,
        "absorption": shed / (shed + throttled) if shed + throttled else None,
        "trips": [trip.as_dict() for trip in analysis.trips],
        "retrips": sum(trip.retrip for trip in analysis.trips),
        "unobserved_trips": [_true(trip) for trip in analysis.unobserved],
        "truth_known": analysis.truth is not None,
        "unobservable": _unobservable(run),
        "tokens": _tokens(run),
        "pacing": (run.info.pacing or NO_PACING).as_written(),
        "accuracy": _accuracy(analysis.trips),
        "rule": _rule(run),
        "conformance": [finding.as_dict() for finding in conformance(run, analysis)],
        "capacity": from_run(run).as_dict() if is_step_load(run.scenario) and tally.total else None,
        "local_options": run.lab.local.model_dump(mode="json"),
        "counts": (run.info.counts or Counts()).as_written(),
        "workers": _workers(run),
        "notes": [*run.notes, *_count_notes(run), *_worker_notes(run), *_missed_notes(run)],
    }
    for measure in ("time_to_trip_s", "open_s", "open_error_s", "recovery_latency_s", "restored_s", "outage_s"):
        summary[measure] = _spread([getattr(trip, measure) for trip in analysis.trips])
    summary["checks"] = _checked([*run.scenario.checks, *checks], summary)
    summary["problems"] = [problem.model_dump() for problem in find_problems(run)]
    summary["verdict"] = judge(summary).model_dump(mode="json")
    return summary


def _requests(run: Run) -> dict[str, Any]:
    kinds, duration = run.tally.kinds, run.duration_s
    by_origin = kinds.groupby("origin")["n"].sum()
    return {
        "total": run.tally.total,
        "by_status": _by_status(kinds),
        "by_origin": {origin: int(by_origin.get(origin, 0)) for origin in ORIGINS},
        "rate_s": run.tally.total / duration if duration > 0 else None,
        "broken": broken_answers(run),
    }


def _by_status(kinds: pd.DataFrame) -> dict[str, int]:
    return {str(status): int(count) for status, count in kinds.groupby("status")["n"].sum().items()}


def _unobservable(run: Run) -> str | None:
    """Return why no breaker of this run can be observed from outside, or None if one can."""
    unmarked = run.records.unmarked
    if unmarked is None:
        return None
    if run.lab.has_pool:
        return "the policy marks no answer, so which member of the pool answered is not known"
    in_doubt = unmarked.shed_below_us is not None and not run.tally.count("503 shed")
    if in_doubt and bool(unmarked.sheds.hold(run.tally.kinds["status"].to_numpy()).any()):
        which = " or ".join(map(str, unmarked.sheds.statuses))
        return f"the policy marks no answer, and the gateway's {which} cannot be told from the backend's"
    return None


def _tokens(run: Run) -> dict[str, float | int | None]:
    kinds = run.tally.kinds
    prompt, completion = (int(kinds[f"{kind}_tokens"].sum()) for kind in ("prompt", "completion"))
    minutes = run.duration_s / 60
    return {
        "prompt": prompt,
        "completion": completion,
        "per_minute": (prompt + completion) / minutes if minutes else None,
        "n": int(kinds["told"].sum()),
    }


def _workers(run: Run) -> list[dict[str, Any]]:
    """Return run.json's entry for each recording process, with the number of its rows in the record."""
    rows = run.tally.kinds.groupby("worker")["n"].sum()
    names = {"worker", "lost", "missed_s", "clock", "failure"}
    return [
        worker.model_dump(mode="json", include=names, exclude_unset=True) | {"rows": int(rows.get(worker.worker, 0))}
        for worker in run.info.workers or []
    ]


def _worker_notes(run: Run) -> list[str]:
    """Return a sentence for each worker that died."""
    return [
        f"worker {worker.worker} died; its last {worker.missed_s or 0:.1f} s are missing from the record"
        for worker in run.info.workers or []
        if worker.lost
    ]


def _missed_notes(run: Run) -> list[str]:
    """Return a sentence if arrivals were never sent because a worker died."""
    pacing = run.info.pacing
    if pacing is None or not pacing.missed:
        return []
    arrivals = f"{pacing.missed:,} of {pacing.intended or 0:,} arrivals"
    return [f"{arrivals} were never sent: the load went on without the worker that died"]


def _true(trip: TrueTrip) -> dict[str, Any]:
    return {"backend": trip.backend, "unit": trip.unit, "tripped_s": trip.tripped_s, "reset_s": trip.reset_s}


def _spread(values: list[float | None]) -> dict[str, float | int | None]:
    known = [value for value in values if value is not None]
    if not known:
        return {"n": 0, "min": None, "median": None, "max": None}
    return {"n": len(known), "min": min(known), "median": float(np.median(known)), "max": max(known)}


def _accuracy(trips: list[Trip]) -> dict[str, Any]:
    """Return the error of the measured instants: n, median, maximum, and how many were outside their interval."""
    errors, outside = [], 0
    for trip in trips:
        for name in ("tripped_s", "reset_s"):
            measured, error = getattr(trip, name), (trip.error_s or {}).get(name)
            if measured is not None and error is not None:
                errors.append(abs(error))
                outside += abs(error) > measured.half_width
    if not errors:
        return {"n": 0, "median_error_s": None, "max_error_s": None, "outside": None}
    return {
        "n": len(errors),
        "median_error_s": float(np.median(errors)),
        "max_error_s": max(errors),
        "outside": outside,
    }


def _rule(run: Run) -> dict[str, Any]:
    return {b.name: b.breaker.model_dump(mode="json") for b in run.lab.backends if b.breaker is not None}


def _count_notes(run: Run) -> list[str]:
    """Return a sentence if the gateway counted another number of requests than were recorded."""
    gateway = None if run.info.counts is None else run.info.counts.gateway
    counted = None if gateway is None else gateway.requests
    total = run.tally.total + run.tally.probes
    reached = total - run.tally.count("no response")
    if counted is None or counted == total or reached <= counted <= total:
        return []
    return [f"the gateway counted {counted} requests, the record has {total}: samples were lost or invented"]


def _checked(checks: list[str], summary: dict[str, Any]) -> list[dict[str, Any]]:
    results = [parse(text).evaluate(summary) for text in dict.fromkeys(checks)]
    return [asdict(result) for result in results]
