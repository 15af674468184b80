"""Which requests touched which breaker, and what each proves of its state.

A backend on its own: its answers prove it closed, the gateway's 503s prove it open.

A pool's member is seldom refused, only passed over. It was open whenever the whole pool was out
(a 503), whenever a member of a lower group answered (a lower group is used only when every
member of the higher ones is tripped, D-BE), and when so many of its own group's requests in a row went
elsewhere that its turn had surely come.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.measures import Answers
from reports.trips import Touches
from tripcurve.lab import Backend, Lab
from tripcurve.rule import BreakerRule

__all__ = ["answers_of", "touches_of"]

Mask = npt.NDArray[np.bool_]
# Requests of many users overtake one another, so a turn may come this many rounds late.
PATIENCE_ROUNDS = 3


def answers_of(frame: pd.DataFrame, backend: Backend, lab: Lab) -> Answers:
    """What clients got of one backend: all but what other backends answered, in start order."""
    own = ~_answered_by_others(frame, backend) if lab.has_pool else np.ones(len(frame), dtype=bool)
    part = frame[own]
    start = part["start_ns"].to_numpy()
    return Answers(
        start=start,
        end=start + part["latency_us"].to_numpy().astype(np.int64) * 1000,
        status=part["status"].to_numpy(),
        by_backend=(part["origin"] == "backend").to_numpy(),
        retry_after_s=part["retry_after_s"].to_numpy(dtype=np.float32, na_value=np.nan),
    )


def touches_of(frame: pd.DataFrame, backend: Backend, lab: Lab) -> Touches:
    """Proofs of one breaker's state, in start order."""
    start = frame["start_ns"].to_numpy()
    end = start + frame["latency_us"].to_numpy().astype(np.int64) * 1000
    closed, opened = _proofs(frame, backend, lab)
    waited_ns = frame["backend_us"].to_numpy(dtype=np.float64, na_value=0.0) * 1000
    admitted_by = np.maximum(end - waited_ns.astype(np.int64), start)
    return Touches(
        answer_start=start[closed],
        answer_admitted_by=admitted_by[closed],
        answer_end=end[closed],
        # A retry within the gateway hides a member's failures, so there any answer of its own is proof.
        answer_failed=_failed(frame["status"].to_numpy()[closed], None if lab.has_pool else backend.breaker),
        shed_start=start[opened],
        # Passed over for another member: known by when that member had been chosen.
        shed_end=admitted_by[opened],
    )


def _proofs(frame: pd.DataFrame, backend: Backend, lab: Lab) -> tuple[Mask, Mask]:
    """Masks of requests that prove the backend's breaker closed, and open."""
    answered = (frame["origin"] == "backend").to_numpy()
    shed = ((frame["origin"] == "gateway") & (frame["status"] == 503)).to_numpy()
    if not lab.has_pool:
        return answered, shed
    names = frame["backend"].astype(object)
    own = answered & (names == backend.name).to_numpy()
    rank = _rank(backend)
    lower = [other.name for other in lab.backends if _rank(other) > rank]
    equal = [other.name for other in lab.backends if _rank(other) == rank]
    in_group = answered & names.isin(equal).to_numpy()
    opened = shed | (answered & names.isin(lower).to_numpy()) | _passed_over(own, in_group, backend, lab)
    return own, opened


def _rank(backend: Backend) -> int:
    return 0 if backend.priority is None else backend.priority


def _passed_over(own: Mask, in_group: Mask, backend: Backend, lab: Lab) -> Mask:
    """Answers of the group that came after the backend's turn was surely due. Each unit takes turns on its own."""
    group = [other for other in lab.backends if _rank(other) == _rank(backend)]
    weights = {other.name: 1 if other.weight is None else other.weight for other in group}
    passed = np.zeros(len(own), dtype=bool)
    if not weights[backend.name] or len(group) == 1 or lab.local.pool_weighting == "random":
        return passed
    due = math.ceil(sum(weights.values()) / weights[backend.name]) * PATIENCE_ROUNDS * lab.units
    turns = np.flatnonzero(in_group)
    own_turns = np.flatnonzero(own[turns])
    last_own = np.concatenate(([-1], own_turns))[np.searchsorted(own_turns, np.arange(len(turns)), side="right")]
    passed[turns[np.arange(len(turns)) - last_own > due]] = True
    return passed


def _answered_by_others(frame: pd.DataFrame, backend: Backend) -> Mask:
    return ((frame["origin"] == "backend") & (frame["backend"].astype(object) != backend.name)).to_numpy()


def _failed(status: npt.NDArray[np.int16], rule: BreakerRule | None) -> Mask:
    """Answers that the rule counts; all of them where no status is known to count."""
    if rule is None or not rule.status_codes:
        return np.ones(len(status), dtype=bool)
    failed = np.zeros(len(status), dtype=bool)
    for low, high in rule.status_codes:
        failed |= (status >= low) & (status <= high)
    return failed
