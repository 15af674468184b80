"""`tripcurve capacity`: finds the highest rate that the target carries, by doubling and then bisecting.

Each rate is tried in a run and a folder of its own. On the local cloud each run starts a gateway with closed breakers,
so that one rate's trips do not affect the next.
"""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locustfiles.commands.run import INTERRUPTED, drive, report
from tripcurve.documents import write_yaml
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.lab import load_lab
from tripcurve.run.layout import SUMMARY, claim_run_dir, has_records
from tripcurve.run.writing import write_whole
from tripcurve.scenario import Phase, Scenario, load_scenario
from tripcurve.scenario.search import Trial, next_rate
from tripcurve.target import check_target_name

__all__ = ["PROBES", "Bounds", "find_capacity", "reason_not_carried"]

PROBES = "probes.json"
LONGEST_ANSWER_S = 2.0
"""A scenario gets enough users that every arrival finds a free one as long as answers take no longer than this."""


@dataclass(frozen=True)
class Bounds:
    """Where and how to search. `start` and `highest`: requests per second. `probe_s`: how long each rate is held.

    `success`: the share of 2xx that a carried rate needs. `tolerance`: stop when the search range is within this
    fraction of the rate (0.1 = 10 %).
    """

    start: float = 25.0
    highest: float = 2000.0
    probe_s: float = 20.0
    success: float = 0.99
    tolerance: float = 0.1


def find_capacity(lab: str, scenario: str, target: str, folder: Path | None, bounds: Bounds) -> tuple[Path, int]:
    """Try rates until the answer is close enough. Returns the folder and the exit code.

    `folder` None: a new one in runs. It gets a run per rate, and PROBES. The exit code is 0, or 130 if interrupted.
    Raises BadInput before anything starts, TargetUnavailable if a rate could not be tried.
    """
    the_lab = load_lab(lab)
    base = load_scenario(scenario, the_lab)
    check_target_name(target, os.environ)
    _check_bounds(bounds)
    lock = claim_run_dir(folder, the_lab.name, "capacity")
    try:
        return lock.folder, _search(lab, base, target, lock.folder, bounds)
    finally:
        lock.release()


def _search(lab: str, base: Scenario, target: str, folder: Path, bounds: Bounds) -> int:
    """Try rates, each in a run of its own. Returns 0, or 130 if interrupted."""
    done: list[dict[str, Any]] = []
    while (rate := _next(done, bounds)) is not None:
        run = folder / f"probe-{len(done) + 1:02d}"
        code = _probe(lab, _at_rate(base, rate, bounds), target, run)
        summary = _summary(run, code)
        reason = "interrupted" if code == INTERRUPTED else reason_not_carried(summary, bounds.success)
        done.append({"rate": rate, "carried": reason is None, "reason": reason, "run": run.name})
        write_whole(folder / PROBES, json.dumps({"success": bounds.success, "probes": done}, indent=1) + "\n")
        print(f"{rate:8.1f} requests/s  {'carried' if reason is None else reason}", file=sys.stderr)
        if code == INTERRUPTED:
            return INTERRUPTED
    return 0


def _check_bounds(bounds: Bounds) -> None:
    if not 1 <= bounds.start <= bounds.highest:
        raise BadInput(f"--from {bounds.start:g} and --to {bounds.highest:g}: write 1 ≤ from ≤ to, requests per second")
    if not 1 <= bounds.probe_s <= 3600:
        raise BadInput(f"--probe {bounds.probe_s:g}: hold each rate between 1 s and 3600 s")
    if not 0.01 <= bounds.tolerance <= 1:
        raise BadInput(f"--tolerance {bounds.tolerance:g}: a share between 0.01 and 1, such as 0.1")


def _next(done: list[dict[str, Any]], bounds: Bounds) -> float | None:
    trials = [Trial(each["rate"], each["carried"]) for each in done]
    rate = next_rate(trials, start=bounds.start, highest=bounds.highest, tolerance=bounds.tolerance)
    # Whole requests per second read better, and the tolerance is far wider.
    return rate if rate is None or rate < 20 else float(round(rate))


def _at_rate(base: Scenario, rate: float, bounds: Bounds) -> Scenario:
    """Return the scenario with a single phase at this rate, without faults or probe users, and with enough users."""
    phase = Phase.model_validate({"name": f"rate-{rate:.0f}", "for": bounds.probe_s, "rate": rate})
    given = {name: count for name, count in base.users.items() if name != "ProbeUser" and count}
    grow = max(1.0, rate * LONGEST_ANSWER_S / max(sum(given.values()), 1))
    users = {name: math.ceil(count * grow) for name, count in given.items()} or {"ChatUser": math.ceil(grow)}
    return base.model_copy(update={"phases": (phase,), "users": users, "trip_duration": None, "trace": None})


def _probe(lab: str, scenario: Scenario, target: str, run: Path) -> int:
    file = run.with_suffix(".yaml")
    file.write_text(write_yaml(scenario), "utf-8")
    code = drive(lab, str(file), target, run, sharpen=False)
    if has_records(run):
        report(run, [], quiet=True)
    return code


def _summary(run: Path, code: int) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((run / SUMMARY).read_text("utf-8"))
    except (OSError, ValueError):
        raise TargetUnavailable(f"{run}: this run has no summary (exit code {code}); see its messages above") from None
    return found


def reason_not_carried(summary: dict[str, Any], success: float) -> str | None:
    """Return why a rate was not carried, or None if it was. A cause comes before its effects."""
    requests, pacing = summary["requests"], summary["pacing"]
    good = sum(count for status, count in requests["by_status"].items() if status.startswith("2"))
    if pacing.get("dropped"):
        return f"{pacing['dropped']:,} arrivals found no free user"
    if summary["trips"]:
        return "the breaker tripped"
    if summary["throttles"] and good < success * requests["total"]:
        return f"{summary['throttles']:,} of {requests['total']:,} were throttled"
    if good < success * requests["total"]:
        return f"{requests['total'] - good:,} of {requests['total']:,} failed"
    failed = next((check["expression"] for check in summary["checks"] if not check["passed"]), None)
    return None if failed is None else f"check failed: {failed}"
