"""Finds from a run's records whether its target stopped answering before the run ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tripcurve.run.layout import REQUESTS
from tripcurve.run.record import CANCELED, are_dense_probes

__all__ = ["LEAST_REQUESTS", "LEAST_S", "TargetLoss", "find_target_loss"]

LEAST_S = 1.0
LEAST_REQUESTS = 5
"""A shorter silence, or one of fewer requests, can be chance."""
_COLUMNS = ["start_ns", "intended_ns", "latency_us", "status", "error", "user"]
_OURS = ("Cancelled", CANCELED)
"""The errors of requests that the run's end or their clients cut off: they show nothing about the target."""


@dataclass(frozen=True)
class TargetLoss:
    """A target that stopped answering.

    `since_ns`: the end of its last response, or the start of the first request if there was no response, unix ns.
    `requests`: how many of the traffic ended later without a response.
    """

    since_ns: int
    requests: int
    error: str
    """The most frequent error among those requests."""


def find_target_loss(folder: Path) -> TargetLoss | None:
    """Return since when no request got a response, or None if the target answered until the end of the run.

    Reads requests.parquet, usually only its last part. Raises OSError if it cannot be read.
    """
    with pq.ParquetFile(folder / REQUESTS) as file:
        groups = file.num_row_groups
        if not groups or _answered_late(file.read_row_group(groups - 1, _COLUMNS)):
            return None
        tables = (file.read_row_group(number, _COLUMNS) for number in range(groups))
        return _loss(table.filter(pc.invert(are_dense_probes(table))) for table in tables)


def _answered_late(table: pa.Table) -> bool:
    """Return whether a response ended within the last `LEAST_S` seconds, so that no silence is long enough."""
    end = _ends(table)
    return bool((end[table["status"].to_numpy() != 0] > end.max(initial=0) - LEAST_S * 1e9).any())


def _ends(table: pa.Table) -> npt.NDArray[np.int64]:
    ends: npt.NDArray[np.int64] = table["start_ns"].to_numpy() + table["latency_us"].to_numpy().astype(np.int64) * 1000
    return ends


def _loss(tables: Iterable[pa.Table]) -> TargetLoss | None:
    answered_ns, first_ns = -1, -1
    ends: list[npt.NDArray[np.int64]] = []
    errors: list[str] = []
    for table in tables:
        start, status = table["start_ns"].to_numpy(), table["status"].to_numpy()
        end = _ends(table)
        first_ns = int(start[0]) if first_ns < 0 and len(start) else first_ns
        answered_ns = max(answered_ns, int(end[status != 0].max(initial=-1)))
        silent = np.flatnonzero((status == 0) & (end > answered_ns))
        ends.append(end[silent])
        errors += table["error"].take(silent).to_pylist()
    if not ends:
        return None
    all_ends = np.concatenate(ends)
    chosen = [at for at in np.flatnonzero(all_ends > answered_ns).tolist() if errors[at] not in _OURS]
    since_ns = first_ns if answered_ns < 0 else answered_ns
    if len(chosen) < LEAST_REQUESTS or int(all_ends[chosen].max()) - since_ns < LEAST_S * 1e9:
        return None
    [(error, _)] = Counter(errors[at] for at in chosen).most_common(1)
    return TargetLoss(since_ns, len(chosen), error)
