"""Counts a run's requests and collects sums and latencies, piece by piece in start order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.statistics.in_flight import InFlight
from reports.statistics.latencies import Latencies, Lines
from reports.statistics.sample import Sample
from tripcurve.errors import BadInput
from tripcurve.run.record import CANCELED, ORIGINS

__all__ = ["BIN_S", "OUTCOMES", "Tally", "bin_width_s", "outcomes_of"]

NS = 1_000_000_000
BIN_S = 0.25
"""The finest time bin, s. All others are whole multiples of it."""
OUTCOMES = ("2xx", "429 backend", "shed", "other error", "no response", "canceled")
MOST_BINS = 100
LONGEST_S = 31 * 86_400
"""No run lasts longer. A later start comes from a wrong clock, and would need more bins than fit into memory."""

KINDS = ["phase", "origin", "backend", "status", "outcome", "worker"]
_SUMS = [
    ([], "count_all"),
    ("prompt_tokens", "sum"),
    ("completion_tokens", "sum"),
    ("completion_tokens", "count"),
    ("start_ns", "min"),
    ("start_ns", "max"),
]
_TOTALS = {
    "n": ("count_all", "sum"),
    "prompt_tokens": ("prompt_tokens_sum", "sum"),
    "completion_tokens": ("completion_tokens_sum", "sum"),
    "reported": ("completion_tokens_count", "sum"),
    "first_ns": ("start_ns_min", "min"),
    "last_ns": ("start_ns_max", "max"),
}

Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int64]


def bin_width_s(duration_s: float) -> float:
    """Return the width of a time bin, s: a round number that gives at most MOST_BINS bins."""
    for width in (BIN_S, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600):
        if duration_s / width <= MOST_BINS:
            return width
    return float(np.ceil(duration_s / MOST_BINS / 3600) * 3600)


class Tally:
    """The figures of a run. `start_ns`: its start, unix ns. `span_s`: its approximate length. `rows`: its requests.

    `outcomes`: requests by bin of their start and by outcome, shape (bins, outcomes), in bins of BIN_S from `start_ns`;
    earlier requests are in the first bin. `end_ns`: when the last request ended, unix ns; `start_ns` if there is none.
    """

    def __init__(self, start_ns: int, span_s: float, rows: int) -> None:
        self.start_ns = self.end_ns = start_ns
        self.total = 0
        self.probes = 0
        """The number of dense probes. `add` does not get them."""
        self.outcomes: Counts = np.zeros((0, len(OUTCOMES)), np.int64)
        self.service: dict[str | None, Counts] = {}
        """By backend (None: none answered): requests and complete 2xx by second of the start, shape (seconds, 2)."""
        self.lines = Lines(max(1.0, bin_width_s(span_s)))
        self.in_flight = InFlight(BIN_S)
        self.sample = Sample(rows)
        self.silent = 0
        """The number of requests after the last one with a response, or whose client canceled it.

        The first started at `silent_since_ns`, and the last ended at `silent_to_ns`, both unix ns.
        """
        self.silent_since_ns = self.silent_to_ns = start_ns
        self._kinds: list[pd.DataFrame] = []
        self._latencies: defaultdict[tuple[str, str, bool], Latencies] = defaultdict(Latencies)
        self._wire: defaultdict[str, Latencies] = defaultdict(Latencies)
        self.first_tokens = Latencies()
        """Latencies of streams from sending to the first token."""

    def add(self, piece: pa.Table) -> None:
        """Add the next requests, with one dictionary per column. Raises BadInput if a start is later than LONGEST_S."""
        if not len(piece):
            return
        start, wire = piece["start_ns"].to_numpy(), piece["latency_us"].to_numpy().astype(np.int64)
        passed = np.maximum(start - self.start_ns, 0)
        if passed[-1] > LONGEST_S * NS:
            raise BadInput(f"a request started {passed[-1] // NS // 86_400} days after the run: its clock was wrong")
        self.total += len(piece)
        self.end_ns = max(self.end_ns, int((start + wire * 1000).max()))
        # Latency from the intended start is how long a client that arrived on schedule would have waited.
        waited = wire + np.maximum(start - piece["intended_ns"].to_numpy(), 0) // 1000
        side = _codes(piece, "origin", ORIGINS)
        outcome = outcomes_of(piece, side)
        self._count_silent(outcome, start, wire)
        self._count_kinds(piece, outcome)
        self._count_over_time(piece, side, outcome, passed)
        self._add_latencies(piece, side, outcome, wire, waited)
        self.lines.add(passed // round(self.lines.width_s * NS), side, waited)
        answered = passed + wire * 1000
        self.in_flight.add(np.maximum(answered - waited * 1000, 0) / NS, answered / NS)
        self.sample.add(piece, outcome, wire)

    def _count_silent(self, outcome: Codes, start: Counts, wire: Counts) -> None:
        answered = np.flatnonzero(outcome != OUTCOMES.index("no response"))  # canceled: an answer could still have come
        first = 0
        if len(answered):
            self.silent, first = 0, int(answered[-1]) + 1
        if first < len(start):
            if not self.silent:
                self.silent_since_ns = int(start[first])
            self.silent += len(start) - first
            self.silent_to_ns = int((start[first:] + wire[first:] * 1000).max())

    def _count_kinds(self, piece: pa.Table, outcome: Codes) -> None:
        counted = piece.append_column("outcome", pa.array(outcome)).group_by(KINDS).aggregate(_SUMS).to_pandas()
        counted["outcome"] = [OUTCOMES[code] for code in counted["outcome"]]
        self._kinds.append(counted.astype(dict.fromkeys(("phase", "origin", "backend"), object)))

    def _count_over_time(self, piece: pa.Table, side: Codes, outcome: Codes, passed: Counts) -> None:
        bins = passed // round(BIN_S * NS)
        cells = np.bincount(bins * len(OUTCOMES) + outcome, minlength=(bins[-1] + 1) * len(OUTCOMES))
        self.outcomes = _plus(self.outcomes, cells.reshape(-1, len(OUTCOMES)))
        names: list[str | None] = [None, *_words(piece, "backend")]
        by = np.where(side == ORIGINS.index("backend"), _codes(piece, "backend", names), 0)
        second, fine = passed // NS, outcome == OUTCOMES.index("2xx")
        for code in _present(by):
            own = by == code
            sent = np.bincount(second[own])
            both = np.column_stack((sent, np.bincount(second[own], weights=fine[own], minlength=len(sent))))
            empty = np.zeros((0, 2), np.int64)
            self.service[names[code]] = _plus(self.service.get(names[code], empty), both.astype(np.int64))

    def _add_latencies(self, piece: pa.Table, side: Codes, outcome: Codes, wire: Counts, waited: Counts) -> None:
        phases = _words(piece, "phase")
        fine = outcome == OUTCOMES.index("2xx")
        group = (_codes(piece, "phase", phases) * len(ORIGINS) + side) * 2 + fine
        for code in _present(group):
            phase, answered = divmod(code // 2, len(ORIGINS))
            key = (phases[phase], ORIGINS[answered], bool(code % 2))
            self._latencies[key] += Latencies.of(waited[group == code])
        for code in _present(side):
            self._wire[ORIGINS[code]] += Latencies.of(wire[side == code])
        self.first_tokens += Latencies.of(piece["first_byte_us"].drop_null().to_numpy())

    @cached_property
    def kinds(self) -> pd.DataFrame:
        """A row for each combination of KINDS, in order of its first request. Read it after the last `add`.

        Columns: KINDS, `n`, `prompt_tokens`, `completion_tokens`, `reported` (how many answers reported tokens),
        `first_ns` and `last_ns` (the first and last start, unix ns).
        """
        if not self._kinds:
            return pd.DataFrame(columns=[*KINDS, *_TOTALS])
        whole = pd.concat(self._kinds, ignore_index=True).groupby(KINDS, dropna=False, sort=False)
        return whole.agg(**_TOTALS).reset_index().sort_values("first_ns", kind="stable", ignore_index=True)

    def count(self, outcome: str) -> int:
        """Return the number of requests with an outcome, one of OUTCOMES."""
        return int(self.outcomes[:, OUTCOMES.index(outcome)].sum())

    def wire_latencies(self, origin: str) -> Latencies:
        """Return the latencies of one side's answers, from sending."""
        return self._wire.get(origin, Latencies())

    def latencies(self, phase: str | None = None, origin: str | None = None, fine: bool | None = None) -> Latencies:
        """Return latencies from the intended start: of a phase, a side, and complete 2xx or others. None: of all."""
        wanted = (phase, origin, fine)
        return sum(
            (
                latencies
                for key, latencies in self._latencies.items()
                if all(one is None or one == other for one, other in zip(wanted, key, strict=True))
            ),
            Latencies(),
        )

    def service_of(self, member: str | None) -> Counts:
        """Return requests and complete 2xx by second, shape (seconds, 2), without those that other members answered.

        `member` None: of all backends.
        """
        own = [counts for name, counts in self.service.items() if member is None or name is None or name == member]
        return reduce(_plus, own, np.zeros((0, 2), np.int64))


