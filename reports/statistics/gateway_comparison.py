"""Sets the runs of one scenario against several kinds of gateways side by side, each figure with its error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from reports.loading.run import Run, load
from reports.statistics.latencies import Latencies
from reports.statistics.shares import wilson
from reports.statistics.summary import build_summary
from reports.statistics.verdict import HEADLINES, verdict_of
from reports.trips.analysis import analyse
from reports.trips.answers import counted_statuses
from reports.trips.outage import felt_failures, whole_seconds
from reports.trips.trip import Trip
from tripcurve.gateways import profile_of
from tripcurve.run.gateways import Compared, Figure, GatewayComparison, GatewayRun, GatewayRuns

__all__ = ["FIGURES", "compare_gateways"]

NS = 1_000_000_000


class _Described(TypedDict):
    """A figure's heading, its unit and what it is, for readers of the page."""

    heading: str
    unit: str
    meaning: str


FIGURES: dict[str, _Described] = {
    "outage_s": {
        "heading": "outage",
        "unit": "s",
        "meaning": "from the first failure that a client felt to the first full second of service after the last one",
    },
    "absorption": {
        "heading": "absorption",
        "unit": "%",
        "meaning": "failures that the gateway answered itself, of all that clients felt, which spared a backend",
    },
    "time_to_trip_s": {
        "heading": "time to trip",
        "unit": "s",
        "meaning": "from the first failure to the trip; the median of all trips",
    },
    "recovery_s": {
        "heading": "recovery",
        "unit": "s",
        "meaning": "from the reset to the first success after it; the median of all trips",
    },
    "false_sheds": {
        "heading": "false sheds",
        "unit": "",
        "meaning": "requests shed in phases in which every backend was well",
    },
    "added_ms": {
        "heading": "added latency",
        "unit": "ms",
        "meaning": "median latency of successes in phases without faults, less the backends' own median as configured",
    },
    "cpu_ms": {"heading": "CPU per request", "unit": "ms", "meaning": "CPU time of the gateway's processes"},
}
"""The figures of the comparison, in the order of its rows."""


def compare_gateways(folder: Path, runs: GatewayRuns) -> GatewayComparison:
    """Return the comparison of the runs in a folder. Raises BadInput if one cannot be read."""
    compared = [_compared(folder, each) for each in runs.gateways]
    return GatewayComparison(lab=runs.lab, scenario=runs.scenario, gateways=tuple(compared))


def _compared(folder: Path, each: GatewayRun) -> Compared:
    if each.run is None:
        return Compared(kind=each.kind, title=each.title, run=None, reason=each.reason)
    run = load(folder / each.run)
    analysis = analyse(run)
    profile = profile_of(run.lab)
    rules = [(backend.name, backend.breaker) for backend in run.lab.backends if backend.breaker is not None]
    expressed = {name: profile.express(rule) for name, rule in rules}
    missing = [text for expression in expressed.values() for text in expression.not_expressed]
    if profile.not_alone is not None and rules and len(run.lab.backends) == 1:
        missing.append(profile.not_alone)
    summary = build_summary(run, analysis, ())
    return Compared(
        kind=each.kind,
        title=profile.title,
        run=each.run,
        reason=each.reason,
        version=(run.info.versions or {}).get("gateway"),
        rule={
            name: {knob: list(value) if isinstance(value, tuple) else value for knob, value in expression.knobs.items()}
            for name, expression in expressed.items()
        },
        not_expressed=tuple(dict.fromkeys(missing)),
        verdict=HEADLINES[verdict_of(summary).label],
        problems=tuple(problem.text for problem in summary.problems),
        trips=len(analysis.trips),
        figures={
            "outage_s": _outage(run),
            "absorption": _absorption(run),
            "time_to_trip_s": _of_trips(analysis.trips, "time_to_trip_s"),
            "recovery_s": _of_trips(analysis.trips, "recovery_latency_s"),
            "false_sheds": _false_sheds(run),
            "added_ms": _added_ms(run),
            "cpu_ms": _cpu_ms(run),
        },
    )


