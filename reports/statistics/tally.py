"""What a run's requests come to: counts, sums and latencies, gathered piece by piece in start order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.statistics.latencies import Latencies, Lines
from reports.statistics.sample import Sample
from tripcurve.errors import BadInput
from tripcurve.run.record import ORIGINS

__all__ = ["BIN_S", "OUTCOMES", "Tally", "bin_width_s", "outcomes_of"]

NS = 1_000_000_000
BIN_S = 0.25
"""The finest time bin. All others are whole multiples of it."""
OUTCOMES = ("2xx", "429 backend", "503 shed", "other error", "no response")
MOST_BINS = 100
LONGEST_S = 31 * 86_400
"""No run lasts longer; a start beyond it comes of a wrong clock, and would make more bins than memory holds."""

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
    "told": ("completion_tokens_count", "sum"),
    "first_ns": ("start_ns_min", "min"),
    "last_ns": ("start_ns_max", "max"),
}

Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int64]


def bin_width_s(duration_s: float) -> float:
    """Width of a time bin: a round number of seconds that keeps the bins few."""
    for width in (BIN_S, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600):
        if duration_s / width <= MOST_BINS:
            return width
    return float(np.ceil(duration_s / MOST_BINS / 3600) * 3600)


class Tally:
    """The figures of a run. `start_ns` (unix) is its zero; `span_s` about how long it took; `rows` how many it has.

    `outcomes[bin, outcome]`: requests of each outcome, by the start, in bins of BIN_S from the zero; what began
    before the zero falls into the first. `end_ns`: when the last answer was whole, unix; the zero where none was.
    """

    def __init__(self, start_ns: int, span_s: float, rows: int) -> None:
        self.start_ns = self.end_ns = start_ns
        self.total = 0
        self.probes = 0
        """Dense probes, which `add` was not given and no other figure counts."""
        self.outcomes: Counts = np.zeros((0, len(OUTCOMES)), np.int64)
        self.service: dict[str | None, Counts] = {}
        """By who answered (None: no backend): rows of requests and whole 2xx, by second of the start."""
        self.lines = Lines(max(1.0, bin_width_s(span_s)))
        self.sample = Sample(rows)
        self.silent = 0
        """Requests that got no response, from the last one on that did: started from `silent_since_ns`, unix, on, and
        given up by `silent_to_ns`."""
        self.silent_since_ns = self.silent_to_ns = start_ns
        self._kinds: list[pd.DataFrame] = []
        self._latencies: defaultdict[tuple[str, str, bool], Latencies] = defaultdict(Latencies)
        self._wire: defaultdict[str, Latencies] = defaultdict(Latencies)
        self.first_tokens = Latencies()
        """From the moment of sending, of streams that brought a token."""

    def add(self, piece: pa.Table) -> None:
        """The next requests, one dictionary to a column. Raises BadInput where a start is beyond any run's."""
        if not len(piece):
            return
        start, wire = piece["start_ns"].to_numpy(), piece["latency_us"].to_numpy().astype(np.int64)
        passed = np.maximum(start - self.start_ns, 0)
        if passed[-1] > LONGEST_S * NS:
            raise BadInput(f"a request started {passed[-1] // NS // 86_400} days after the run: its clock was wrong")
        self.total += len(piece)
        self.end_ns = max(self.end_ns, int((start + wire * 1000).max()))
        # From the instant the schedule wanted the request: what a client that arrived then would have waited.
        waited = wire + np.maximum(start - piece["intended_ns"].to_numpy(), 0) // 1000
        side = _codes(piece, "origin", ORIGINS)
        outcome = outcomes_of(piece, side)
        self._count_silent(piece, start, wire)
        self._count_kinds(piece, outcome)
        self._count_over_time(piece, side, outcome, passed)
        self._add_latencies(piece, side, outcome, wire, waited)
        self.lines.add(passed // round(self.lines.width_s * NS), side, waited)
        self.sample.add(piece, outcome, wire)

    def _count_silent(self, piece: pa.Table, start: Counts, wire: Counts) -> None:
        answered = np.flatnonzero(piece["status"].to_numpy() != 0)
        first = 0
        if len(answered):
            self.silent, first = 0, int(answered[-1]) + 1
        if first < len(piece):
            if not self.silent:
                self.silent_since_ns = int(start[first])
            self.silent += len(piece) - first
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
        """One row for each that occurred of KINDS, in order of the first: `n`, `prompt_tokens`, `completion_tokens`,
        `told` (how many told tokens), `first_ns` and `last_ns` (starts, unix). To be read when all pieces are in.
        """
        if not self._kinds:
            return pd.DataFrame(columns=[*KINDS, *_TOTALS])
        whole = pd.concat(self._kinds, ignore_index=True).groupby(KINDS, dropna=False, sort=False)
        return whole.agg(**_TOTALS).reset_index().sort_values("first_ns", kind="stable", ignore_index=True)

    def count(self, outcome: str) -> int:
        """Requests that came to it, one of OUTCOMES."""
        return int(self.outcomes[:, OUTCOMES.index(outcome)].sum())

    def wire_latencies(self, origin: str) -> Latencies:
        """From the moment of sending, of one side's answers."""
        return self._wire.get(origin, Latencies())

    def latencies(self, phase: str | None = None, origin: str | None = None, fine: bool | None = None) -> Latencies:
        """From the intended start, of one phase, one side's answers, whole 2xx or others; None: of all."""
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
        """Rows of requests and whole 2xx, by second: of all but what other members of a pool answered; None: of all."""
        own = [counts for name, counts in self.service.items() if member is None or name is None or name == member]
        return reduce(_plus, own, np.zeros((0, 2), np.int64))


def outcomes_of(piece: pa.Table, side: Codes) -> Codes:
    """What each request came to, as an index into OUTCOMES.

    A whole 2xx is a success; an answer that broke off keeps its status, and is an error all the same.
    """
    status = piece["status"].to_numpy()
    gateway = side == ORIGINS.index("gateway")
    whole = pc.is_null(piece["error"]).to_numpy()
    code = np.full(len(piece), OUTCOMES.index("other error"), dtype=np.int64)
    code[(status >= 200) & (status < 300) & whole] = OUTCOMES.index("2xx")
    code[(status == 429) & ~gateway] = OUTCOMES.index("429 backend")
    code[piece["shed"].to_numpy()] = OUTCOMES.index("503 shed")
    code[status == 0] = OUTCOMES.index("no response")
    return code


def _words(piece: pa.Table, name: str) -> list[str]:
    """The words of a text column, in the order of their codes."""
    words: list[str] = piece[name].chunk(0).dictionary.to_pylist()
    return words


def _codes(piece: pa.Table, name: str, words: Sequence[str | None]) -> Codes:
    """A text column as places in `words`; what is null or not among them is its own place 0."""
    column = piece[name].chunk(0)
    place = {word: index for index, word in enumerate(words)}
    known = np.array([place.get(word, 0) for word in column.dictionary.to_pylist()] + [0], np.int64)
    indices = column.indices.fill_null(len(known) - 1)
    codes: Codes = known[indices.to_numpy()]
    return codes


def _present(codes: Codes) -> list[int]:
    """Which codes occur, rising."""
    found: list[int] = np.flatnonzero(np.bincount(codes)).tolist()
    return found


def _plus(one: Counts, other: Counts) -> Counts:
    """The sum of two arrays of rows, the shorter one taken for 0 from its end on."""
    rows = max(len(one), len(other))
    padded = [np.pad(counts, ((0, rows - len(counts)), (0, 0))) for counts in (one, other)]
    return padded[0] + padded[1]