def outcomes_of(piece: pa.Table, side: Codes) -> Codes:
    """Return the outcome of each request, as an index into OUTCOMES, shape (rows,). `side`: indexes into ORIGINS.

    Only a complete 2xx is a success: an answer that broke off keeps its status but is an error.
    """
    status = piece["status"].to_numpy()
    gateway = side == ORIGINS.index("gateway")
    whole = pc.is_null(piece["error"]).to_numpy()
    code = np.full(len(piece), OUTCOMES.index("other error"), dtype=np.int64)
    code[(status >= 200) & (status < 300) & whole] = OUTCOMES.index("2xx")
    code[(status == 429) & ~gateway] = OUTCOMES.index("429 backend")
    code[piece["shed"].to_numpy()] = OUTCOMES.index("shed")
    silent = status == 0
    code[silent] = OUTCOMES.index("no response")
    if silent.any():
        canceled = _codes(piece, "error", [None, CANCELED]) == 1
        code[silent & canceled] = OUTCOMES.index("canceled")
    return code


def _words(piece: pa.Table, name: str) -> list[str]:
    """Return the values of a text column, in the order of their codes."""
    words: list[str] = piece[name].chunk(0).dictionary.to_pylist()
    return words


def _codes(piece: pa.Table, name: str, words: Sequence[str | None]) -> Codes:
    """Return a text column as indexes into `words`; null and values not in `words` become 0."""
    column = piece[name].chunk(0)
    place = {word: index for index, word in enumerate(words)}
    known = np.array([place.get(word, 0) for word in column.dictionary.to_pylist()] + [0], np.int64)
    indices = column.indices.fill_null(len(known) - 1)
    codes: Codes = known[indices.to_numpy()]
    return codes


def _present(codes: Codes) -> list[int]:
    """Return the codes that occur, ascending."""
    found: list[int] = np.flatnonzero(np.bincount(codes)).tolist()
    return found


def _plus(one: Counts, other: Counts) -> Counts:
    """Add two arrays of rows, with the shorter one padded with 0."""
    rows = max(len(one), len(other))
    padded = [np.pad(counts, ((0, rows - len(counts)), (0, 0))) for counts in (one, other)]
    return padded[0] + padded[1]
