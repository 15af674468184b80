"""Computes the content of summary.json: the figures of a run, each with its n."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import JsonValue

from reports.loading.run import Run
from reports.statistics.capacity import from_run, is_step_load
from reports.statistics.conformance import conformance
from reports.statistics.gateway_notes import gateway_notes
from reports.statistics.instances import instance_notes, instances
from reports.statistics.population import by_phase, latency_ms, quantiles_ms
from reports.statistics.probing import probing, probing_notes
from reports.statistics.problems import broken_answers, find_problems
from reports.statistics.retries import retries
from reports.statistics.stimulus import stimulus
from reports.statistics.verdict import judge
from reports.trips.analysis import Analysis
from tripcurve import __version__
from tripcurve.run.info import Counts, TokenGaps, WorkerInfo
from tripcurve.run.record import ORIGINS
from tripcurve.run.summary import (
    SUMMARY_VERSION,
    Accuracy,
    CheckOutcome,
    FewQuantiles,
    Finding,
    Pacing,
    Requests,
    Spread,
    Summary,
    Tokens,
    Trip,
    TrueTrip,
)
from tripcurve.scenario.checks import parse

__all__ = ["build_summary", "summarise"]

NO_GAPS = TokenGaps(n=0, p50=None, p99=None)


def summarise(run: Run, analysis: Analysis, checks: Sequence[str]) -> dict[str, Any]:
    """Return the content of summary.json as plain JSON values. Extra `checks` follow the scenario's own."""
    return build_summary(run, analysis, checks).as_written()


def build_summary(run: Run, analysis: Analysis, checks: Sequence[str]) -> Summary:
    """Compute every figure of a run, evaluate its checks and judge it. Extra `checks` follow the scenario's own."""
    summary = _unjudged(run, analysis)
    summary = summary.model_copy(update={"checks": _checked([*run.scenario.checks, *checks], summary)})
    return summary.model_copy(update={"verdict": judge(summary)})


def _unjudged(run: Run, analysis: Analysis) -> Summary:
    """Return the summary with every figure, but without checks and verdict."""
    tally = run.tally
    trips = tuple(Trip.model_validate(trip) for trip in analysis.trips)
    shed, throttled = tally.count("shed"), tally.count("429 backend")
    gaps = run.info.token_gap_ms or NO_GAPS
    return Summary(
        schema=SUMMARY_VERSION,
        tripcurve=__version__,
        lab=run.lab.name,
        scenario=run.scenario.name,
        target=run.info.target or "unknown",
        interrupted=run.info.interrupted,
        start_ns=run.start_ns,
        duration_s=run.duration_s,
        requests=_requests(run),
        latency_ms=latency_ms(tally),
        latency_intended_ms=latency_ms(tally, intended=True),
        first_token_ms=quantiles_ms(tally.first_tokens),
        token_gap_ms=FewQuantiles(n=gaps.n, p50=gaps.p50, p99=gaps.p99),
        phases=by_phase(tally),
        sheds=shed,
        sheds_by_status=_by_status(tally.kinds[tally.kinds["outcome"] == "shed"]),
        throttles=throttled,
        ratio_503_429=shed / throttled if throttled else None,
        absorption=shed / (shed + throttled) if shed + throttled else None,
        trips=trips,
        retrips=sum(trip.retrip for trip in trips),
        unobserved_trips=tuple(TrueTrip.model_validate(trip) for trip in analysis.unobserved),
        truth_known=analysis.truth is not None,
        unobservable=_unobservable(run),
        retries=retries(run),
        tokens=_tokens(run),
        pacing=_pacing(run),
        stimulus=stimulus(run),
        probing=probing(run.info),
        instances=instances(analysis.instances),
        accuracy=_accuracy(trips),
        rule={backend.name: backend.breaker for backend in run.lab.backends if backend.breaker is not None},
        conformance=tuple(Finding.model_validate(finding) for finding in conformance(run, analysis)),
        capacity=from_run(run) if is_step_load(run.scenario) and tally.total else None,
        local_options=run.lab.local.model_dump(mode="json"),
        counts=(run.info.counts or Counts()).as_written(),
        workers=tuple(_workers(run)),
        notes=(*_run_notes(run), *instance_notes(analysis.instances)),
        time_to_trip_s=_spread([trip.time_to_trip_s for trip in trips]),
        open_s=_spread([trip.open_s for trip in trips]),
        open_error_s=_spread([trip.open_error_s for trip in trips]),
        recovery_latency_s=_spread([trip.recovery_latency_s for trip in trips]),
        restored_s=_spread([trip.restored_s for trip in trips]),
        outage_s=_spread([trip.outage_s for trip in trips]),
        checks=(),
        problems=tuple(find_problems(run)),
    )


def _requests(run: Run) -> Requests:
    kinds, duration = run.tally.kinds, run.duration_s
    by_origin = kinds.groupby("origin")["n"].sum()
    return Requests(
        total=run.tally.total,
        by_status=_by_status(kinds),
        by_origin={origin: int(by_origin.get(origin, 0)) for origin in ORIGINS},
        rate_s=run.tally.total / duration if duration > 0 else None,
        broken=broken_answers(run),
        canceled=run.tally.count("canceled"),
    )


