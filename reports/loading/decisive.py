"""Selects the requests that bound a trip or a reset: those near a change of state, and all unusual ones.

In the middle of a long series of ordinary answers, or of sheds, a request proves only what its neighbours prove.
Leaving it out widens no interval, so a run of any length is analysed from few requests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reports.trips.answers import counted_statuses
from reports.trips.units import surely_all
from tripcurve.lab import Lab

__all__ = ["MARGIN", "decisive"]

MARGIN = 256
"""How many requests are kept at each end of a series of alike requests."""
NS = 1_000_000_000
OTHER, SHED, FINE = 0, 1, 2

Whole = npt.NDArray[np.int64]


def decisive(piece: pa.Table, lab: Lab, margin: int = MARGIN) -> pa.Table:
    """Return the rows of a piece, in start order, that matter for any breaker's state, with two more columns.

    `left_out`: how many rows like this one were left out after it. `unseen_ns`: the longest time from the start of this
    row or of one left out after it until the next was admitted. Both are 0 if no row was left out. Dense probes are
    always kept, so the rows left out are all requests of the traffic.

    Of alike rows, `margin` are kept at each end: more if many were under way at once, and for a rule that counts a
    percentage all that its window can hold.
    """
    if len(piece) <= 2 * margin:
        return _with_left_out(piece, np.arange(len(piece)), np.zeros(len(piece), np.int64))
    start = piece["start_ns"].to_numpy()
    end = start + piece["latency_us"].to_numpy().astype(np.int64) * 1000
    by = _answered_by(piece)
    margin = _margin(start, end, lab, margin)
    kind = _kinds(piece, by, lab, margin)
    keep = np.ones(len(piece), dtype=bool)
    cuts = np.flatnonzero(np.diff(kind)) + 1
    for begin, stop in zip([0, *cuts.tolist()], [*cuts.tolist(), len(kind)], strict=True):
        if kind[begin] != OTHER and stop - begin > 2 * margin:
            low, high = _inside(start, end, by, begin, stop, margin)
            high = min(high, int(np.searchsorted(start, start[stop - 1] - _window_ns(lab))))
            if low < high:
                keep[low:high] = end[low:high] >= start[high]  # keep those still under way when the kept end begins
    keep |= piece["dense"].to_numpy()
    waited = np.nan_to_num(piece["backend_us"].to_numpy()).astype(np.int64) * 1000
    admitted_by = np.maximum(end - waited, start)
    return _with_left_out(piece.filter(pa.array(keep)), np.flatnonzero(keep), np.append(admitted_by[1:], 0) - start)


def _with_left_out(kept: pa.Table, places: Whole, unseen: Whole) -> pa.Table:
    """Add both columns to the kept rows, at `places`. `unseen`: ns from each row to the next one's admission."""
    left_out = np.diff(np.append(places, len(unseen))) - 1
    longest = np.maximum.reduceat(unseen, places) if len(places) else places
    longest = np.where(left_out, np.maximum(longest, 1), 0)
    return kept.append_column("left_out", pa.array(left_out)).append_column("unseen_ns", pa.array(longest))


def _answered_by(piece: pa.Table) -> Whole:
    """Return each row's backend as its index in the column's dictionary, or -1 if the answer names none."""
    places: Whole = piece["backend"].chunk(0).indices.fill_null(-1).to_numpy().astype(np.int64)
    return places


def _margin(start: Whole, end: Whole, lab: Lab, margin: int) -> int:
    """Return the margin to use: larger with several units or in a pool, where only a long series proves a state."""
    least = [margin, 16 * surely_all(lab.most_units)]
    if lab.has_pool:
        turns = sum(1 if backend.weight is None else backend.weight for backend in lab.backends) * lab.most_units
        overtakers = int((np.searchsorted(start, end) - np.arange(len(start))).max())
        least.append(8 * (turns + 2 * overtakers))
    return max(least)


def _window_ns(lab: Lab) -> int:
    """Return the longest window of the rules that count a percentage, ns, or 0 if all rules count failures only."""
    rules = [backend.breaker for backend in lab.backends if backend.breaker is not None]
    return max((round(rule.interval * NS) for rule in rules if rule.count is None), default=0)


def _kinds(piece: pa.Table, by: Whole, lab: Lab, margin: int) -> Whole:
    """Classify each row as SHED, OTHER, or FINE and above: a complete 2xx that no rule counts.

    In a pool, the values above FINE differ by the members that answered recently.
    """
    status = piece["status"].to_numpy()
    origin = piece["origin"].cast(pa.string())
    kind = np.full(len(piece), OTHER, dtype=np.int64)
    whole = pc.is_null(piece["error"]).to_numpy()
    fine = pc.equal(origin, "backend").to_numpy() & (status >= 200) & (status < 300) & whole
    kind[piece["shed"].to_numpy()] = SHED
    for backend in lab.backends:
        fine &= ~counted_statuses(status, backend.breaker)  # a rule may count any status, even 2xx
    kind[fine] = FINE
    if lab.has_pool:
        place = np.arange(len(piece))
        for member in np.flatnonzero(np.bincount(by[fine] + 1))[:60] - 1:
            last = np.maximum.accumulate(np.where(fine & (by == member), place, -margin))
            kind[fine & (place - last < margin // 4)] += FINE << (int(member) % 60)
    return kind


def _inside(start: Whole, end: Whole, by: Whole, begin: int, stop: int, margin: int) -> tuple[int, int]:
    """Return the range of the alike rows from `begin` to `stop` on which no change of state outside can depend.

    It begins after the earliest end among each backend's first rows, and ends before each backend's last row that had
    ended when row `stop - 1` began.
    """
    low, high = begin + margin, stop - margin
    own = by[begin:stop]
    for member in np.flatnonzero(np.bincount(own + 1)) - 1:
        places = begin + np.flatnonzero(own == member)
        low = max(low, int(np.searchsorted(start, end[places[:margin]].min(), side="right")))
        ended = places[end[places] < start[stop - 1]]
        high = min(high, int(ended[-1]) if len(ended) else begin)
    return low, high
