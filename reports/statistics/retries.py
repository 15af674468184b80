"""Computes how many attempts clients made per call: how much their retries amplified the load."""

from __future__ import annotations

from reports.loading.run import Run
from tripcurve.run.retries import Calls, Retries

__all__ = ["retries"]


def retries(run: Run) -> Retries | None:
    """Return the attempts per call of clients that retry, in all and by phase, or None if run.json has no such counts.

    An attempt counts in the phase in which it was sent, also if its call began before. So a phase may have more
    attempts than its own calls made.
    """
    counts = run.info.calls
    if not counts:
        return None
    names = [phase.name for phase in run.scenario.phases if phase.name in counts]
    phases = tuple(_calls(name, counts[name].calls, counts[name].attempts) for name in names)
    calls, attempts = (sum(getattr(one, kind) for one in counts.values()) for kind in ("calls", "attempts"))
    return Retries(calls=calls, attempts=attempts, attempts_per_call=_ratio(attempts, calls), phases=phases)


def _calls(phase: str, calls: int, attempts: int) -> Calls:
    return Calls(phase=phase, calls=calls, attempts=attempts, attempts_per_call=_ratio(attempts, calls))


def _ratio(attempts: int, calls: int) -> float | None:
    return attempts / calls if calls else None