def _by_status(kinds: pd.DataFrame) -> dict[str, int]:
    return {str(status): int(count) for status, count in kinds.groupby("status")["n"].sum().items()}


def _unobservable(run: Run) -> str | None:
    """Return why no breaker of this run can be observed from outside, or None if one can."""
    unmarked = run.records.unmarked
    if unmarked is None:
        return None
    if run.lab.has_pool:
        return f"the {unmarked.profile.settings} marks no answer, so which member of the pool answered is not known"
    in_doubt = unmarked.shed_below_us is not None and not run.tally.count("shed")
    if in_doubt and bool(unmarked.sheds.hold(run.tally.kinds["status"].to_numpy()).any()):
        which = " or ".join(map(str, unmarked.sheds.statuses))
        marks = f"the {unmarked.profile.settings} marks no answer"
        return f"{marks}, and the gateway's {which} cannot be distinguished from the backend's"
    return None


def _tokens(run: Run) -> Tokens:
    kinds = run.tally.kinds
    prompt, completion = (int(kinds[f"{kind}_tokens"].sum()) for kind in ("prompt", "completion"))
    minutes = run.duration_s / 60
    per_minute = (prompt + completion) / minutes if minutes else None
    return Tokens(prompt=prompt, completion=completion, per_minute=per_minute, n=int(kinds["reported"].sum()))


def _pacing(run: Run) -> Pacing:
    """Return the counts of arrivals; all are None for a run that was killed before it wrote them."""
    unknown = Pacing(intended=None, sent=None, late_p99_ms=None, dropped=None)
    known = run.info.pacing
    if known is None:
        return unknown
    by_phase = {"dropped_by_phase", "missed_by_phase"}  # these are in `stimulus`
    return Pacing.model_validate(unknown.model_dump() | known.model_dump(exclude_unset=True, exclude=by_phase))


def _workers(run: Run) -> list[dict[str, JsonValue]]:
    """Return run.json's entry for each recording process, with the number of its rows in the record."""
    rows = run.tally.kinds.groupby("worker")["n"].sum()
    names = {"worker", "lost", "missed_s", "joined_s", "clock", "failure"}
    return [
        worker.model_dump(mode="json", include=names, exclude_unset=True) | {"rows": int(rows.get(worker.worker, 0))}
        for worker in run.info.workers or []
    ]


def _run_notes(run: Run) -> list[str]:
    """Return sentences about the data of the run."""
    found = (gateway_notes(run), _count_notes(run), _worker_notes(run), _missed_notes(run), probing_notes(run))
    return [*run.notes, *(note for notes in found for note in notes)]


def _worker_notes(run: Run) -> list[str]:
    """Return a sentence for each worker that died, came late or had no part."""
    return [sentence for worker in run.info.workers or [] if (sentence := _worker_note(worker)) is not None]


def _worker_note(worker: WorkerInfo) -> str | None:
    facts = [f"joined {worker.joined_s:.1f} s into the run"] if worker.joined_s else []
    if worker.lost:
        facts.append(f"died; its last {worker.missed_s or 0:.1f} s are missing from the record")
    elif "joined_s" in worker.model_fields_set and worker.joined_s is None:
        facts.append("had no share of a phase: it was ready too late, or the scenario has too few users")
    return f"worker {worker.worker} {' and '.join(facts)}" if facts else None


def _missed_notes(run: Run) -> list[str]:
    """Return a sentence if arrivals were never sent because a worker died."""
    pacing = run.info.pacing
    if pacing is None or not pacing.missed:
        return []
    arrivals = f"{pacing.missed:,} of {pacing.intended or 0:,} arrivals"
    return [f"{arrivals} were never sent: the load went on without the worker that died"]


def _spread(values: list[int | float | None]) -> Spread:
    known = [value for value in values if value is not None]
    if not known:
        return Spread(n=0, min=None, median=None, max=None)
    return Spread(n=len(known), min=min(known), median=float(np.median(known)), max=max(known))


def _accuracy(trips: Sequence[Trip]) -> Accuracy:
    """Return the error of the measured instants: n, median, maximum, and how many were outside their interval."""
    errors, outside = [], 0
    for trip in trips:
        for measured, error in trip.errors.values():
            errors.append(abs(error))
            outside += abs(error) > measured.half_width
    if not errors:
        return Accuracy(n=0, median_error_s=None, max_error_s=None, outside=None)
    return Accuracy(n=len(errors), median_error_s=float(np.median(errors)), max_error_s=max(errors), outside=outside)


def _count_notes(run: Run) -> list[str]:
    """Return a sentence if the gateway counted another number of requests than were recorded."""
    gateway = None if run.info.counts is None else run.info.counts.gateway
    counted = None if gateway is None else gateway.requests
    total = run.tally.total + run.tally.probes
    reached = total - run.tally.count("no response") - run.tally.count("canceled")
    if counted is None or counted == total or reached <= counted <= total:
        return []
    return [f"the gateway counted {counted} requests, but the record has {total}: it is incomplete or wrong"]


def _checked(checks: Sequence[str], summary: Summary) -> tuple[CheckOutcome, ...]:
    content = summary.as_written() if checks else {}
    return tuple(parse(text).evaluate(content) for text in dict.fromkeys(checks))
