"""Tokens of a run so far, as the record has them, and how fast the tokens of streamed answers came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["FIRST_TOKEN_BOUNDS_S", "PER_TOKEN_BOUNDS_S", "Spread", "Tokens"]

FIRST_TOKEN_BOUNDS_S = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
"""Those of the server's time to the first token in the semantic conventions [OTEL-GENAI-METRICS]."""
PER_TOKEN_BOUNDS_S = (
    *(0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
)
"""Those of the server's time per output token in the same conventions, after four for mocks."""
_COLUMNS = ["latency_us", "first_byte_us", "completion_tokens", "error"]


class Spread:
    """How times are spread: `counts` of those up to each bound and of those above the last, and the sum of all.

    `bounds_s`: ascending, seconds. The sum is in microseconds, because sums of whole microseconds are exact.
    """

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self.bounds_s = tuple(bounds_s)
        self._edges_us = np.array(bounds_s) * 1e6
        self.counts = np.zeros(len(bounds_s) + 1, np.int64)
        self.sum_us = 0.0

    def add(self, times_us: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        """Count times in microseconds, an array of shape (n,)."""
        self.counts += np.bincount(np.searchsorted(self._edges_us, times_us), minlength=len(self.counts))
        self.sum_us += float(times_us.sum())

    def merge(self, counts: npt.ArrayLike, sum_us: float) -> None:
        """Add the counts and the sum of another spread with the same bounds."""
        self.counts += np.asarray(counts, np.int64)
        self.sum_us += sum_us


@dataclass
class Tokens:
    """Tokens by the `usage` of answers, probes included.

    Of streamed answers: `first` is the time from sending to the first token; `per_token` is the time from there to the
    end, divided by the tokens after the first, of complete answers with two tokens or more.
    """

    input: int = 0
    output: int = 0
    first: Spread = field(default_factory=lambda: Spread(FIRST_TOKEN_BOUNDS_S))
    per_token: Spread = field(default_factory=lambda: Spread(PER_TOKEN_BOUNDS_S))

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows of the record."""
        self.input += pc.sum(rows["prompt_tokens"]).as_py() or 0
        self.output += pc.sum(rows["completion_tokens"]).as_py() or 0
        if rows["first_byte_us"].null_count < len(rows):
            self._add_streams(rows.select(_COLUMNS).filter(pc.is_valid(rows["first_byte_us"])))

    def _add_streams(self, rows: pa.RecordBatch) -> None:
        first_us = rows["first_byte_us"].to_numpy()
        after = pc.fill_null(rows["completion_tokens"], 0).to_numpy() - 1
        whole = (after > 0) & pc.is_null(rows["error"]).to_numpy(zero_copy_only=False)
        self.first.add(first_us)
        self.per_token.add((rows["latency_us"].to_numpy() - first_us)[whole] / after[whole])

    def to_message(self) -> list[float]:
        """Return plain data for a message: both sums of tokens, then sum and counts of each spread."""
        spreads = [[each.sum_us, *map(int, each.counts)] for each in (self.first, self.per_token)]
        return [self.input, self.output, *spreads[0], *spreads[1]]

    @classmethod
    def of_all(cls, messages: Iterable[Sequence[float]]) -> Tokens:
        """Return the sums over several processes. `messages`: of `to_message`; one that is empty has no tokens."""
        total = cls()
        for message in filter(None, messages):
            total.input += int(message[0])
            total.output += int(message[1])
            rest = message[2:]
            for spread in (total.first, total.per_token):
                n = len(spread.counts)
                spread.merge(rest[1 : n + 1], rest[0])
                rest = rest[n + 1 :]
        return total
