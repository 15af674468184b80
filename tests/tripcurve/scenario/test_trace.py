"""Traces scaled in time and rate."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.errors import BadInput
from tripcurve.scenario import Replay
from tripcurve.scenario.trace import MOST_REQUESTS, Trace
from tripcurve.scenario.trace_file import Sent

S = 1_000_000_000


def trace(*at_s: float, prompt: int = 0, **replay: Any) -> Trace:
    count = len(at_s)
    at_ns = np.array([round(at * S) for at in at_s], np.int64)
    sent = Sent(at_ns, np.full(count, prompt, np.int32), np.arange(count, dtype=np.int32))
    return Trace.of(sent, Replay(file="t.csv", **replay), Path("t.csv"))


def test_times_count_from_the_first_and_rows_need_not_be_sorted() -> None:
    found = trace(13.5, 10, 11)
    assert found.due_ns.tolist() == [0, S, 3.5 * S]
    assert found.completion.tolist() == [1, 2, 0], "each size stays with its time"
    assert found.length_s == 4


def test_a_speed_divides_all_times() -> None:
    assert trace(0, 1, 4, speed=4).due_ns.tolist() == [0, S / 4, S]


@pytest.mark.parametrize(
    ("rate", "due", "sizes"),
    [
        (0.5, [1, 3], [1, 3]),
        (1.5, [0, 1, 1.5, 2, 3], [0, 1, 1, 2, 3]),
        (2.0, [0, 0.5, 1, 1.5, 2, 2.5, 3], [0, 0, 1, 1, 2, 2, 3]),
    ],
)
def test_a_rate_thins_or_repeats_requests_evenly(rate: float, due: list[float], sizes: list[int]) -> None:
    found = trace(0, 1, 2, 3, rate=rate)
    assert [round(at / S, 6) for at in found.due_ns.tolist()][: len(due)] == due
    assert found.completion.tolist()[: len(sizes)] == sizes
    assert len(found.due_ns) == int(4 * rate)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=40),
    st.floats(0.03, 7),
    st.floats(0.1, 100),
)
def test_a_scaled_trace_is_ascending_and_has_its_share_of_requests(at: list[int], rate: float, speed: float) -> None:
    try:
        found = trace(*at, rate=rate, speed=speed)
    except BadInput:
        assert len(at) * rate < 1
        return
    assert len(found.due_ns) == int(np.floor(len(at) * rate))
    assert all(one < other for one, other in pairwise(found.due_ns.tolist()))
    assert found.due_ns[0] >= 0
    assert found.due_ns[-1] <= (max(at) - min(at)) * S / speed + len(found.due_ns)


def test_requests_of_one_instant_keep_their_sizes() -> None:
    found = trace(5, 5, 5)
    assert found.due_ns.tolist() == [0, 1, 2]
    assert [found.sizes(due)[1] for due in (0, 1, 2)] == [0, 1, 2]


def test_the_size_of_a_request_that_is_no_part_of_the_trace_is_not_known() -> None:
    found = trace(0, 1, prompt=70)
    assert found.sizes(S) == (70, 1)
    assert found.sizes(S - 1) == found.sizes(S + 1) == (0, 0)


def test_a_trace_travels_whole() -> None:
    found = trace(0, 0.5, 2, prompt=9)
    back = Trace.from_message(found.to_message())
    assert [each.tolist() for each in (back.due_ns, back.prompt, back.completion)] == [
        each.tolist() for each in (found.due_ns, found.prompt, found.completion)
    ]


def test_a_rate_that_leaves_nothing_or_too_much_is_refused() -> None:
    with pytest.raises(BadInput, match=r"t.csv: trace.rate 0.1 leaves none of its 3 requests"):
        trace(0, 1, 2, rate=0.1)
    with pytest.raises(BadInput, match=f"at most {MOST_REQUESTS:,}"):
        trace(*range(6000), rate=1000)
