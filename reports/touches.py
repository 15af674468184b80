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

__all__ = ["answers_of", "clock_doubt_ns", "end_ns", "touches_of"]

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
        end=end_ns(part),
        status=part["status"].to_numpy(),
        by_backend=(part["origin"] == "backend").to_numpy(),
        retry_after_s=part["retry_after_s"].to_numpy(dtype=np.float32, na_value=np.nan),
        waited=part["backend_us"].to_numpy(dtype=np.float64, na_value=0.0).astype(np.int64) * 1000,
    )


def touches_of(frame: pd.DataFrame, backend: Backend, lab: Lab) -> Touches:
    """Proofs of one breaker's state, in start order."""
    doubt = clock_doubt_ns(frame)
    start = frame["start_ns"].to_numpy()
    end = end_ns(frame)
    by, soon = _admitted(frame, start, end)
    closed, opened = _proofs(frame, backend, lab)
    # A refusal is known at its end; being passed over for another member by when that member had been chosen.
    refused_by = np.where((frame["origin"] == "gateway").to_numpy()[opened], end[opened], by[opened])
    if isinstance(doubt, np.ndarray):
        start, by, soon, refused_by = start - doubt, by + doubt, soon + doubt, refused_by + doubt[opened]
    return Touches(start[closed], soon[closed], by[closed], start[opened], refused_by)


def end_ns(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """When each answer was whole: never too early, for latencies are whole microseconds."""
    ends: npt.NDArray[np.int64] = frame["latency_us"].to_numpy().astype(np.int64)
    ends *= 1000
    ends += frame["start_ns"].to_numpy()
    return ends


def clock_doubt_ns(frame: pd.DataFrame) -> npt.NDArray[np.int64] | None:
    """How far each row's clock may be off the main process's; None: all rows are on one clock."""
    return frame["clock_doubt_ns"].to_numpy() if "clock_doubt_ns" in frame else None


def _admitted(
    frame: pd.DataFrame, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """By when each request was surely admitted, and by when it was if no slower on its way than any shed."""
    waited = frame["backend_us"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~np.isnan(waited)
    by = np.where(known, np.maximum(end - np.where(known, waited, 0).astype(np.int64) * 1000, start), end)
    if known.all():
        return by, by
    sheds = ((frame["origin"] == "gateway") & (frame["status"] == 503)).to_numpy()
    slowest = int((end - start)[sheds].max()) if sheds.any() else 0
    return by, np.where(known | (slowest == 0), by, np.minimum(by, start + slowest))


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
