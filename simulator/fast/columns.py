"""Columns of rows as arrays, and the record batches made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator.sources import Source
from tripcurve.lab import Lab
from tripcurve.run.record import ORIGINS, SCHEMA
from tripcurve.scenario import Scenario

__all__ = ["Columns", "Words", "joined", "to_batch"]


class Columns(NamedTuple):
    """Rows as arrays of one length: the columns that differ between rows of a simulated run, of their Arrow types."""

    start_ns: NDArray[Any]
    intended_ns: NDArray[Any]
    latency_us: NDArray[Any]
    backend_us: NDArray[Any]
    """-1: no backend answered."""
    status: NDArray[Any]
    origin: NDArray[Any]
    """Index in ORIGINS."""
    retry_after_s: NDArray[Any]
    """NaN: the answer had none."""
    phase: NDArray[Any]
    user: NDArray[Any]


class Words(NamedTuple):
    """The words behind a run's dictionary columns, and its constants."""

    backend: str
    phases: list[str]
    users: list[str]
    base: list[int]
    """The index in `users` of each source's first user class."""
    prompt: int
    completion: int

    @classmethod
    def of(cls, lab: Lab, scenario: Scenario, sources: Sequence[Source]) -> Words:
        """Return the words of a run."""
        users: list[str] = []
        base: list[int] = []
        classes = list(dict.fromkeys(source.users for source in sources))
        offsets = {}
        for one in classes:
            offsets[one] = len(users)
            users += [name for name, _ in one]
        base = [offsets[source.users] for source in sources]
        phases = [phase.name for phase in scenario.phases]
        tokens = scenario.tokens
        return cls(lab.backends[0].name, phases, users, base, tokens.prompt, tokens.completion)


def joined(held: Columns | None, found: Columns, before_ns: int) -> tuple[Columns, Columns]:
    """Join rows, and divide them by start: those before an instant, and the others. Both are sorted."""
    if held is not None and len(held.start_ns):
        found = Columns(*(np.concatenate(pair) for pair in zip(held, found, strict=True)))
    if (found.start_ns[1:] < found.start_ns[:-1]).any():
        order = np.argsort(found.start_ns, kind="stable")
        found = Columns(*(column[order] for column in found))
    place = int(np.searchsorted(found.start_ns, before_ns, "left"))
    return Columns(*(column[:place] for column in found)), Columns(*(column[place:] for column in found))


def to_batch(columns: Columns, words: Words) -> pa.RecordBatch:
    """Return rows as a record batch of the run's schema."""
    size = len(columns.start_ns)
    answered = columns.backend_us >= 0
    all_answered = bool(answered.all())
    unanswered = None if all_answered else ~answered
    good = columns.status == 200
    bad = None if all_answered and good.all() else ~good
    timed_out = None if all_answered else columns.status != 0
    arrays = [
        pa.array(columns.start_ns),
        pa.array(columns.intended_ns),
        pa.array(columns.latency_us),
        pa.nulls(size, pa.int32()),
        pa.array(columns.backend_us, mask=unanswered),
        pa.array(columns.status),
        _dictionary(columns.origin, ORIGINS),
        _dictionary(np.zeros(size, np.int32), [words.backend], unanswered),
        pa.array(columns.retry_after_s, from_pandas=True),
        pa.array(np.full(size, words.prompt, np.int32), mask=bad),
        pa.array(np.full(size, words.completion, np.int32), mask=bad),
        _nulls(size) if timed_out is None or timed_out.all() else _dictionary(np.zeros(size), ["Timeout"], timed_out),
        _dictionary(columns.phase, words.phases),
        _dictionary(columns.user, words.users),
        pa.array(np.zeros(size, np.int16)),
    ]
    return pa.record_batch(arrays, schema=SCHEMA)


def _dictionary(indices: NDArray[np.generic], words: Sequence[str], mask: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int32), mask=mask), pa.array(words))


def _nulls(size: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.nulls(size, pa.int32()), pa.array([], pa.string()))
