"""Reports the dense probes of a run: their number, their cost, and why resets are less sharp than asked for, if so."""

from __future__ import annotations

from collections import Counter

import numpy as np

from reports.loading.run import Run
from tripcurve.run.info import RunInfo
from tripcurve.run.probing import Probing

__all__ = ["probing", "probing_notes"]

EXPECTED = "as expected"


def probing(info: RunInfo) -> Probing | None:
    """Return the part `probing` of the summary, or None if run.json has no account of dense probes."""
    if info.probing is None:
        return None
    gaps = [reset.gap_ms for reset in info.probing.resets if reset.gap_ms is not None]
    return Probing(
        sharpen_s=info.probing.sharpen_s,
        budget=info.probing.budget,
        requests=info.probing.requests,
        answered=info.probing.answered,
        resets=len(info.probing.resets),
        outcomes=dict(Counter(reset.outcome or "unknown" for reset in info.probing.resets)),
        gap_ms=float(np.median(gaps)) if gaps else None,
        reason=info.probing.reason,
    )


def probing_notes(run: Run) -> list[str]:
    """Return sentences on the number and cost of dense probes, and on why resets are less sharp than asked for."""
    account = run.info.probing
    if account is None:
        return [_left_out(run)] if run.tally.probes else []
    if not account.requests:
        # Nothing failed if the user turned the probes off, or if no breaker opened.
        wanted = account.sharpen_s is not None and account.reason is not None
        return [f"no dense probes timed the resets: {account.reason}"] if wanted else []
    notes = [f"{_left_out(run)}; a backend answered {account.answered:,} of them"]
    if account.reason is not None:
        notes.append(f"resets are less sharp than asked for: {account.reason}")
    others = Counter(reset.outcome for reset in account.resets if reset.outcome != EXPECTED)
    if others:
        number = f"{others.total():,} of {len(account.resets):,}"
        outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in others.items())
        notes.append(f"{number} resets may be less sharp, because probing did not go as expected: {outcomes}")
    return notes


def _left_out(run: Run) -> str:
    probes = "1 dense probe" if run.tally.probes == 1 else f"{run.tally.probes:,} dense probes"
    return f"{probes} timed the resets; traffic figures exclude them"
