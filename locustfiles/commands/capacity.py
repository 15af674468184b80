"""`tripcurve capacity`: finds the highest rate that the target carries, by doubling and then bisecting.

Each rate is tried in a run and a folder of its own. On the local cloud each run starts a gateway with closed breakers,
so that one rate's trips do not affect the next.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from locustfiles.commands.run import drive, report
from tripcurve.documents import write_yaml
from tripcurve.errors import INTERRUPTED, TargetUnavailable
from tripcurve.lab import load_lab
from tripcurve.run.layout import PROBES, SUMMARY, claim_run_dir, has_records
from tripcurve.run.writing import write_whole
from tripcurve.scenario import Scenario, load_scenario
from tripcurve.scenario.search import Bounds, Trial, at_rate, next_probe
from tripcurve.target import check_target_name

__all__ = ["find_capacity", "reason_not_carried"]


def find_capacity(lab: str, scenario: str, target: str, folder: Path | None, bounds: Bounds) -> tuple[Path, int]:
    """Try rates until the answer is close enough. Returns the folder and the exit code.

    `folder` None: a new one in runs. It gets a run per rate, and PROBES. The exit code is 0, or 130 if interrupted.
    Raises BadInput before anything starts, TargetUnavailable if a rate could not be tried.
    """
    the_lab = load_lab(lab)
    base = load_scenario(scenario, the_lab)
    check_target_name(target, os.environ)
    bounds.check()
    lock = claim_run_dir(folder, the_lab.name, "capacity")
    try:
        return lock.folder, _search(lab, base, target, lock.folder, bounds)
    finally:
        lock.release()


def _search(lab: str, base: Scenario, target: str, folder: Path, bounds: Bounds) -> int:
    """Try rates, each in a run of its own. Returns 0, or 130 if interrupted."""
    done: list[dict[str, Any]] = []
    while (rate := next_probe(_trials(done), bounds)) is not None:
        run = folder / f"probe-{len(done) + 1:02d}"
        code = _probe(lab, at_rate(base, rate, bounds.probe_s), target, run)
        summary = _summary(run, code)
        reason = "interrupted" if code == INTERRUPTED else reason_not_carried(summary, bounds.success)
        done.append({"rate": rate, "carried": reason is None, "reason": reason, "run": run.name})
        write_whole(folder / PROBES, json.dumps({"success": bounds.success, "probes": done}, indent=1) + "\n")
        print(f"{rate:8.1f} requests/s  {'carried' if reason is None else reason}", file=sys.stderr)
        if code == INTERRUPTED:
            return INTERRUPTED
    return 0


def _trials(done: list[dict[str, Any]]) -> list[Trial]:
    return [Trial(each["rate"], each["carried"]) for each in done]


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
