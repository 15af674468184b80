"""Reads a search, a run or a production log as a subject of a capacity report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from reports.loading.run import Run, load
from reports.loading.traffic import Traffic, traffic_of
from reports.loading.traffic_log import is_traffic_log, read_traffic_log
from reports.statistics.capacity import Limits, from_run, of_steps, quotas_of
from reports.statistics.capacity_report import Prices, Simulated, Subject, cost_of
from reports.statistics.capacity_steps import StepFigures, steps_of_run, steps_of_windows
from reports.statistics.knee import find_knee
from reports.statistics.limiting_cause import find_cause
from tripcurve.errors import BadInput
from tripcurve.gateways import profile_of
from tripcurve.lab import Lab
from tripcurve.run.layout import PROBES
from tripcurve.run.summary import Step

__all__ = ["Reading", "is_search", "read_subject", "simulated_of"]

WINDOWS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
MOST_WINDOWS = 600
MINUTE_S = 60.0


@dataclass(frozen=True)
class Reading:
    """How to read a source. `success`: the share of 2xx that a carried step needs; a search has its own.

    `window_s`: the length of a log's windows; None: from its duration. `lab`: a log's; None: not known, so neither are
    its quotas. `prices` None: no cost.
    """

    success: float = 0.99
    window_s: float | None = None
    lab: Lab | None = None
    prices: Prices | None = None


def is_search(path: Path) -> bool:
    """Return whether a folder is that of a capacity search."""
    return (path / PROBES).is_file()


def read_subject(path: Path, reading: Reading) -> Subject:
    """Read a search's folder, a run directory, or a log.

    Raises BadInput if it is none of them or damaged, or a run that simulates faults.
    """
    if reading.window_s is not None and not 0.1 <= reading.window_s <= 86_400:
        raise BadInput(f"--window {reading.window_s:g}: give between 0.1 s and a day")
    if is_search(path):
        found = _search(path)
    elif is_traffic_log(path):
        found = _log(path, reading)
    elif path.is_dir():
        found = _run(path, reading)
    else:
        raise BadInput(
            f"{path} is no run directory, no folder of a capacity search, and no log (.csv, .jsonl, .parquet)"
        )
    highest = found.highest
    notes = list(found.notes)
    if reading.prices is not None and highest is not None and not highest.tokens_in_s + highest.tokens_out_s:
        notes.append("There is no cost: no answer reported tokens.")
    return found.model_copy(update={"cost": cost_of(highest, reading.prices), "notes": tuple(notes)})


def simulated_of(change: str | None, folder: Path) -> Simulated:
    """Return the capacity in a folder of simulated probes. `change`: how the lab was changed; None: not at all."""
    subject = read_subject(folder, Reading())
    carried, failed = subject.capacity.carried, subject.capacity.failed
    return Simulated(
        change=change,
        carried_s=None if carried is None else carried.offered_s,
        failed_s=None if failed is None else failed.offered_s,
        tokens_per_minute=None if carried is None else carried.tokens_per_minute,
        cause=subject.cause,
    )


def _search(folder: Path) -> Subject:
    try:
        document = json.loads((folder / PROBES).read_text("utf-8"))
        probes = [(str(probe["run"]), probe["reason"]) for probe in document["probes"]]
        limits = Limits(ok_share=float(document["success"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{folder} has no readable {PROBES}; give a folder that `tripcurve capacity` made") from None
    whole = [(name, reason) for name, reason in probes if reason != "interrupted"]
    figures: list[StepFigures] = []
    runs: list[Run] = []
    for name, reason in whole:
        run = load(folder / Path(name).name)
        steps = [_judged(step, reason) for step in from_run(run, limits).curve]
        figures += steps_of_run(run, steps, traffic_of(run))
        runs.append(run)
    if not runs:
        raise BadInput(f"{folder}: the search made no probe")
    notes = ["The search was interrupted."] if len(whole) < len(probes) else []
    return _subject("search", folder, _about(runs[0]), figures, runs[0].lab, limits, notes)


def _judged(step: Step, reason: str | None) -> Step:
    """A probe also fails by the scenario's own checks, or for want of users: what was said then stands."""
    return (
        step
        if step.cause is not None or reason is None
        else step.model_copy(update={"cause": str(reason), "certain": True})
    )


