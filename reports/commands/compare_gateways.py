"""`tripcurve compare-gateways`, its second half: the runs read, the comparison with its page written and printed."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from reports.render.gateways import print_gateways, render_gateways
from reports.statistics.gateway_comparison import compare_gateways
from tripcurve.errors import BadInput, NotRecorded, reason_of
from tripcurve.run.gateways import COMPARISON, GATEWAY_RUNS, GatewayRuns
from tripcurve.run.layout import REPORT
from tripcurve.run.writing import write_whole

__all__ = ["compare_gateways_command"]


def compare_gateways_command(folder: Path, as_json: bool) -> int:
    """Write comparison.json and report.html into the folder of a comparison, and print it.

    Returns 0, or 3 if no gateway could be compared. Raises BadInput if the folder has no comparison.
    """
    comparison = compare_gateways(folder, _runs(folder))
    text = comparison.model_dump_json(indent=1) + "\n"
    try:
        write_whole(folder / COMPARISON, text)
        write_whole(folder / REPORT, render_gateways(comparison))
    except OSError as error:
        raise NotRecorded(f"cannot write the comparison into {folder}: {reason_of(error)}") from None
    if as_json:
        sys.stdout.write(text)
    else:
        print_gateways(comparison, str(folder / REPORT), Console())
    return 0 if any(each.run is not None for each in comparison.gateways) else 3


def _runs(folder: Path) -> GatewayRuns:
    try:
        return GatewayRuns.model_validate_json((folder / GATEWAY_RUNS).read_text("utf-8"))
    except (OSError, ValidationError):
        raise BadInput(
            f"{folder} has no readable {GATEWAY_RUNS}; give a folder that `tripcurve compare-gateways` made"
        ) from None
