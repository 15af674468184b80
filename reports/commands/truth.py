"""`tripcurve truth RUN --from FILE`: set a run beside what Azure itself recorded."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from reports.exports.files import read_records
from reports.exports.truth import ImportedTruth, truth_from
from reports.loading.run import Run, load
from tripcurve.errors import BadInput
from tripcurve.run.layout import EVENTS
from tripcurve.run.writing import write_whole

__all__ = ["check_replaceable", "import_truth"]


def import_truth(folder: Path, export: Path) -> int:
    """Write the breakers' events of an export into the run directory `folder`, print a summary, and return 0.

    Raises BadInput, and then writes nothing, if the run or the export cannot be read, they do not belong together, or
    the gateway of the run wrote its own record.
    """
    run = check_replaceable(folder)
    truth = truth_from(run, read_records(export))
    write_whole(folder / EVENTS, "".join(json.dumps(event) + "\n" for event in truth.events))
    _print(truth, folder)
    return 0


def check_replaceable(folder: Path) -> Run:
    """Return the run, whose record of the breakers may be replaced.

    Raises BadInput if it cannot be read, or if the gateway of the run wrote its own record.
    """
    path = folder / EVENTS
    run = load(folder)
    if path.exists() and not _imported(run):
        raise BadInput(f"{path} was written by the run's own gateway, which knows better than an export")
    return run


def _imported(run: Run) -> bool:
    """Return whether a run's events came from an export: those of a gateway name their unit.

    Without events the target decides: the local cloud and the simulator record that no breaker opened.
    """
    if not run.events:
        return run.info.target not in ("local", "simulated")
    return all(event.unit is None for event in run.events)


def _print(truth: ImportedTruth, folder: Path) -> None:
    opened = sum(str(event["eventType"]).endswith("Opened") for event in truth.events)
    offset = truth.offset
    sys.stdout.write(
        f"{truth.source}: {opened} {'trip' if opened == 1 else 'trips'} in the run\n"
        f"Azure's clock minus the run's: {offset.offset_ns / 1e6:+.3f} ± {offset.half_width_ns / 1e6:.3f} ms, "
        f"by {offset.by}\n"
        f"written: {folder / EVENTS}; next: tripcurve report {folder}\n"
    )