def _run(folder: Path, reading: Reading) -> Subject:
    run, limits = load(folder), Limits(ok_share=reading.success)
    faulty = [phase.name for phase in run.scenario.phases if phase.simulate]
    if faulty:
        raise BadInput(
            f"{folder}: the phase {faulty[0]} simulates a fault, so the run does not show the capacity; "
            "give a run of rising rates, such as one of the scenario step-load"
        )
    if not run.tally.total:
        raise BadInput(f"{folder} has no requests")
    traffic = traffic_of(run)
    if all(isinstance(phase.rate, float | int) for phase in run.scenario.phases):
        figures = steps_of_run(run, from_run(run, limits).curve, traffic)
        return _subject("run", folder, _about(run), figures, run.lab, limits, run.notes)
    joined = _joined(traffic)
    window_s = reading.window_s or _window_s(joined)
    figures = steps_of_windows(joined, window_s, limits)
    return _subject("run", folder, _about(run, window_s), figures, run.lab, limits, run.notes)


def _log(path: Path, reading: Reading) -> Subject:
    lab, limits = reading.lab, Limits(ok_share=reading.success)
    log = read_traffic_log(path, () if lab is None else profile_of(lab).shed_statuses)
    window_s = reading.window_s or _window_s(log.traffic)
    figures = steps_of_windows(log.traffic, window_s, limits)
    notes = [f"Columns read: {', '.join(log.columns)}.", *(f"{note}." for note in log.notes)]
    if lab is None:
        notes.append("No lab was given, so neither quotas nor the statuses of an open breaker are known.")
    about = {"name": log.name if lab is None else lab.name, "lab": None if lab is None else lab.name}
    started = None if log.start_s is None else datetime.fromtimestamp(log.start_s, UTC)
    unknown = {"scenario": None, "target": None}
    return _subject(
        "log", path, about | unknown | {"started": started, "window_s": window_s}, figures, lab, limits, notes
    )


def _subject(
    source: str,
    path: Path,
    about: Mapping[str, object],
    figures: Sequence[StepFigures],
    lab: Lab | None,
    limits: Limits,
    notes: Sequence[str],
) -> Subject:
    if not figures:
        raise BadInput(f"{path} has no requests")
    ordered = sorted(figures, key=lambda one: one.rate)
    return Subject.model_validate(
        {
            "source": source,
            "path": str(path),
            "success": limits.ok_share,
            "capacity": of_steps([one.step for one in ordered], lab),
            "steps": tuple(ordered),
            "knee": find_knee(ordered),
            "cause": find_cause(ordered, lab),
            "notes": (*notes, *_doubts(ordered, lab)),
            **about,
        }
    )


def _about(run: Run, window_s: float | None = None) -> dict[str, object]:
    return {
        "name": run.lab.name,
        "lab": run.lab.name,
        "scenario": run.scenario.name,
        "target": run.info.target,
        "started": datetime.fromtimestamp(run.start_ns / 1e9, UTC),
        "window_s": window_s,
    }


def _doubts(figures: Sequence[StepFigures], lab: Lab | None) -> list[str]:
    """Return sentences on what the load could not show."""
    late = [f"{one.rate:,.1f}" for one in figures if one.late]
    doubts = []
    if late:
        doubts.append(f"The load generator fell behind at {', '.join(late)} requests/s; see the table of steps.")
    shortest = min(one.step.seconds for one in figures)
    if lab is not None and quotas_of(lab)[1] is not None and shortest < MINUTE_S:
        doubts.append(
            f"Rates were held for {shortest:.0f} s, but a quota of tokens is counted per minute, so a higher rate may "
            "have passed than it admits for longer; hold each rate for at least a minute (--probe PT1M)."
        )
    return doubts


def _joined(traffic: Mapping[str, Traffic]) -> Traffic:
    names = [field.name for field in fields(Traffic)]
    joined = Traffic(*(np.concatenate([getattr(part, name) for part in traffic.values()]) for name in names))
    return replace(joined, due_s=joined.due_s - joined.due_s.min())


def _window_s(traffic: Traffic) -> float:
    """Return the shortest usual length of which at most MOST_WINDOWS cover all but a thousandth at each end."""
    first, last = np.quantile(traffic.due_s, [0.001, 0.999])
    duration = float(last - first)
    return float(next((width for width in WINDOWS_S if duration <= width * MOST_WINDOWS), duration / MOST_WINDOWS))
