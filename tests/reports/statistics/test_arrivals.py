"""Arrivals are collected in pieces, in due order, and without what the schedule did not ask for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.arrivals import HELD_NS, Arrivals, PhaseArrivals
from tests.reports.runs import scenario_of

START = 1_700_000_000_000_000_000
CONSTANT = scenario_of({"for": 100, "rate": 10})


def piece(due_s: list[float], late_s: list[float], *, user: str = "ChatUser", phase: str = "p0") -> pa.Table:
    """Rows in order of their start. A lateness of 0 makes the start the intended one, as for a retry."""
    due = START + (np.array(due_s) * 1e9).round().astype(np.int64)
    start = due + (np.array(late_s) * 1e9).round().astype(np.int64)
    order = np.argsort(start, kind="stable")
    columns = {
        "start_ns": start[order],
        "intended_ns": due[order],
        "clock_doubt_ns": np.zeros(len(due), np.int64),
        "user": pa.array([user] * len(due)).dictionary_encode(),
        "phase": pa.array([phase] * len(due)).dictionary_encode(),
    }
    return pa.table(columns)


def collected(*pieces: pa.Table) -> PhaseArrivals:
    arrivals = Arrivals(CONSTANT, START)
    for each in pieces:
        arrivals.add(each)
    arrivals.finish()
    return arrivals.phases["p0"]


def outcome(found: PhaseArrivals) -> tuple[object, ...]:
    return found.sent, found.gaps, round(found.gap_sum, 6), round(found.gap_squares, 6), found.gap_bins.tolist()


@given(
    gaps=st.lists(st.floats(0.001, 0.4), min_size=2, max_size=80),
    late=st.lists(st.floats(0.0001, 4.9), min_size=80, max_size=80),
    cuts=st.sets(st.integers(1, 79), max_size=6),
)
def test_pieces_give_the_same_as_the_whole(gaps: list[float], late: list[float], cuts: set[int]) -> None:
    whole = piece(np.cumsum(gaps).tolist(), late[: len(gaps)])
    ends = [*sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    parts = [whole.slice(begin, end - begin) for begin, end in zip([0, *ends], ends, strict=False)]
    assert outcome(collected(*(part.combine_chunks() for part in parts))) == outcome(collected(whole))


def test_gaps_are_those_between_due_times_whatever_the_order_of_starts() -> None:
    found = collected(piece([0.0, 0.1, 0.2, 0.3], [0.35, 0.001, 0.25, 0.001]))
    assert (found.sent, found.gaps) == (4, 3)
    assert found.gap_sum == pytest.approx(3)
    assert found.gap_squares == pytest.approx(3)


def test_a_gap_on_a_ramp_is_counted_in_gaps_of_the_rate_at_that_instant() -> None:
    arrivals = Arrivals(scenario_of({"for": 10, "rate": {"from": 0, "to": 20}}), START)
    due = [np.sqrt(n).item() for n in range(100)]  # t² arrivals are due by t
    arrivals.add(piece(due, [0.001] * 100))
    arrivals.finish()
    found = arrivals.phases["p0"]
    assert found.gap_sum == pytest.approx(99)
    assert found.gap_squares == pytest.approx(99)
    assert found.expected(10) == pytest.approx(100)
    assert found.expected(5) == pytest.approx(25)


def test_retries_and_probes_are_no_arrivals() -> None:
    found = collected(piece([1.0, 2.0], [0.001, 0.0]), piece([3.0], [0.001], user="ProbeUser"))
    assert (found.sent, found.unplanned) == (1, 1)


def test_one_that_comes_later_than_any_user_sends_has_no_gap() -> None:
    found = collected(piece([0.0, 0.1, 30.0], [0.001] * 3), piece([30.1, 30.2], [0.001] * 2), piece([0.05], [31.0]))
    assert (found.sent, found.gaps) == (6, 4)
    assert found.gap_sum == pytest.approx(302)


def test_memory_holds_the_last_seconds_only() -> None:
    arrivals = Arrivals(scenario_of({"for": 1000, "rate": 100}), START)
    for begin in range(0, 1000, 50):
        arrivals.add(piece([begin + n / 100 for n in range(5000)], [0.001] * 5000))
        assert len(arrivals.phases["p0"]._waiting) <= 100 * HELD_NS / 1e9 + 1


def test_a_phase_that_the_scenario_does_not_have_is_left_out() -> None:
    assert collected(piece([1.0], [0.001], phase="other")).sent == 0
