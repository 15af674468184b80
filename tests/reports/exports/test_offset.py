"""Azure's clock is reconciled only where one offset can be true."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.exports.gateway_log import read_gateway_log
from reports.exports.offset import _deepest, offset_by_requests
from reports.loading.run import load
from tests.reports.exports.azure import recorded_and_logged
from tests.reports.runs import RULE, TRIP, lab_of
from tripcurve.errors import BadInput

LAB = lab_of(RULE, median_ms=20)


def test_requests_at_other_distances_fit_no_offset(tmp_path: Path) -> None:
    _, rows = recorded_and_logged(tmp_path / "run", LAB, TRIP)
    log = read_gateway_log([{name.lower(): value for name, value in row.items()} for row in rows], LAB)
    rng = random.Random(7)
    scattered = log.start_ns + np.array([rng.randrange(10**9) for _ in log.start_ns])
    with pytest.raises(BadInput, match="no offset"):
        offset_by_requests(load(tmp_path / "run"), replace(log, start_ns=scattered))


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 30)), min_size=1, max_size=12))
def test_the_deepest_stretch_lies_in_the_most_intervals(spans: list[tuple[int, int]]) -> None:
    intervals = [(low, low + length) for low, length in spans]
    edges = [(at, ends, number) for number, span in enumerate(intervals) for ends, at in enumerate(span)]
    low, high, depth = _deepest(edges)
    covering = [sum(begin <= at <= end for begin, end in intervals) for at in range(-51, 82)]
    assert depth == max(covering)
    assert sum(begin <= low and high <= end for begin, end in intervals) == depth
