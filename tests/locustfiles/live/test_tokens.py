"""Tokens so far: the sums are the record's, and a streamed answer's speed is per token after the first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.live.tokens import FIRST_TOKEN_BOUNDS_S, Spread, Tokens
from tripcurve.run.record import SCHEMA, Row

SPARE = Row(0, 0, 0, None, None, 200, "backend", None, None, None, None, None, "p", "StreamingChatUser", 0)


def recorded(*rows: Row) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([each._asdict() for each in rows], SCHEMA)


COUNT = st.none() | st.integers(0, 2**31 - 1)
ROWS = st.lists(
    st.builds(
        SPARE._replace,
        latency_us=st.integers(10**6, 10**7),
        first_byte_us=st.none() | st.integers(0, 10**6),
        prompt_tokens=COUNT,
        completion_tokens=COUNT,
        error=st.sampled_from([None, "BrokenStream"]),
    ),
    max_size=20,
)


@given(ROWS)
def test_sums_are_those_of_the_rows(rows: list[Row]) -> None:
    tokens = Tokens()
    tokens.add(recorded(*rows))
    assert tokens.input == sum(row.prompt_tokens or 0 for row in rows)
    assert tokens.output == sum(row.completion_tokens or 0 for row in rows)
    first = [row.first_byte_us for row in rows if row.first_byte_us is not None]
    assert (tokens.first.counts.sum(), tokens.first.sum_us) == (len(first), sum(first))
    per_token = [
        (row.latency_us - row.first_byte_us) / (row.completion_tokens - 1)
        for row in rows
        if row.first_byte_us is not None and row.error is None and (row.completion_tokens or 0) > 1
    ]
    assert tokens.per_token.counts.sum() == len(per_token)
    assert tokens.per_token.sum_us == pytest.approx(sum(per_token))


@given(st.lists(ROWS, max_size=3))
def test_the_sums_over_processes_are_those_of_all_their_rows(parts: list[list[Row]]) -> None:
    messages, whole = [], Tokens()
    for rows in parts:
        tokens = Tokens()
        tokens.add(recorded(*rows))
        messages.append(tokens.to_message())
        whole.add(recorded(*rows))
    assert Tokens.of_all([*messages, ()]).to_message() == pytest.approx(whole.to_message())


def test_a_time_at_a_bound_is_within_it() -> None:
    spread = Spread(FIRST_TOKEN_BOUNDS_S)
    spread.add(np.array([1000, 1001, 5000, 10_000_000, 10_000_001], np.int32))
    assert spread.counts.tolist() == [1, 2, *[0] * 13, 1, 1]
