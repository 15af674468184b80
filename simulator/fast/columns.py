"""Columns of rows as arrays, and their conversion to record batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator.sources import Source
from simulator.words import alike
from tripcurve.lab import Lab
from tripcurve.run.record import ORIGINS, SCHEMA
from tripcurve.scenario import Scenario

__all__ = ["Columns", "Words", "joined", "to_batch"]


class Columns(NamedTuple):
    """The columns that differ between the rows of a simulated run, as arrays of shape (n,) with their Arrow types.

    An array of stride 0 holds the same value everywhere.
    """

    start_ns: NDArray[Any]
    intended_ns: NDArray[Any]
    latency_us: NDArray[Any]
    backend_us: NDArray[Any]
    """Of no meaning where the origin is not the backend."""
    status: NDArray[Any]
    origin: NDArray[Any]
    """Index in ORIGINS."""
    retry_after_s: NDArray[Any]
    """NaN: the answer had none."""
    phase: NDArray[Any]
    user: NDArray[Any]


class Words(NamedTuple):
    """The values of a run's dictionary columns, and its constants."""

    backend: str
    phases: list[str]
    users: list[str]
    base: list[int]
    """The index in `users` of each source's first user class."""
    prompt: int
    completion: int

    @classmethod
    def of(cls, lab: Lab, scenario: Scenario, sources: Sequence[Source]) -> Words:
        """Return the words of a run with these sources."""
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
    """Join rows and split them at a start: before `before_ns`, and from it on. Both sorted. `held` None: no rows."""
    if held is not None and len(held.start_ns):
        found = Columns(*(np.concatenate(pair) for pair in zip(held, found, strict=True)))
    if (found.start_ns[1:] < found.start_ns[:-1]).any():
        order = _order(found.start_ns)
        found = Columns(*(column.take(order) for column in found))
    place = int(np.searchsorted(found.start_ns, before_ns, "left"))
    return Columns(*(column[:place] for column in found)), Columns(*(column[place:] for column in found))


def _order(instants: NDArray[Any]) -> NDArray[Any]:
    """Return the stable order of instants. Sorting with the index in the low bits is faster than `argsort`."""
    bits, first = len(instants).bit_length(), instants.min()
    if int(instants.max() - first) >= 1 << (62 - bits):
        order: NDArray[Any] = np.argsort(instants, kind="stable")
        return order
    keys: NDArray[Any] = ((instants - first) << bits) | np.arange(len(instants))
    keys.sort()
    keys &= (1 << bits) - 1
    return keys


def to_batch(columns: Columns, words: Words) -> pa.RecordBatch:
    """Return rows as a record batch of the run's schema."""
    size = len(columns.start_ns)
    zeros = alike(0, "int8", size)
    unanswered, bad = _unlike(columns.origin, 0), _unlike(columns.status, 200)
    hints = columns.retry_after_s
    arrays = [
        pa.array(columns.start_ns),
        pa.array(columns.intended_ns),
        pa.array(columns.latency_us),
        _constant(None, pa.int32(), size),
        pa.array(columns.backend_us, mask=unanswered),
        _numbers(columns.status, pa.int16()),
        _dictionary(columns.origin, ORIGINS),
        _dictionary(zeros, (words.backend,), unanswered),
        _constant(None, pa.float32(), size) if bad is None else pa.array(hints, from_pandas=True),
        _tokens(words.prompt, size, bad),
        _tokens(words.completion, size, bad),
        _dictionary(zeros, ("Timeout",), alike(True, "bool", size) if bad is None else columns.status != 0),
        _dictionary(columns.phase, tuple(words.phases)),
        _dictionary(columns.user, tuple(words.users)),
        _constant(0, pa.int16(), size),
    ]
    return pa.record_batch(arrays, schema=SCHEMA)


def _unlike(values: NDArray[np.integer], usual: int) -> NDArray[np.bool_] | None:
    """Return where values differ from the usual one, or None if none does."""
    if _same(values):
        return None if values[0] == usual else np.ones(len(values), bool)
    found: NDArray[np.bool_] = values != usual
    return found if found.any() else None


def _same(values: NDArray[np.integer]) -> bool:
    return values.strides == (0,) or bool((values == values[0]).all())


def _numbers(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    return _constant(int(values[0]), kind, len(values)) if _same(values) else pa.array(values, kind)


def _tokens(count: int, size: int, bad: NDArray[np.bool_] | None) -> pa.Array:
    if bad is None:
        return _constant(count, pa.int32(), size)
    return pa.array(np.full(size, count, np.int32), mask=bad)


def _dictionary(indices: NDArray[Any], words: tuple[str, ...], mask: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a dictionary array of words by their indices; null where `mask` is true."""
    size = len(indices)
    if mask is None and _same(indices):
        return _longest_word(int(indices[0]), words, _rounded(size)).slice(0, size)
    if mask is not None and mask.all():
        return _longest_word(None, words, _rounded(size)).slice(0, size)
    return pa.DictionaryArray.from_arrays(
        pa.array(indices.astype(np.int32), mask=mask), _dictionary_of(words), safe=False
    )


@lru_cache(maxsize=256)
def _dictionary_of(words: tuple[str, ...]) -> pa.Array:
    return pa.array(words, pa.string())


@lru_cache(maxsize=256)
def _longest_word(index: int | None, words: tuple[str, ...], size: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(_constant(index, pa.int32(), size), _dictionary_of(words))


@lru_cache(maxsize=256)
def _longest(value: int | None, kind: pa.DataType, size: int) -> pa.Array:
    return pa.nulls(size, kind) if value is None else pa.repeat(pa.scalar(value, kind), size)


def _constant(value: int | None, kind: pa.DataType, size: int) -> pa.Array:
    """Return an array of `size` equal values, a slice of one array that all batches share."""
    return _longest(value, kind, _rounded(size)).slice(0, size)


def _rounded(size: int) -> int:
    """Return the next power of two, so that few different lengths are kept."""
    return 1 << max(size - 1, 0).bit_length()
