"""The requests of a run or of a production log as a few arrays, from which steps of load are measured."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from reports.loading.run import Run
from reports.statistics.tally import OUTCOMES, outcomes_of
from tripcurve.run.record import ORIGINS

__all__ = ["Codes", "Floats", "Traffic", "traffic_of"]

NS = 1_000_000_000
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Traffic:
    """Requests in any order, as arrays of shape (n,).

    `due_s`: when each was due, seconds from the run's start or from the log's first request. `latency_ms`: from then to
    the end of the answer; NaN: not known. `outcome`: an index into OUTCOMES. `status`: 0 for no response. `tokens_in`
    and `tokens_out`: as reported, 0 if not. `late_ms`: how late each was sent; NaN: not known, as in a log.
    `outside_ms`: from sending to the end, without the wait for the backend; NaN: not reported.
    """

    due_s: Floats
    latency_ms: Floats
    outcome: Codes
    status: Codes
    tokens_in: Floats
    tokens_out: Floats
    late_ms: Floats
    outside_ms: Floats

    def __len__(self) -> int:
        return len(self.due_s)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Traffic:
        """Return the requests for which `chosen`, shape (n,), is true."""
        return Traffic(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def served(self) -> npt.NDArray[np.bool_]:
        """Whether each request got a complete 2xx, shape (n,)."""
        found: npt.NDArray[np.bool_] = self.outcome == OUTCOMES.index("2xx")
        return found


def traffic_of(run: Run) -> dict[str, Traffic]:
    """Return the requests of a run by phase, without dense probes. Reads the run's records."""
    found: dict[str, list[Traffic]] = {}
    for piece in run.records.pieces():
        table = piece.filter(pc.invert(piece["dense"])).combine_chunks()
        if not len(table):
            continue
        origins = table["origin"].chunk(0)
        places = np.array([ORIGINS.index(word) for word in origins.dictionary.to_pylist()], np.int64)
        outcome = outcomes_of(table, places[origins.indices.to_numpy()])
        start = table["start_ns"].to_numpy()
        due = np.minimum(table["intended_ns"].to_numpy(), start)
        late_ms = (start - due) / 1e6
        whole = table["latency_us"].to_numpy() / 1000
        backend_us = table["backend_us"].cast("double").to_numpy()
        traffic = Traffic(
            due_s=(due - run.start_ns) / NS,
            latency_ms=whole + late_ms,
            outcome=outcome,
            status=table["status"].to_numpy().astype(np.int64),
            tokens_in=_tokens(table["prompt_tokens"]),
            tokens_out=_tokens(table["completion_tokens"]),
            late_ms=late_ms,
            outside_ms=whole - backend_us / 1000,
        )
        names = table["phase"].chunk(0)
        for code, name in enumerate(names.dictionary.to_pylist()):
            own = names.indices.to_numpy() == code
            if own.any():
                found.setdefault(name, []).append(traffic.where(own))
    return {name: _joined(parts) for name, parts in found.items()}


def _tokens(column: pc.Array) -> Floats:
    filled: Floats = column.fill_null(0).to_numpy().astype(np.float64)
    return filled


def _joined(parts: list[Traffic]) -> Traffic:
    if len(parts) == 1:
        return parts[0]
    return Traffic(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Traffic)))