def _outage(run: Run) -> Figure:
    """Return the outage, which ends between the last failure and the first full second of service after it."""
    felt, whole = felt_failures(run.decisive, run.lab), whole_seconds(run.tally)
    if not len(felt):
        return Figure(value=0, low=0, high=0, n=0)
    first, last = int(felt.min()), int(felt.max())
    after = whole[whole > last]
    if not len(after):
        return Figure(n=len(felt), reason="the run ended before service was restored")
    until = int(after[0])
    return Figure(value=(until - first) / NS, low=(last - first) / NS, high=(until - first) / NS, n=len(felt))


def _absorption(run: Run) -> Figure:
    kinds = run.tally.kinds
    own = kinds[kinds["origin"] == "backend"]
    counted = np.logical_or.reduce(
        [counted_statuses(own["status"].to_numpy(np.int16), backend.breaker) for backend in run.lab.backends]
    )
    shed, failed = run.tally.count("shed"), int(own["n"].to_numpy()[counted].sum())
    total = shed + failed
    if not total:
        return Figure(n=0, reason="no client felt a failure")
    low, high = wilson(shed, total)
    return Figure(value=shed / total, low=low, high=high, n=total)


def _of_trips(trips: Sequence[Trip], measure: str) -> Figure:
    """Return the median of a measure over the trips. Its error is that of the least certain trip around the median."""
    known = [(value, trip.bounds.get(measure)) for trip in trips if (value := getattr(trip, measure)) is not None]
    if not known:
        return Figure(n=0, reason="it never opened" if not trips else "not observed in any trip")
    middle = float(np.median([value for value, _ in known]))
    below = max((value - bounds[0] for value, bounds in known if bounds is not None), default=0.0)
    above = max((bounds[1] - value for value, bounds in known if bounds is not None), default=0.0)
    return Figure(value=middle, low=max(middle - below, 0.0), high=middle + above, n=len(known))


def _without_faults(run: Run) -> set[str]:
    return {phase.name for phase in run.scenario.phases if not phase.simulate}


def _false_sheds(run: Run) -> Figure:
    kinds = run.tally.kinds
    well = kinds["phase"].isin(_without_faults(run))
    count = int(kinds.loc[well & (kinds["outcome"] == "shed"), "n"].sum())
    return Figure(value=count, low=count, high=count, n=int(kinds.loc[well, "n"].sum()))


def _added_ms(run: Run) -> Figure:
    """Return the median latency that the gateway adds, with the 95 % interval of the median."""
    medians = {0.0 if each.latency is None else each.latency.median_ms for each in run.lab.backends}
    if len(medians) != 1 or any(each.kind != "mock" for each in run.lab.backends):
        return Figure(reason="the backends' own latency is not known, or differs")
    well = sorted(_without_faults(run))
    latencies = sum((run.tally.latencies(phase, "backend", True) for phase in well), Latencies())
    n = len(latencies)
    if not n:
        return Figure(n=0, reason="no success in a phase without faults")
    spread = 0.98 * n**0.5
    ranks = np.clip([n / 2 - spread, n / 2, n / 2 + spread], 0, n - 1).astype(np.int64)
    low, middle, high = (latencies.at(ranks) / 1000 - medians.pop()).tolist()
    return Figure(value=middle, low=low, high=high, n=n)


def _cpu_ms(run: Run) -> Figure:
    """Return the processor time of the gateway's own processes per request, dense probes included."""
    counts = run.info.counts
    spent = [unit.get("cpu_s") for unit in (counts.units if counts is not None else None) or []]
    known = [float(value) for value in spent if isinstance(value, int | float)]
    n = run.tally.total + run.tally.probes
    if not known or not n:
        return Figure(reason="not measured")
    value = sum(known) * 1000 / n
    return Figure(value=value, low=value, high=value, n=n)
