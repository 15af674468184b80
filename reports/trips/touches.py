"""Classifies each request by what it proves: the breaker was closed, the breaker was open, or nothing.

The answers of a single backend prove its breaker closed, and the gateway's sheds prove it open.

A pool sends a request for an open member to another member. A member's breaker was open when the gateway shed a
request, because then every member was open; when a member of a lower priority group answered, because that group is
used only if every member of the higher ones is open [D-BE]; and when so many requests of its own group in a row went to
others that its turn was certainly due: then it was open at some instant since its turn became due.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.trips.answers import Answers, Mask
from reports.trips.instants import Instants
from reports.trips.periods import Touches
from reports.trips.wait_slack import wait_slack_ns
from tripcurve.gateways import profile_of
from tripcurve.lab import Backend, Lab

__all__ = ["answers_of", "asked_first", "clock_doubt_ns", "end_ns", "touches_of"]

Indexes = npt.NDArray[np.intp]


def answers_of(frame: pd.DataFrame, backend: Backend, lab: Lab, delay_ns: int, network_ns: int) -> Answers:
    """Return every request that one backend's breaker could refuse: all but those that other backends answered.

    `delay_ns`: the gateway's longest delay before it stops the clock of its wait. `network_ns`: see `Answers.network`.
    """
    part = frame
    if lab.has_pool:  # the rows left out may have gone to any member, so one member's gaps are not known
        part = part.assign(unseen_ns=0)
        part = part[~_answered_by_others(frame, backend)]
    waited, status = _waited_ns(part), part["status"].to_numpy()
    return Answers(
        start=part["start_ns"].to_numpy(),
        end=end_ns(part),
        status=status,
        shed=part["shed"].to_numpy(),
        by_backend=(part["origin"] == "backend").to_numpy(),
        retry_after_s=part["retry_after_s"].to_numpy(dtype=np.float32, na_value=np.nan),
        waited=waited,
        whole=part["error"].isna().to_numpy(),
        alike=_alike(part),
        unseen=part["unseen_ns"].to_numpy(),
        in_doubt=_in_doubt(part),
        slack=wait_slack_ns(waited, status, delay_ns),
        network=network_ns,
    )


def _alike(frame: pd.DataFrame) -> Instants:
    """How many requests of the traffic each row represents."""
    alike: Instants = frame["left_out"].to_numpy() + 1 - frame["dense"].to_numpy()
    return alike


def _in_doubt(frame: pd.DataFrame) -> Mask:
    """Return which answers may be a backend's or the gateway's."""
    if "origin_in_doubt" in frame:
        return frame["origin_in_doubt"].to_numpy(dtype=bool)
    return np.zeros(len(frame), dtype=bool)


def _waited_ns(frame: pd.DataFrame) -> Instants:
    """Return how long the gateway waited for the backend, ns, or 0 if not reported."""
    waited = frame["backend_us"].to_numpy(dtype=np.float64, na_value=np.nan)
    whole: Instants = np.nan_to_num(waited, nan=0.0).astype(np.int64)
    return whole * 1000


def touches_of(frame: pd.DataFrame, backend: Backend, lab: Lab, *, whole: bool = True) -> Touches:
    """Return the proofs of one breaker's state, in start order.

    `whole`: whether the frame has the rows of all workers. If not, a pool's turns are not used as a proof.
    """
    start, end = frame["start_ns"].to_numpy(), end_ns(frame)
    by, soon = _admitted(frame, start, end)
    doubt = clock_doubt_ns(frame)
    if doubt is not None:
        start, end, by, soon = start - doubt, end + doubt, by + doubt, soon + doubt
    closed, opened, since = _proofs(frame, backend, lab, by - start, whole)
    # A shed proves its state by its end; an answer of another member proves it by when that member had been chosen.
    refused_by = np.where((frame["origin"] == "gateway").to_numpy()[opened], end[opened], by[opened])
    refused_from = np.minimum(start[since], start[opened])
    order = np.argsort(refused_from, kind="stable")
    answered = np.flatnonzero(closed)
    if doubt is not None:  # rows of workers with different doubts are no longer in order
        answered = answered[np.argsort(start[answered], kind="stable")]
    alike = _alike(frame)
    refused_alike = alike[opened][order]
    reported = bool(frame["backend_us"].notna().to_numpy()[answered].all())
    return Touches(
        start[answered],
        soon[answered],
        by[answered],
        refused_from[order],
        refused_by[order],
        alike[answered],
        refused_alike,
        np.sort(start[_in_doubt(frame)]),
        reported and doubt is None and not lab.has_pool,
    )


def end_ns(frame: pd.DataFrame) -> Instants:
    """Return when each response was complete, unix ns."""
    ends: Instants = frame["latency_us"].to_numpy().astype(np.int64)
    ends *= 1000
    ends += frame["start_ns"].to_numpy()
    return ends


def clock_doubt_ns(frame: pd.DataFrame) -> Instants | None:
    """Return how far each row's clock may be off the main process's, ns; None if all rows are on one clock."""
    return frame["clock_doubt_ns"].to_numpy() if "clock_doubt_ns" in frame else None


def _admitted(frame: pd.DataFrame, start: Instants, end: Instants) -> tuple[Instants, Instants]:
    """Return when each request was admitted at the latest: certainly, and if no slower on its way than any shed."""
    by = np.maximum(end - _waited_ns(frame), start)
    reported = frame["backend_us"].notna().to_numpy()
    sheds = frame["shed"].to_numpy()
    if (reported | sheds).all() or not sheds.any():
        return by, by
    slowest = int((end - start)[sheds].max())
    return by, np.where(reported, by, np.minimum(by, start + slowest))


def _proofs(
    frame: pd.DataFrame, backend: Backend, lab: Lab, flight: Instants, whole: bool
) -> tuple[Mask, Indexes, Indexes]:
    """Return which requests prove the breaker closed, and two index arrays, shape (n,), that prove it open.

    Request `i` of the first proves that it was open at some instant since request `i` of the second began.
    """
    answered = (frame["origin"] == "backend").to_numpy() & ~_in_doubt(frame)
    shed = frame["shed"].to_numpy()
    if not lab.has_pool:
        return answered, np.flatnonzero(shed), np.flatnonzero(shed)
    names = frame["backend"]
    own = answered & (names == backend.name).to_numpy()
    rank = _rank(backend, lab)
    lower = [other.name for other in lab.backends if _rank(other, lab) > rank]
    group = [other for other in lab.backends if _rank(other, lab) == rank]
    if backend.weight == 0 and lab.local.weight_zero == "never":
        return own, np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    refused = np.flatnonzero(shed | (answered & names.isin(lower).to_numpy()))
    if not whole:
        return own, refused, refused
    in_group = answered & names.isin([other.name for other in group]).to_numpy()
    gaps = np.cumsum(frame["left_out"].to_numpy()) - frame["left_out"].to_numpy()
    passed, since = _passed_over(own, in_group, backend, group, lab, _overtakers(frame, flight), gaps)
    return own, np.concatenate((refused, passed)), np.concatenate((refused, since))


def _overtakers(frame: pd.DataFrame, flight: Instants) -> int:
    """Return the most requests that can have overtaken one another on their way to the gateway."""
    start = frame["start_ns"].to_numpy()
    return int((np.searchsorted(start, start + flight) - np.arange(len(start))).max(initial=0))


def _rank(backend: Backend, lab: Lab) -> float:
    if backend.priority is not None:
        return backend.priority
    given = [other.priority for other in lab.backends if other.priority is not None]
    return max(given, default=0) + 1 if lab.local.priority_null == "last" else min(given, default=0)


def _passed_over(
    own: Mask,
    in_group: Mask,
    backend: Backend,
    group: list[Backend],
    lab: Lab,
    overtakers: int,
    gaps: Instants,
) -> tuple[Indexes, Indexes]:
    """Return the answers by others of the group although this member's turn was due, and those since which it was.

    Each unit takes turns on its own. Turns prove nothing if members are drawn at random, if the gateway retries (an
    attempt that no client sees may have taken the turn), or if requests were left out in between; `gaps` counts those
    left out before each row. If the order may start anew, a member waits for its turn more than one round.
    """
    none = np.empty(0, dtype=np.intp)
    profile = profile_of(lab)
    if len(group) == 1 or not profile.in_turns or profile.retries:
        return none, none
    total = sum(1 if other.weight is None else other.weight for other in group)
    due = total * profile.rounds * lab.most_units + 2 * overtakers
    turns = np.flatnonzero(in_group)
    own_turns = np.flatnonzero(own[turns])
    last_own = np.concatenate(([-1], own_turns))[np.searchsorted(own_turns, np.arange(len(turns)), side="right")]
    late = np.flatnonzero(np.arange(len(turns)) - last_own > due)
    late = late[gaps[turns[late]] == gaps[turns[late - due]]]
    return turns[late], turns[late - due]


def asked_first(backend: Backend, lab: Lab) -> bool:
    """Return whether every request goes to this backend while it is closed: it alone has the highest priority."""
    rank = _rank(backend, lab)
    return all(_rank(other, lab) > rank for other in lab.backends if other.name != backend.name)


def _answered_by_others(frame: pd.DataFrame, backend: Backend) -> Mask:
    return ((frame["origin"] == "backend") & (frame["backend"] != backend.name)).to_numpy()
